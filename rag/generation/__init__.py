"""Generation of the answer, by quoting or by an LLM."""
