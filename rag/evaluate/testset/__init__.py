"""Read, validate, extend and write test sets."""
