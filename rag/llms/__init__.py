"""Language models: loading, retries and error messages."""
