"""Answers as text, for a terminal. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rag import Answer, Citation


def as_text(answer: Answer) -> str:
    """The answer, its notes, and each place that it cites; or the nearest passages where there is none."""
    lines = [answer.text, *(f"\n({note})" for note in answer.notes)]
    if not answer.found and answer.hits:
        lines += ["", "Nearest passages:"]
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
    return "\n".join(lines)


def explained(answer: Answer) -> str:
    """Why each passage was found, for a person who wonders."""
    lines = [
        "",
        "",
        f"Trust in an answer being there: {answer.confidence:.3f}",
        "Passages, and their rank in each leg:",
    ]
    for number, hit in enumerate(answer.hits, start=1):
        legs = ", ".join(f"{leg} {rank}" for leg, rank in hit.ranks.items())
        lines.append(
            f"  [{number}] {legs}; shares {', '.join(hit.shared) or 'no word'}: {_short(hit.passage.text, 80)}"
        )
    return "\n".join(lines)


def _origin(citation: Citation) -> list[str]:
    """Outlets, author, date and page, as far as they are known."""
    page = f"p. {citation.page}" if citation.page else None
    parts = (citation.source, *citation.also, citation.author, citation.published, page)
    return [" ".join(part.split()) for part in parts if part]


def _short(text: str, longest: int = 160) -> str:
    text = " ".join(text.split())
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"
