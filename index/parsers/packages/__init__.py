"""Parsers for packages: zip archives of XML that are one publication, such as books and presentations."""
