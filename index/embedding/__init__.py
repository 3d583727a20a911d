"""Vectors for passages and questions."""
