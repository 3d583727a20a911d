"""The answer, quoted or written by an LLM."""
