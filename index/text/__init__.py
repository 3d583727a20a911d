"""Text of an article: boilerplate, bylines, sentences and passages."""
