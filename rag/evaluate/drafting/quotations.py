"""Find people's statements in English text, each with a question such as "What did X say about Y?" Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from index import terms

from .grammar import MONTH, NAME, ORGANISATION, PERSON, ROLE
from .statements import Statement

_SAID = r"(?:said|says|argued|wrote|warned|added|explained|tweeted|noted|asked|told \w+|predicted|claimed|believes)"
_ASIDE = r"(?:, (?!as )[^“”.\n]{3,160}?,)?"
_STATED = r"(?:said|says|noted|predicted|claimed|believes|expects|thinks|explained|added)"
_QUOTED = r"[“\"](?P<a>[^“”\"\n]{15,220}?)[,.]?[”\"]"
_PATTERNS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"{_QUOTED},? (?P<s>{NAME}|he|she){_ASIDE} {_SAID}\b",
        rf"{_QUOTED},? {_SAID} (?P<s>{NAME})",
        rf"(?P<s>{NAME}|[Hh]e|[Ss]he){_ASIDE} {_SAID}(?P<t>(?: [^“”\".\n]{{0,100}})?) {_QUOTED}",
        rf"(?P<s>{NAME}){_ASIDE} (?P<v>denied|warned) (?:in [a-z ]+ )?(?:that )?(?P<a>[^“”\".;\n]{{15,140}}?)"
        rf"(?=[.;]|,? (?:and|but|saying) )",
        rf"(?P<s>{NAME}|[Hh]e|[Ss]he){_ASIDE} (?:{_STATED}|argued that) (?:that )?(?P<a>[^“”\".;\n]{{20,160}})(?=[.;])",
    )
)
_INTRODUCED = re.compile(rf"({PERSON})(?:, (?:(?:an?|the) )?[^,.“”\n]{{0,70}}?\b{ROLE}\b|, who\b| {_SAID}\b)")
_TITLED = re.compile(rf"\b{ROLE} ({PERSON})")
_TOPIC = re.compile(rf"the {NAME} [a-z]+|{NAME}[’']s (?!own\b)(?:[a-z]+|{NAME})|{NAME}")
_WITH_ARTICLE = {"US", "UK", "EU", "UN"}
_NO_TOPIC = re.compile(rf"(?:[A-Z]\w+(?:ese|ish|ian|ean|ican)|{MONTH}|\w+day|LinkedIn|“?[A-Z]|Local|True|Even)")


def people_of(text: str) -> list[str]:
    """Return the full names of the people whom a text introduces or quotes, most frequent first."""
    found = [match[1] for pattern in (_INTRODUCED, _TITLED) for match in pattern.finditer(text)]
    often = Counter(name for name in found if not ORGANISATION.search(name) and "-based" not in name)
    return sorted(often, key=lambda name: -often[name])


def find_quotations(paragraph: str, people: Sequence[str]) -> Iterator[Statement]:
    """Yield the quotations in a paragraph, with offsets in it; `people` contains the full names in the article."""
    for pattern in _PATTERNS:
        for match in pattern.finditer(paragraph):
            if paragraph[: match.start("s")].endswith(("and ", "of ")):
                continue  # this is the end of a longer name
            speaker = _speaker(match, paragraph, people)
            question = speaker and _question(match, speaker, paragraph)
            if question:
                evidence = (min(match.start(), match.start("a")), match.end())
                yield Statement("saying", question, match.span("a"), evidence)


def full_name(name: str, people: Sequence[str]) -> str:
    """Return the full name for a partial one, such as "Xie Saining" for "Xie", or the partial one if it is
    ambiguous."""
    if name in people:
        return name
    found = [person for person in people if name in (person.split()[0], person.split()[-1])]
    return found[0] if len(found) == 1 else name


def _speaker(match: re.Match[str], paragraph: str, people: Sequence[str]) -> str:
    name = match["s"]
    if name.lower() not in ("he", "she"):
        return full_name(name, people)
    before = paragraph[: match.start("s")]
    named = [
        person
        for person in people  # matched by first name or surname
        if any(re.search(rf"\b{re.escape(person.split()[end])}\b", before) for end in (0, -1))
    ]
    return named[0] if len(named) == 1 else ""


def _question(match: re.Match[str], speaker: str, paragraph: str) -> str:
    groups = match.groupdict()
    if groups.get("v"):
        return f"What did {speaker} {'deny' if groups['v'] == 'denied' else 'warn'}?"
    before = paragraph[: match.start()].rsplit(". ", 1)[-1]
    for text in (groups.get("t") or "", match["a"], before):
        if topic := _topic(text, speaker):
            return f"What did {speaker} say about {topic}?"
    return ""


def _topic(text: str, speaker: str) -> str:
    """Return the first name in a text that is not the speaker's, with "the" if it needs it; else an empty string."""
    for match in _TOPIC.finditer(text):
        topic = match[0]
        bare = topic.removeprefix("the ").split()[0].removesuffix("’s").removesuffix("'s")
        after = re.match(r"[’']s|[’']| ([a-z]+)", text[match.end() :])
        describes = after is not None and (not after[1] or bool(terms(after[1])))
        if bare in speaker.split() or "-" in bare or _NO_TOPIC.fullmatch(bare) or match.start() == 0:
            continue
        if " " not in topic and describes:
            continue  # "US peers" does not refer to the US
        return f"the {topic}" if topic in _WITH_ARTICLE else topic
    return ""
