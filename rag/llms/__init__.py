"""Language models: loading, retrying and explaining failures."""
