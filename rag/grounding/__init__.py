"""Whether the evidence supports a sentence."""
