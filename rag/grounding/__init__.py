"""Grounding: whether the evidence supports a sentence."""
