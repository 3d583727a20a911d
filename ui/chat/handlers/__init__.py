"""Handlers of the page's events. Each returns, or yields, new values by the name of their component."""
