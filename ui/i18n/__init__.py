"""Page translations."""
