"""What a question asks for: a fact, or something that no single sentence answers, such as an overview or a list. Pure.

The rules are a small grammar of English and Chinese requests (`phrases`, `phrases_zh`). A question that no rule matches
asks for a fact.
"""

from __future__ import annotations

from index import terms

from .phrases import (
    ABOUT,
    ANY_TEXT,
    ASKS,
    COMPARE,
    FEWEST_TERMS,
    FINAL,
    FORM,
    LIST,
    LIST_PEOPLE,
    LONGEST,
    LONGEST_OF_SEVERAL,
    MANY_SPEAKERS,
    METADATA,
    MISSPELT,
    MORE,
    MOST_PARTS,
    NAMED_TEXT,
    NO_THING,
    NOBODY,
    NOT_LISTED,
    OPINIONS,
    OVERVIEW,
    PARTS,
    PLACE_NAME,
    POLITE,
    REASON,
    REFERS,
    SAID,
    SCOPE,
    WHO_SAID,
    WORDS,
    YOU,
)
from .phrases_zh import CHINESE, MANY_ZH, ZH
from .request import Request


def classify(question: str) -> Request:
    """Return what a question asks for."""
    text = " ".join(question.replace("’", "'").replace("‘", "'").split())
    if parts := _parts(text):
        return Request("several", parts=parts)
    text = FINAL.sub("", text) if len(text) <= LONGEST else ""
    text = WORDS.sub(lambda match: MISSPELT.get(match[0].lower(), match[0]), text)
    text = text[match.end() :] if (match := POLITE.match(text)) and match.end() < len(text) else text
    rules = _CHINESE_RULES if CHINESE.search(text) else _ENGLISH_RULES
    return next((request for rule in rules if (request := rule(text))), Request("fact"))


def is_many(subject: str) -> bool:
    """Return whether statements of many are asked for, such as "the experts"."""
    return bool(MANY_SPEAKERS.fullmatch(subject) or MANY_ZH.fullmatch(subject))


def _parts(text: str) -> tuple[str, ...]:
    """Return the questions in one, at most `MOST_PARTS`; none if there is one only."""
    if len(text) > LONGEST_OF_SEVERAL:
        return ()
    found = [part.strip(" ,;") for part in PARTS.split(text) if part and part.strip(" ,;?？")]
    if not 1 < len(found) <= MOST_PARTS or not all(ASKS.match(part) for part in found):
        return ()
    if any(len(set(terms(part))) < FEWEST_TERMS or REFERS.search(part) for part in found):
        return ()  # "and what is said of them?" cannot be answered alone
    return tuple(part if part.endswith(("?", "？")) else f"{part}?" for part in found)


def _talk(text: str) -> Request | None:
    if MORE.fullmatch(text):
        return Request("more")
    return Request("who said") if WHO_SAID.fullmatch(text) else None


def _metadata(text: str) -> Request | None:
    bare = SCOPE.sub("", text)
    found = (field for field, pattern in METADATA if pattern.fullmatch(text) or pattern.fullmatch(bare))
    return next((Request("metadata", field) for field in found), None)


def _opinions(text: str) -> Request | None:
    """Match what a group of speakers thinks."""
    for pattern in ("summarize ", "summarise ", "what are ", "list ", ""):
        if text.lower().startswith(pattern) and (match := OPINIONS.fullmatch(text[len(pattern) :])):
            return Request("said", match["who"], match["topic"] or "")
    return None


def _overview(text: str) -> Request | None:
    for pattern in OVERVIEW:
        if match := pattern.fullmatch(text):
            of = next((value for value in match.groupdict().values() if value), "")
            return _limited(of) if of else Request("overview")
    return None


def _limited(of: str) -> Request | None:
    """Return the overview of what was named: everything, an article, or a topic."""
    of = of.strip()
    if match := OPINIONS.fullmatch(of):
        return Request("said", match["who"], match["topic"] or "")
    if ANY_TEXT.fullmatch(of) or FORM.fullmatch(f" in {of}"):
        return Request("overview")
    for pattern in SAID:
        if (match := pattern.fullmatch(of)) and not NOBODY.fullmatch(match["who"]):
            return Request("said", match["who"], match["topic"] or "")
    if match := NAMED_TEXT.fullmatch(of):
        named = (match["about"] or match["before"] or "").strip()
        return Request("overview", named, "article") if named and not ANY_TEXT.fullmatch(named) else Request("overview")
    return Request("overview", of)


def _people(text: str) -> Request | None:
    return Request("list", "people", category="people") if LIST_PEOPLE.fullmatch(text) else None


def _said(text: str) -> Request | None:
    for pattern in SAID:
        match = pattern.fullmatch(text)
        if match is None:
            continue
        who = match["who"].strip()
        if YOU.fullmatch(who):
            return Request("your opinion")
        if not NOBODY.fullmatch(who) and len(who.split()) <= 7:
            return Request("said", who, (match["topic"] or "").strip())
    return None


def _comparison(text: str) -> Request | None:
    for pattern in COMPARE:
        if match := pattern.fullmatch(text):
            return Request("compare", match["a"].strip(), (match["b"] or "").strip())
    return None


def _listed(text: str) -> Request | None:
    bare = SCOPE.sub("", text)
    for category, pattern in LIST:
        match = pattern.fullmatch(bare)
        if match and not (category == "other" and NOT_LISTED.match(match["what"])):
            return Request("list", match["what"].strip(), category=category)
    return None


def _reason(text: str) -> Request | None:
    return Request("reason") if REASON.match(text) else None


def _about(text: str) -> Request | None:
    for number, pattern in enumerate(ABOUT):
        match = pattern.fullmatch(text)
        if match is None:
            continue
        what = match["what"].strip()
        if number < 2 and (NO_THING.search(PLACE_NAME.sub("", what)) or not what[:1].isalnum()):
            return None  # "what is the price of …", "who is responsible for …" ask for a fact
        if not NOBODY.fullmatch(what) and len(what.split()) <= 8:
            return Request("about", what)
    return None


def _chinese(text: str) -> Request:
    for kind, field, category, pattern in ZH:
        match = pattern.fullmatch(text)
        if match is None:
            continue
        named = [value.strip() for value in match.groupdict().values() if value and value.strip()]
        if kind == "said" and named and named[0] in ("你", "您"):
            return Request("your opinion")
        return Request(kind, field or (named[0] if named else ""), named[1] if len(named) > 1 else "", category)
    return Request("fact")


_CHINESE_RULES = (_talk, _chinese)
_ENGLISH_RULES = (_talk, _metadata, _opinions, _overview, _people, _said, _comparison, _listed, _reason, _about)
