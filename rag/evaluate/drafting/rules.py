"""The drafting rules: patterns for English statements, and the question that a person would ask for each. Pure.

In a pattern, `<NAME>` refers to an expression in the grammar, and `<a:NAME>` also captures it: `a` is always the
answer, `x` or `s` the subject of the question, `v` a verb, `r` a role, `u` the counted things, `t` the end of the
question. The rules are deliberately narrow: missing questions can be written by hand, but wrong ones take time to
review.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from . import grammar
from .grammar import MONTH, ORGANISATION, PAST, ROLE, THING, base_form

Ask = Callable[[re.Match[str]], str | None]
"""A function that returns the question for a match, or None if the question would not be a good one."""

_OF_ROLE = {
    "owner": "owns",
    "maker": "makes",
    "publisher": "publishes",
    "developer": "developed",
    "creator": "created",
    "author": "wrote",
    "inventor": "invented",
    "designer": "designed",
    "operator": "operates",
    "founder": "founded",
    "co-founder": "co-founded",
    "winner": "won",
    "discoverer": "discovered",
}
_NEEDS_NO_OBJECT = {*"arrive begin close collapse die fall open reopen resign retire return start".split()}  # noqa: SIM905
_RANKED = re.compile(r"\w+ (?:\w+est|\w+th|most|first|second|third|only|beloved)\b")
_SET_BEFORE = re.compile(
    r"^(?:In|After|By|From|During|Since|Following|With|On|At|Under|Before|Outside|Until|Near|For)\b[^,]*$"
    r"|\b(?:and|of) $|[’']s $"
)
_FINITE = re.compile(rf"\b(?:is|was|were|are|has|had|became)\b|\b{THING} {PAST}\b(?! (?:by|to|for|in|at|an?|as)\b)")
_NO_NAME = re.compile(rf"\b{MONTH}\b|ly$|\d$")

_PIECES = {
    "NAME": grammar.NAME,
    "PERSON": grammar.PERSON,
    "SUBJECT": rf"(?:^|(?<=[,;] )|(?<=that )){grammar.SUBJECT}",
    "LATER SUBJECT": grammar.SUBJECT,
    "PLACE": r"[A-Z]\w+(?: [A-Z]\w+)*",
    "NUMBER": grammar.NUMBER,
    "DATE": grammar.DATE,
    "PAST": PAST,
    "AUXILIARY": grammar.AUXILIARY,
    "ROLE": ROLE,
    "THING": THING,
    "NOUNS": rf"{grammar.NOUNS}(?! of\b)",
    "MANY": grammar.NOUNS,
    "SOME": rf"(?:(?P<more>{grammar.ABOUT}) )?",
    "ROLES": rf"(?!an? )(?:[a-z-]+ ){{0,2}}{ROLE}(?: and (?:[a-z]+ ){{0,2}}{ROLE})?",
    "OF ROLE": "|".join(sorted(_OF_ROLE, key=len, reverse=True)),
    "MADE": r"(?:co-)?founded|created|developed|invented|designed|built|written|directed|discovered|painted|composed",
    "WORDS": r"(?:[\w’'-]+ ){0,6}?",
    "PLAIN": r"(?:(?!(?:of|by|on|with|to|who|which|that|from|was|is|as|for)\b)[\w-]+ ){0,5}?",
    "REST": r"[^,.;:–—“”()\n]",
    "END": r"(?=[,.;:)\]—–]|$| (?:who|which|and|at|in|from|is|was|has|said|says)\b)",
    "DONE": r"(?=[,.;]|$| (?:after|with|as|and|when|at|to|by)\b)",
    "OPENING": r"(?:^|[.;] )",
    "SITUATED": r"(?:born|held|founded|buried|built|signed|educated|raised|killed|located|based|situated|established|"
    r"headquartered|made|crowned)",
    "GATHERING": r"(?:conference|summit|meeting|forum|festival|exhibition|fair)",
}
_ROLE = re.compile(ROLE)
_PIECE = re.compile(r"<(?:([a-z]):)?([A-Z ]+)>")


def _pattern(written: str) -> re.Pattern[str]:
    def piece(match: re.Match[str]) -> str:
        group, name = match.groups()
        return f"(?P<{group}>{_PIECES[name]})" if group else _PIECES[name]

    return re.compile(_PIECE.sub(piece, written))


def _asks(question: str, when: Callable[[re.Match[str]], bool] = lambda _: True) -> Ask:
    """Return a function that inserts a match's groups into the question, or returns None if `when` is false for it."""

    def ask(match: re.Match[str]) -> str | None:
        groups = {name: grammar.inside(text or "") for name, text in match.groupdict().items()}
        return question.format_map(groups) if when(match) else None

    return ask


