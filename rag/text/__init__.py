"""Names and numbers in a text."""
