"""Draft test questions from articles."""
