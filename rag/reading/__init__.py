"""The reader: which sentences answer a question, and how confident that is."""
