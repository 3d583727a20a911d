"""The passages that match a question."""
