"""Encode passages and questions as vectors."""
