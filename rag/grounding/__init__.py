"""Check whether the evidence supports a sentence."""
