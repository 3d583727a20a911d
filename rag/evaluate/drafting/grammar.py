"""The grammar used for drafting: English names, numbers and dates, and verbs in questions. Pure."""

from __future__ import annotations

import re

from index import lexicon

_OPENING = (
    "A|About|After|Again|All|Also|Although|Among|An|And|Another|Any|As|At|Because|Before|Between|Both|But|By|Despite|"
    "During|Each|Even|Every|Few|For|From|Having|He|Her|Here|His|How|However|I|If|In|Instead|It|Its|Like|Many|Meanwhile|"
    "More|Most|My|No|Not|Now|Of|On|One|Only|Or|Other|Our|Rather|She|Since|So|Some|Still|Such|Than|That|The|Their|Then|"
    "There|These|They|This|Those|Though|Through|To|Today|Under|Unlike|Until|We|Were|What|When|Where|Whether|Which|While|"
    "Who|Why|With|Yet|You|Your|Would"
)
WORD = r"[A-Z](?:[\w&-]|[’'](?!s\b)(?=\w))*"
NAME = (
    rf"(?<![\w’',.-])(?!(?:{_OPENING})\b)(?:\d{{1,3}} (?=[A-Z]))?{WORD}(?: (?:of (?:the )?)?{WORD}| \d{{1,2}}\b){{0,8}}"
)
"""A sequence of capitalised words: 360 Security Technology, University of Cambridge, Stable Diffusion 3."""

PERSON = rf"(?<![\w’'-])(?!(?:{_OPENING})\b){WORD}(?: {WORD}){{1,3}}"
ROLE = (
    r"(?:professor|founder|chair(?:man|woman|person)?|chief executive|chief|CEO|director|analyst|entrepreneur|"
    r"researcher|minister|president|spokes(?:man|woman|person)|editor|author|economist|engineer|scientist|lawyer|officer|writer|"
    r"historian|physician|senator|mayor|judge|manager|secretary|candidate|inventor|physicist|composer|painter|captain|"
    r"surveyor|soldier|general|governor|king|queen|emperor|poet|philosopher|singer|actor|actress|artist|explorer|mathematician)"
)
ORGANISATION = re.compile(
    r"\b(?:University|Institute|Commission|Council|Group|Holding|Holdings|Technology|Securities|Bank|Company|Inc|Corp|"
    r"Laboratory|Association|Agency|Ministry|Party|Society|School|College|Museum|Administration|AI|Post|Times|News)\b"
)
THING = (
    r"(?:company|firm|start-up|group|platform|tool|model|service|system|university|project|benchmark|benchmarking|"
    r"conference|newspaper|magazine|agency|app|chip|programme|program|network|city|town|river|island|language|museum|"
    r"owner|maker|body|organisation|organization|party|club|bank|school|bridge|festival|method|technique|disease)s?"
)
_NUMBER_WORDS = (*lexicon.ONES[2:], *lexicon.TENS, "a dozen")
_NUMBER_WORD = "|".join([*_NUMBER_WORDS, *map(str.capitalize, _NUMBER_WORDS)])
NUMBER = rf"(?:\d[\d,]*(?:\.\d+)?|\b(?:{_NUMBER_WORD}))(?: (?:{'|'.join(lexicon.SCALES)}))?"
ABOUT = (
    r"(?:[Aa]bout|[Aa]round|[Oo]ver|[Mm]ore than|[Nn]early|[Aa]lmost|[Aa]t least|[Rr]oughly|[Aa]pproximately|[Uu]p to)"
)
MONTH = rf"(?:{'|'.join(map(str.capitalize, lexicon.MONTHS))})"
_WEEKDAY = rf"(?:{'|'.join(map(str.capitalize, lexicon.WEEKDAYS))})"
DATE = (
    rf"(?:{MONTH} \d{{1,2}}, \d{{4}}|\d{{1,2}} {MONTH} \d{{4}}|{MONTH} \d{{1,2}}\b|\d{{1,2}} {MONTH}|{MONTH} \d{{4}}"
    rf"|(?:1[0-9]|20)\d\d\b|{MONTH}\b|{_WEEKDAY})"
)
NOUNS = r"(?:[a-z][\w-]* ){0,2}?(?:[a-z][\w-]*[^s\W]s|[A-Z]{2,}s|people|men|women|children)"
"""Nouns for counted things: a plural, preceded by at most two words."""

AUXILIARY = r"(?:is|are|was|were|has|have|had|will|would|can|could|may|might|must|should)"

_IRREGULAR = (
    "became become began begin broke break brought bring built build came come chose choose fell fall fought fight "
    "found find gave give got get grew grow held hold kept keep knew know led lead left leave lost lose made make met "
    "meet paid pay ran run rose rise sank sink saw see sent send shot shoot sold sell spent spend spoke speak stood "
    "stand struck strike swept sweep took take tore tear went go won win wrote write bought buy taught teach drew draw"
)
_REGULAR = (
    "accept add adopt agree announce appear appoint approve arrive ask attack attend attract award bomb capture cause "
    "change charge claim close collapse collect complete conquer create cross damage declare defeat deliver demand "
    "describe design destroy develop die direct discover earn elect employ enter establish expand expel face fail fill "
    "finish fire fund gain graduate help hire identify include increase injure install introduce invade invent invest "
    "join kill last launch limit live lower marry merge move name occupy offer open order organise organize own pass "
    "perform place plant play praise present produce promise promote prove publish raise reach receive record reduce "
    "refuse release remove reopen repair replace report require rescue resign restore retire return reveal save score "
    "settle share sign sponsor start study succeed suffer support surrender survive test train transfer travel treat "
    "unveil urge use visit vote want warn weigh welcome work"
)
_DOUBLED = {
    "stopped": "stop",
    "planned": "plan",
    "dropped": "drop",
    "banned": "ban",
    "shipped": "ship",
    "fitted": "fit",
}


def _past(verb: str) -> str:
    if verb.endswith("e"):
        return f"{verb}d"
    return f"{verb[:-1]}ied" if verb[-1] == "y" and verb[-2] not in "aeiou" else f"{verb}ed"


_BASE = (
    dict(zip(_IRREGULAR.split()[::2], _IRREGULAR.split()[1::2], strict=True))
    | {_past(verb): verb for verb in _REGULAR.split()}
    | _DOUBLED
)
PAST = rf"(?:{'|'.join(sorted(_BASE, key=len, reverse=True))})"
"""Past tenses with a known base form; a question with a wrong form would not sound natural."""


_NOUN = rf"(?!{AUXILIARY}\b|{PAST}\b)[a-z][\w-]*"
SUBJECT = rf"(?:[Tt]he (?:{_NOUN} ){{0,2}}{_NOUN}|(?:[Tt]he )?{NAME})"
"""The subject of a sentence: a name, or "the" with at most three lower-case words."""


def base_form(past: str) -> str:
    """Return the base form of a verb in `PAST`: "reopen" for "reopened"."""
    return _BASE[past]


def inside(noun_phrase: str) -> str:
    """Return a noun phrase as written in the middle of a sentence: "the storm" for "The storm"."""
    return f"t{noun_phrase[1:]}" if noun_phrase.startswith("The ") else noun_phrase