def _when_past(match: re.Match[str]) -> str | None:
    verb = base_form(match["v"])
    if not match["t"].strip() and verb not in _NEEDS_NO_OBJECT:
        return None
    return f"When did {grammar.inside(match['s'])} {verb}{match['t']}?"


def _count_past(match: re.Match[str]) -> str:
    counted, rest = f"{match['u']}{match['w'] or ''}", match["t"] or ""
    return f"How many {counted} did {grammar.inside(match['s'])} {base_form(match['v'])}{rest}?"


def _count_has(match: re.Match[str]) -> str:
    auxiliary = {"has": "does", "have": "do", "had": "did"}.get(match["v"], match["v"].split()[0])
    return f"How many {match['u']} {auxiliary} {grammar.inside(match['s'])} have{match['t'] or ''}?"


def _is_employed(match: re.Match[str]) -> bool:
    return "candidate" not in match[0] and not ORGANISATION.search(match["x"])


def _is_thing(match: re.Match[str]) -> bool:
    return _apposes(match) and not _ROLE.search(match["a"]) and not _RANKED.match(match["a"])


def _apposes(match: re.Match[str]) -> bool:
    """Return whether the words after a name describe it; in "After the war, the city …", they continue the sentence."""
    before = match.string[: match.start("x")]
    return not (_SET_BEFORE.search(before) or _FINITE.search(match["a"]) or _NO_NAME.search(match["x"]))


def _stands_for(match: re.Match[str]) -> str:
    return f"What does {match['x'].removesuffix('s')} stand for?"


