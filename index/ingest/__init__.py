"""Index articles from files, folders and web addresses."""
