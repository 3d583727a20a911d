"""Draft the cases of a test set from articles."""