_WHO_IS_ROLE = _asks("Who is the {r} of {x}?", lambda match: not match["r"].endswith("candidate"))
_RULES: dict[str, dict[str, Ask]] = {
    "who": {
        r"<a:NAME>,? who (?P<v>(?:co-)?founded|owns|runs|leads|heads|wrote|built|invented) "
        r"(?P<x><REST>{3,50}?)(?=[,.])": _asks("Who {v} {x}?"),
        r"<x:NAME>,? (?:(?:which|that) )?(?:was )?<v:MADE> by <WORDS><a:NAME><END>": _asks("Who {v} {x}?"),
        r"<a:NAME>, which (?P<v>owns|runs|makes|operates|publishes|developed|built|created|controls) "
        r"(?P<x>(?:the )?<NAME>)<END>": _asks("Who {v} {x}?"),
        r"<a:NAME>, (?:the|an?|one of the) <WORDS><r:OF ROLE> of <WORDS>(?P<x>(?:the )?<NAME>)<END>": lambda match: (
            f"Who {_OF_ROLE[match['r']]} {match['x']}?"
        ),
        r"<a:NAME>, which is (?P<x><NAME>[’']s <REST>{4,50}?)(?=[,.])": _asks("Who is {x}?"),
        r"<x:NAME> <r:ROLES> <a:PERSON>": _WHO_IS_ROLE,
        r"<a:PERSON>, (?:the )?<r:ROLES> of (?P<x>(?:the )?<NAME>)<END>": _WHO_IS_ROLE,
    },
    "place": {
        r"<a:PLACE>-based (?:(?!of )[a-z][\w-]* ){0,3}<x:NAME>": _asks("Where is {x} based?"),
        r"<x:NAME>, the <a:PLACE>-based": _asks("Where is {x} based?"),
        r"<x:NAME>, (?:an?|the) <REST>{3,60}? based in <a:NAME>": _asks("Where is {x} based?"),
        r"<x:PERSON>, (?:an?|the) <REST>{0,40}?<ROLE>(?: <REST>{0,50}?)? at "
        r"(?P<a>(?:the )?<NAME>(?: at <NAME>)?)": _asks("Where does {x} work?", _is_employed),
        r"<s:SUBJECT> (?P<v>was|were|is|are) <t:SITUATED> in (?P<a>(?:the )?<NAME>(?:, <NAME>)?)<END>": _asks(
            "Where {v} {s} {t}?"
        ),
        r"(?P<x>[Tt]he <NAME> <GATHERING>),? (?:held )?in <a:NAME>": _asks("Where was {x} held?"),
    },
    "number": {
        r"<x:NAME>[’']s (?P<a>\d[\d,]*) <u:NOUNS>(?P<t> (?:on|in|at) <NAME>)?": _asks("How many {u} does {x} have{t}?"),
        r"<s:SUBJECT>,? (?:which )?(?P<v>has|have|had|(?:might|may|could|would|will|must) have) <SOME><a:NUMBER> "
        r"<u:NOUNS>(?P<t> (?:on|in|at) <NAME>)?": _count_has,
        r"(?:^|, )(?:and |but )?<SOME><a:NUMBER> (?:of (?:these|the|those) )?<u:NOUNS> (?P<t>(?:now |also |still )?"
        r"(?:<AUXILIARY>|<PAST>|live|work|compete|remain|exist|belong)\b<REST>{12,80}?)(?=[,.;])": _asks(
            "How many {u} {t}?"
        ),
        r"\b[Tt]here (?P<v>are|were) <SOME><a:NUMBER> <u:NOUNS>(?P<t> (?:on|in|at) <REST>{3,50}?)(?=[,.;])": _asks(
            "How many {u} {v} there{t}?"
        ),
        r"<s:SUBJECT> <v:PAST> <SOME><a:NUMBER> <u:MANY>(?P<w> of (?:the )?[\w’'-]+)?"
        r"(?P<t> (?:on|in|at|to|from) <REST>{3,50}?)?(?=[,.;])": _count_past,
    },
    "date": {
        r"<s:SUBJECT> <v:PAST>(?P<t>(?: <REST>{2,70}?)?) (?:on|in) <a:DATE><DONE>": _when_past,
        r"<s:SUBJECT> (?:on|in) <a:DATE> <v:PAST>(?P<t> <REST>{4,80}?)(?=[,.;])": _when_past,
        r"<OPENING>(?:On|In) <a:DATE>,? <s:LATER SUBJECT> <v:PAST>(?P<t> <REST>{2,70}?)(?=[,.;])": _when_past,
        r"<s:SUBJECT> (?P<v>was|were)(?P<t> <REST>{4,70}?) (?:on|in) <a:DATE><DONE>": _asks("When {v} {s}{t}?"),
        r"<OPENING>(?:On|In) <a:DATE>,? <s:LATER SUBJECT> (?P<v>was|were)(?P<t> <REST>{2,70}?)(?=[,.;])": _asks(
            "When {v} {s}{t}?"
        ),
    },
    "person": {
        r"<x:PERSON>, (?P<a>(?:(?:an?|the) )?<PLAIN><ROLE>\b[^,;:“”()\n]{0,110}?)(?=,)": _asks(
            "Who is {x}?", lambda match: _apposes(match) and not ORGANISATION.search(match["x"])
        ),
        r"<OPENING><x:PERSON> (?P<v>is|was) (?P<a>(?:an?|the) <PLAIN><ROLE>\b<REST>{0,80}?)(?=[,.;])": _asks(
            "Who {v} {x}?"
        ),
    },
    "thing": {
        r"<x:NAME>, (?P<a>(?:an?|the) <PLAIN><THING>\b(?![’'])<REST>{0,80}?)(?=[,.;])": _asks(
            "What is {x}?", _is_thing
        ),
        r"<OPENING>(?P<x>(?:The )?<NAME>) (?P<v>is|was) "
        r"(?P<a>(?:an?|the) <PLAIN><THING>\b(?![’'])<REST>{0,80}?)(?=[,.;])": _asks(
            "What {v} {x}?", lambda match: not _RANKED.match(match["a"])
        ),
    },
    "name": {
        r"(?P<a>(?:[\w-]+ ){1,6}?[\w-]+) \((?P<x>[A-Z][a-z]?[A-Z][A-Za-z]{0,5})\)": _stands_for,
        r"\b(?P<x>[A-Z]{2,6}) [(\[](?P<a>(?:[A-Z][\w-]* ){1,5}[A-Z][\w-]*)[)\]]": _stands_for,
    },
}
RULES: tuple[tuple[str, re.Pattern[str], Ask], ...] = tuple(
    (kind, _pattern(written), ask) for kind, rules in _RULES.items() for written, ask in rules.items()
)
"""The kind, pattern and question for each type of statement."""
