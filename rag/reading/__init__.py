"""The reader: it selects the sentences that answer a question, and estimates its confidence."""
