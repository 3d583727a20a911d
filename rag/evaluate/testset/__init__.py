"""Test sets: read, checked, extended and written."""
