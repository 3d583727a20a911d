"""Answer generation, by quoting the articles or with an LLM."""
