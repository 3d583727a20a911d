"""Parsers for lists of articles: feeds and sitemaps."""
