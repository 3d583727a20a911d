"""Handlers for the page's events. Each returns or yields new values by component name."""
