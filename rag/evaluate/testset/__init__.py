"""Test sets: read, validate, extend and write them."""
