"""Renderers for chat content as HTML and Markdown."""
