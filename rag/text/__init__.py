"""Names and quantities in a text."""
