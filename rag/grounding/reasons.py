"""The reasons why a sentence is not confirmed, as short sentences that a person can check. Pure.

Each reason is a template with at most two slots, so that the page can translate it; see `parse_reason`.
"""

from __future__ import annotations

from ..notes import fill, parse_template

NOT_MENTIONED = "The cited passage does not mention {word}."
NOWHERE_MENTIONED = "No passage mentions {word}."
NOT_NAMED = "The cited passage does not name {word}."
NOWHERE_NAMED = "No passage names {word}."
OTHER_WORD = "The passage says {old}, not {word}."
OTHER_UNIT = "The passage gives {word} in another unit."
EXCHANGED = "The passage has {word} and {other} the other way round."
OTHER_PLACE = "The passage does not say this of {word}."
DENIED = "The passage denies this."
NOT_DENIED = "The passage does not deny this."
MAY_DENY = "The passage contains a negation that this sentence does not."
MAY_NOT_DENY = "This sentence contains a negation that the passage does not."
IN_DOUBT = "The words before this in the passage may change its meaning."
NOT_SIMILAR = "The passage does not say this in similar words."
PARTLY_SIMILAR = "The passage says only part of this in similar words."
NO_WORDS = "The sentence contains no words to check."
TOO_LONG = "The sentence is too long to be checked."
CONTRADICTED = "The passage contradicts this."
NOT_SAID = "The passage does not say this."
PARTLY_SAID = "The passage says only part of this."
WORDS_NOT_SAID = "The passage does not say “{word}”."

REASONS = (
    *(NOT_MENTIONED, NOWHERE_MENTIONED, NOT_NAMED, NOWHERE_NAMED, OTHER_WORD, OTHER_UNIT, EXCHANGED, OTHER_PLACE),
    *(DENIED, NOT_DENIED, MAY_DENY, MAY_NOT_DENY, IN_DOUBT, NOT_SIMILAR, PARTLY_SIMILAR, NO_WORDS, TOO_LONG),
    *(CONTRADICTED, NOT_SAID, PARTLY_SAID, WORDS_NOT_SAID),
)
"""All templates. A filled reason matches at most one of them."""

_CONTRADICTIONS = (OTHER_WORD, EXCHANGED, DENIED, NOT_DENIED, CONTRADICTED)


def reason(template: str, **words: str) -> str:
    """Return a template with its slots filled, each on one line and at most 60 characters long."""
    return fill(template, **words)


def is_contradiction(text: str) -> bool:
    """Return whether a reason says that the passage contradicts the sentence, not only that it does not say it."""
    return parse_reason(text)[0] in _CONTRADICTIONS


def parse_reason(text: str) -> tuple[str, dict[str, str]]:
    """Return the template of a reason and its words, by slot; text that is not a reason is its own template."""
    return parse_template(text, REASONS)
