"""Store articles and passages in Chroma, with caches beside it."""
