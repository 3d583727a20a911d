"""Draft test cases from articles."""
