"""Answers as plain text for a terminal. Pure functions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rag import Answer, Citation

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202d\u202e]")  # the last two override the direction of text


def as_text(answer: Answer) -> str:
    """Return the answer with its notes, the reasons why sentences are not confirmed, and its citations.

    If the articles do not answer the question, the closest passages follow.
    """
    from .html import abstention_text, support_label  # imports rag, which the help does not need

    lines = [answer.text if answer.found else abstention_text(answer), *(f"\n({note})" for note in answer.notes)]
    for sentence in answer.sentences:
        if sentence.reason:
            label = support_label(sentence.support, sentence.reason)
            lines.append(f"\n({label}: “{_short(sentence.text)}” {sentence.reason})")
    if not answer.found and answer.hits:
        lines += ["", "Closest passages:"]
        lines += [
            f"  {hit.title}, {hit.passage.start}–{hit.passage.end}: {_short(hit.passage.text)}"
            for hit in answer.hits[:3]
        ]
    for citation in answer.citations:
        lines += [
            "",
            f"[{citation.number}] {citation.title} ({', '.join(_origin(citation))})",
            f"    characters {citation.start}–{citation.end}, {citation.support}: “{' '.join(citation.quote.split())}”",
        ]
    return printable("\n".join(lines))


def printable(text: str) -> str:
    """Return text without control characters: a terminal would obey those in an article, such as escape sequences."""
    return _CONTROL.sub("\ufffd", text)


def explained(answer: Answer) -> str:
    """Return an explanation of each hit: its rank in each ranking and the words it shares with the question."""
    lines = [
        "",
        "",
        f"Confidence that the articles answer the question: {answer.confidence:.3f}",
        "Passages and their ranks:",
    ]
    for number, hit in enumerate(answer.hits, start=1):
        ranks = ", ".join(f"{name} {rank}" for name, rank in hit.ranks.items())
        shared = ", ".join(hit.shared) or "no word"
        lines.append(f"  [{number}] {ranks}; shares {shared}: {_short(hit.passage.text, 80)}")
    if answer.reasoning:
        lines += ["", "The LLM's reasoning:", answer.reasoning.strip()]
    return printable("\n".join(lines))


def _origin(citation: Citation) -> list[str]:
    """Return a citation's outlets, author, date and page, without those that are unknown."""
    page = f"p. {citation.page}" if citation.page else None
    parts = (citation.source, *citation.also, citation.author, citation.published, page)
    return [" ".join(part.split()) for part in parts if part]


def _short(text: str, longest: int = 160) -> str:
    text = " ".join(text.split())
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"
