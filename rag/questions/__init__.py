"""Question analysis and question suggestions."""
