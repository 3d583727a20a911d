"""Follow-up questions such as "and in 2022?", made independent of the conversation by rules.

A pronoun is replaced by the name that it refers to, a new subject ("what about Pika?") replaces the old one, and a bare
"why?" takes over the last question. `generation.generate.rewrite` uses an LLM instead.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import dropwhile

from index import lexicon, terms

from ..answer import Turn

_MIN_TOPIC_WORDS = 2  # minimum number of words, not counting numbers: "why?" and "and in 2022?" have no topic
_PRONOUN = re.compile(rf"\b(?:{'|'.join(lexicon.PRONOUNS)}|hers|theirs|there)\b|他|她|它", re.IGNORECASE)
_PERSON = re.compile(r"\b(?:he|she|him|her|his|hers)\b|他|她", re.IGNORECASE)
_SUBJECT = re.compile(r"\b(?:he|she|him|they|them|it)\b", re.IGNORECASE)
_INSTEAD = re.compile(
    r"\W*(?:and |but |so |ok |then )*(?:(?:what|how) about|and(?! (?:what|who|how|why|when|where|which|whose|is"
    r"|are|was|were|do|does|did|can|could|has|have|will)\b)|same for|the same for) (?P<what>(?:in )?[^?]{1,60}?)\W*",
    re.IGNORECASE,
)
_BARE_REASON = re.compile(
    r"\W*(?:and |but |so )?(?:why|how come|how so|why (?:is|was) (?:that|this))\W*", re.IGNORECASE
)
_ASKS_WHO = re.compile(r"\W*who (?!is\b|was\b|are\b|were\b)\w+", re.IGNORECASE)
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")
_ORDINAL = re.compile(
    rf"\W*(?:and |what about |how about |tell me (?:more )?about |open |show me |choose |take )*(?:the )?(?:number )?"
    rf"(?:(?P<word>{'|'.join(_ORDINALS)}|last)(?: (?:one|article|item|company|person|point|story))?|(?:number "
    rf"|no\.? ?|#)(?P<digit>[1-9]))\W*",
    re.IGNORECASE | re.ASCII,
)
_LABEL = re.compile(r"^- \*\*([^*\n]{1,200})\*\*", re.MULTILINE)
_NAME = re.compile(r"\b(?:\d{1,3}\s+)?[A-Z][\w’'-]*(?:\s+(?:of\s+|de\s+|van\s+|von\s+)?[A-Z][\w’'-]*)*")
_FULL_NAME = re.compile(r"\b[A-Z][a-z’'-]+(?:\s+[A-Z][\w’'-]+){1,3}\b")
_NUMBER = re.compile(r"\b\d[\d,.]*\b")
_LEAD_IN = re.compile(r"^\W*(?:(?:and|but|so|then|what about|how about)\b[\s,]*|那)", re.IGNORECASE)
_OPENING_WORDS = "who what when where which why how is are was were did does do can could in on at the and"
_OPENERS = frozenset(_OPENING_WORDS.split())
_EVENT_WORDS = frozenset(
    terms(
        "happen occur cause reason explanation explain go went wrong responsible blame fault guilty behind come came"
        " about start begin began end exactly actually"
    )
)
_LONGEST_TURN = 2000  # characters of an earlier question or answer that are considered
_TURNS_BACK = 3  # maximum number of earlier questions that are searched for a name


def needs_context(question: str) -> bool:
    """Return whether a question cannot be understood without the preceding conversation."""
    if _ORDINAL.fullmatch(question.strip()):
        return True
    return bool(_PRONOUN.search(question) or _LEAD_IN.match(question)) or len(_own_words(question)) < _MIN_TOPIC_WORDS


def has_pronoun(question: str) -> bool:
    """Return whether a question has a pronoun, which may refer to something in the conversation."""
    return bool(_PRONOUN.search(question))


def needs_subject(question: str) -> bool:
    """Return whether a question has no words of its own, such as "why did it happen?": its subject is what is read."""
    return all(term in _EVENT_WORDS for term in _own_words(question))


def contextualize(question: str, history: Sequence[Turn]) -> str:
    """Return `question` as one that can be understood without the conversation.

    "It" and "he" become the name in the last question that contains one, or for a person, in the last answer; "what
    about X?" is the last question about X. Otherwise the last question that had a topic is put in front.
    """
    asked = [turn.text[:_LONGEST_TURN] for turn in history if turn.role == "user"]
    if not asked or not needs_context(question):
        return question
    rest = _LEAD_IN.sub("", question)
    if _names(rest) and not _PRONOUN.search(rest) and rest.split()[0].lower() in _OPENERS and len(rest.split()) > 2:
        return rest[:1].upper() + rest[1:]  # "And what does Lu Yanxia say?" needs no context
    topics = [text for text in asked if len(_own_words(text)) >= _MIN_TOPIC_WORDS]
    if said := _short_follow_up(question, topics, history):
        return said
    if (subject := _SUBJECT.search(question)) and (name := _referent(question, asked, history)):
        rest = _LEAD_IN.sub("", question[: subject.start()]) + name + question[subject.end() :]
        return rest[:1].upper() + rest[1:]
    if _PRONOUN.search(question):
        named = next(filter(None, (_names(text) for text in reversed(asked[-_TURNS_BACK:]))), [])
        context = [*_person(history), *named] if _PERSON.search(question) else named
        context = [name for name in dict.fromkeys(context) if name.lower() not in question.lower()]
        if context:
            return " ".join([*context, question])
    topic = topics[-1] if topics else asked[-1]
    if _NUMBER.search(question):  # "and in 2022?" is not about the year in the previous question
        topic = _NUMBER.sub(" ", topic)
    return " ".join(f"{topic} {question}".split())


def _short_follow_up(question: str, topics: Sequence[str], history: Sequence[Turn]) -> str | None:
    """Return what "the second one", "what about X?" or "why?" asks for; None for another follow-up."""
    if label := _chosen_label(question, history):
        return f"Tell me about {label}"
    if topics and (about := _INSTEAD.fullmatch(question.strip())):
        return _moved(topics[-1], about["what"])
    return f"Why: {topics[-1]}" if topics and _BARE_REASON.fullmatch(question.strip()) else None


def _chosen_label(question: str, history: Sequence[Turn]) -> str | None:
    """Return the label of the line in the last answer that "the second one" means."""
    match = _ORDINAL.fullmatch(question.strip())
    if match is None:
        return None
    answer = next((turn.text for turn in reversed(history) if turn.role == "assistant"), "")
    labels = _LABEL.findall(answer)
    word = (match["word"] or "").lower()
    at = len(labels) - 1 if word == "last" else _ORDINALS.index(word) if word else int(match["digit"]) - 1
    return labels[at] if 0 <= at < len(labels) else None


def _moved(question: str, subject: str) -> str | None:
    """Return a question with its subject, or its year, replaced by another one; None if it has none of this kind."""
    new = re.sub(r"^(?:in|for|with) ", "", subject.strip(), flags=re.IGNORECASE)
    if _NUMBER.fullmatch(new):
        years = list(_NUMBER.finditer(question))
        return question[: years[-1].start()] + new + question[years[-1].end() :] if years else None
    names = _names(question)
    if not names or not any(word[:1].isupper() for word in new.split()):
        return None
    at = question.rindex(names[0])
    return question[:at] + new + question[at + len(names[0]) :]


def _referent(question: str, asked: Sequence[str], history: Sequence[Turn]) -> str | None:
    """Return the name that a pronoun in a question refers to."""
    named = next(filter(None, (_names(text) for text in reversed(asked[-_TURNS_BACK:]))), [])
    person = _person(history)
    is_person = bool(_PERSON.search(question))
    found = [*person, *named] if is_person and (not named or _ASKS_WHO.match(asked[-1])) else named
    found = [name for name in found if name.lower() not in question.lower()]
    return found[0] if found else None


def _own_words(question: str) -> list[str]:
    return [term for term in terms(_LEAD_IN.sub("", question)) if not _NUMBER.fullmatch(term)]


def _names(question: str) -> list[str]:
    """Return the names in a question, without leading question words."""
    words = (match[0].split() for match in _NAME.finditer(question))
    found = (" ".join(dropwhile(lambda word: word.lower() in _OPENERS, name)) for name in words)
    return [name for name in found if name]


def _person(history: Sequence[Turn]) -> list[str]:
    """Return a list with the first full name in the last answer, if it contains one."""
    answer = next((turn.text[:_LONGEST_TURN] for turn in reversed(history) if turn.role == "assistant"), "")
    match = _FULL_NAME.search(answer)
    return [match[0]] if match else []
