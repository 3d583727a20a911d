"""Articles and passages in Chroma, and the caches beside it."""
