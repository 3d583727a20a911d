"""Notes on an answer with slots: how the cited articles differ, their dates, and whose file no longer exists. Pure.

A note is a template with at most two slots, so that the page can translate it; see `parse_note`.
"""

from __future__ import annotations

from collections.abc import Iterable

DIFFER = "The articles differ. The newest report is of {day}."
DIFFER_SAME_DAY = "The articles differ. All are of {day}."
DIFFER_PARTLY_DATED = "The articles differ. The newest report with a date is of {day}; others have no date."
DIFFER_UNDATED = "The articles differ. They have no date, so it is not known which one is newer."
NEWEST = "The newest of the quoted articles is of {day}."
DATED = "The quoted articles are of {day}."
DATED_BETWEEN = "The quoted articles are dated between {first} and {last}."
UNDATED = "The quoted articles have no date."
GONE = "The file of “{title}” no longer exists."

NOTES = (DIFFER, DIFFER_SAME_DAY, DIFFER_PARTLY_DATED, DIFFER_UNDATED, NEWEST, DATED, DATED_BETWEEN, UNDATED, GONE)
"""All templates. A filled note matches at most one of them."""

_MAX_WORD = 60  # maximum length of what fills a slot, in characters


def fill(template: str, **words: str) -> str:
    """Return a template with its slots filled, each on one line and at most 60 characters long."""
    return template.format(**{name: _short(word) for name, word in words.items()})


def parse_note(text: str) -> tuple[str, dict[str, str]]:
    """Return the template of a note and its words, by slot; a note without a template is its own template."""
    return parse_template(text, NOTES)


def parse_template(text: str, templates: Iterable[str]) -> tuple[str, dict[str, str]]:
    """Return the template of a filled text and its words, by slot; a text without a template is its own template."""
    for template in templates:
        begin, *rest = template.split("{")
        parts = [part.partition("}") for part in rest]  # name, "}", text up to the next slot
        if not text.startswith(begin):
            continue
        words, remaining = {}, text[len(begin) :]
        for name, _, after in parts[:-1]:
            words[name], found, remaining = remaining.partition(after)
            if not found:
                break
        else:
            if parts:
                name, _, after = parts[-1]
                if not remaining.endswith(after):
                    continue
                words[name], remaining = remaining[: len(remaining) - len(after)], ""
            if not remaining and all(words.values()):
                return template, words
    return text, {}


def _short(word: str) -> str:
    word = " ".join(word.split())
    return word if len(word) <= _MAX_WORD else word[: _MAX_WORD - 1].rstrip() + "…"
