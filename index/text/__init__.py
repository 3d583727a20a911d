"""Split article text into boilerplate, bylines, sentences and passages."""
