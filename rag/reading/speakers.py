"""Names in an article, and who makes which statement. Pure.

People and organisations are recognised by capitals, appositions and verbs of saying, within one article: no model of
names is bundled. A short form ("Xie") or a pronoun is resolved to the name that the article gave before.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal

from index import lexicon, terms

from .document import Line, word_positions
from .speakers_zh import CHINESE, is_called, people_in, says, speaker_in

NameKind = Literal["person", "organisation", "place", "other"]

SAYS = (
    r"(?:said|says|say|told|tells|wrote|writes|tweeted|posted|noted|notes|added|adds|argued|argues|warned|warns"
    r"|asked|asks|denied|denies|emphasi[sz]ed|stressed|stresses|estimated|estimates|believes?|believed|thinks?"
    r"|thought|expects?|expected|hopes?|hoped|fears?|feared|insists?|insisted|called|describes?|described"
    r"|predicts?|predicted|welcomed|welcomes|critici[sz]ed|praised|praises|rejected|rejects|accused|accuses|urged"
    r"|urges|questioned|questions|doubts|doubted|supports|opposes|opposed|demanded|demands|promised|promises|vowed"
    r"|claimed|claims|acknowledged|admitted|admits|confirmed|confirms|explained|explains|recalled|recalls"
    r"|pointed out|points out|suggested|suggests|recommended|recommends|proposed|proposes|agreed|agrees|disagreed"
    r"|disagrees|joked|replied|replies|responded|responds|commented|comments|testified|concluded|concludes"
    r"|cautioned|cautions|complained|declared|declares|announced|announces|stated|states|remarked|observed|balked"
    r"|dismissed|defended|conceded|countered|maintained|maintains|quipped|remembers|remembered|advised|advises"
    r"|appealed|reckons?|reckoned|indicates|indicated|intends|refuses|refused|pledged|vows|laughed|wondered|felt|feels)"
)
_SAYING = re.compile(rf"\b{SAYS}\b")
_ACCORDING = re.compile(r"\b(?:according to|in the words of|in the view of|in the opinion of)\b", re.IGNORECASE)
_QUOTED = re.compile(r"[“\"„«「『][^”\"“»」』]*(?:[”\"»」』]|$)")
_OPENS_QUOTE = re.compile(r"\W{0,2}[“\"„«「『]")

_PART = r"(?:[A-Z][\w’'&.-]*\w|[A-Z])"
_JOINT = r"(?: (?:of|de|van|von|der|den|bin|al|ibn|la|le|du|dos|da|del|di|and|for|the)){0,2} "
_NAME = re.compile(
    rf"{_PART}(?:(?: |{_JOINT})(?:{_PART}|\d{{1,4}}\b)){{0,6}}|(?<![:.,\d])\b\d{{1,3}} {_PART}(?: {_PART}){{0,3}}"
)
_POSSESSIVE = re.compile(r"['’]s?$")
_HONORIFIC = re.compile(
    r"^(?:Mr|Mrs|Ms|Miss|Dr|Prof|Professor|Sir|Lady|Lord|President|Minister|Mayor|Senator|Judge|Captain"
    r"|Chancellor|Governor|Pope|King|Queen|Prince|Princess|Coach|General|Inspector|Sergeant)\b\.? ?"
)
_SMALL = frozenset("of de van von der den bin al ibn la le du dos da del di and for the".split())  # noqa: SIM905
_NEVER = frozenset(
    """
    a an the this that these those he she it they we you i his her its their our my your but and or nor so yet if
    when while as at by for from in into of on onto over to under up with without after before since until
    during among between about against because although though unless whether once here there then thus also
    even still just only now today yesterday tomorrow what who whom whose which where why how is are was were be
    been do does did has have had can could will would shall should may might must no not yes all any both each
    few many more most much other some such one two three four five six seven eight nine ten first second third
    last next several local meanwhile however moreover instead according despite unlike like within beyond
    around across per let very too again another every everyone nobody nothing something people ai us uk eu
    """.split()  # noqa: SIM905
) | frozenset((*lexicon.MONTHS, *lexicon.WEEKDAYS))

_ORGANISATION_WORD = re.compile(
    r"\b(?:University|Institute|Institution|Academy|College|School|Laboratory|Laboratories|Labs?|Group|Holdings?"
    r"|Inc|Corp|Corporation|Ltd|LLC|PLC|GmbH|AG|Company|Co|Bank|Securities|Council|Commission|Administration"
    r"|Ministry|Agency|Department|Association|Union|Party|Club|FC|Committee|Court|Foundation|Technolog(?:y|ies)"
    r"|Media|Airlines?|Airways|Museum|Hospital|Police|Government|Parliament|Senate|Congress|Office|Authority|Board"
    r"|Society|Organi[sz]ation|Centre|Center|Alliance|Network|News|Times|Post|Press|Studios?|Systems|Software"
    r"|Partners|Capital|Ventures|Motors|Energy|Pharma|Insurance|Trust|League|Federation|Service|Services|Team"
    r"|Orchestra|Theatre|Church|Library|Army|Navy)\b"
)
_IS_AN_ORGANISATION = re.compile(
    r"(?:compan(?:y|ies)|firms?|start-?ups?|makers?|owner of|giants?|behemoths?|unicorns?|operators?|players"
    r"|providers?|banks?|agenc(?:y|ies)|universit(?:y|ies)|institutes?|organi[sz]ations?|charit(?:y|ies)"
    r"|retailers?|manufacturers?|developers?|publishers?|newspapers?|clubs?|airlines?|carriers?|chains?"
    r"|associations?|unions?|groups?|brokerages?|insurers?|laborator(?:y|ies)|parties|party|champions?)"
)
_ORGANISED = re.compile(
    rf"\b{_IS_AN_ORGANISATION.pattern}\b(?:,? (?:such as|including|like"
    rf"|for example))? (?:{_PART}(?: {_PART}){{0,2}}(?:,? and |, )){{0,6}}$"
)
_APPOSED = re.compile(
    rf"^(?:['’]s)?, (?:an?|the|which|one of|\w+-based|\w+['’]s)\b[^.;]{{0,80}}?\b{_IS_AN_ORGANISATION.pattern}\b"
)
_ACTS = re.compile(
    r"^ (?:has |have |had |is |was |will |also |recently |later |first |now )*(?:released|launched|unveiled"
    r"|acquired|reported (?:a|sales|revenue|profit)|employs|sells|operates|makes|plans to|owns|merged|hired"
    r"|built|develops|developed|its\b|sued|filed)"
)
_OF_A_FIRM = re.compile(r"['’]s (?:chief|chairman|CEO|founder|shares|sales|board|employees)\b")
_SAYS_AFTER = re.compile(rf",? (?:has |had )?(?:just |also |later |then |already )?{SAYS}\b")
_SAYS_BEFORE = re.compile(rf"\b{SAYS} $")
_SPEAKS_OF_ITSELF = re.compile(
    rf"^ {SAYS} (?:that )?(?:its|it (?:would|will|had|has|was|plans|expects|is not|does|did))\b"
)
_ROLE = (
    r"(?:professor|founder|co-founder|chair\w*|chief|director|analyst|entrepreneur|researcher|minister|president"
    r"|spokes\w+|editor|author|economist|engineer|scientist|lawyer|officer|writer|historian|physician|doctor"
    r"|senator|mayor|judge|manager|head|leader|coach|captain|player|resident|teacher|student|candidate|adviser"
    r"|advisor|expert|consultant|developer|executive|secretary|commissioner|inspector|farmer|nurse|actor|actress"
    r"|singer|artist|musician|composer|architect|chef|baker|driver|pilot|fisher\w+|keeper|warden|biologist|chemist"
    r"|physicist|geologist|archaeologist|curator|librarian|principal|headteacher|priest|bishop|pastor|campaigner"
    r"|activist|critic|journalist|reporter|correspondent|widow|mother|father|daughter|son|brother|sister|woman|man"
    r"|boy|girl|neighbour|neighbor|veteran|deputy|councillor|councilor|governor|prosecutor|lecturer|fellow|CEO|CFO"
    r"|CTO|MP)"
)
_BETWEEN_NAMES = re.compile(r"['’]s? | and (?=\S)")
_DEMONYM = re.compile(
    r"[A-Z]\w+(?:ese|ish|ian|ican|ans|ians|eans)|French|Dutch|German|Greek|Swiss|Arab|Israeli|Iraqi|Thai|Czech"
)
_LEADING = re.compile(
    rf"(?:(?:{'|'.join(sorted(_NEVER, key=len, reverse=True))}|\w+-(?:based|style|like|owned|born|backed|led)|{_ROLE}"
    r"|(?:[A-Z]\w+(?:ese|ish|ian|ican)|French|Dutch|German|Greek|Swiss|Israeli)) )|(?:and|of|the|for) ",
    re.IGNORECASE,
)
_INTRODUCED = re.compile(
    rf"^,? ?(?:, (?:who|whose|an?|the|\d{{2}}\b|then|now|its|their|his|her|former|chief|head"
    rf"|[\w’'-]+['’]s)\b[^.;]{{0,70}}|, (?:[\w’'-]+ ){{0,6}}?{_ROLE}\b|, \d{{1,2}},|\(\d{{2}}\))"
)
_WITH_ROLE = re.compile(rf"\b{_ROLE}\b", re.IGNORECASE)
_AFTER_A_NAME = re.compile(
    rf"['’]s\b| (?:also |later |has |had |who )?{SAYS}\b|, (?:who|an?|the|at|in)\b"
    r"| (?:is|was|will|has|had|and|did|does|could|would)\b"
)
_ROLE_BEFORE = re.compile(rf"(?<!\bwho )\b{_ROLE}s?,? $", re.IGNORECASE)
_LED = re.compile(r"\bwho (?:now |also )?(?:heads|chairs|runs|leads|founded|manages|owns|directs|works (?:for|at)) $")
_PLACED = re.compile(
    r"\b(?:in|near|outside|around|across|throughout|town of|city of|town|city|village|province|capital|mainland"
    r"|based in|northern|southern|eastern|western|central) $",
    re.IGNORECASE,
)
_OPENING = re.compile(r"[\"“”„«‘'(\[ ]{0,3}([A-Z][\w’'-]{0,60})")
_PRONOUN_SUBJECT = re.compile(r"\b(?:he|she|they)\b", re.IGNORECASE)
_ROLE_SUBJECT = re.compile(
    rf"\b[Tt]he (?:\w+[ -]){{0,2}}?({_ROLE}|company|firm|ministry|agency|club|team|union|council|government|bank"
    rf"|university|group)\b"
)


LONGEST_LINE = 2_000
"""Maximum length of a line in which names and speakers are found, in characters: longer ones are no sentences."""


_MOST_VERBS, _MOST_IN_LINE = 8, 20  # verbs of saying, and names, that are compared in one line

MOST_NAMES = 5_000
"""Maximum number of different names in one article."""


@dataclass(eq=False, slots=True)
class Name:
    """A name in an article, with its kind and the indices of the lines that mention it, in any form."""

    text: str
    kind: NameKind
    first: int
    lines: list[int] = field(default_factory=list)
    roles: set[str] = field(default_factory=set)


def names_in(rows: Sequence[Line]) -> list[Name]:
    """Return the names in an article, in the order of their first mention; short forms count as the full name."""
    mentions: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
    for at, row in enumerate(rows):
        for start, end in _spans(row.text) if len(row.text) <= LONGEST_LINE else ():
            name = _plain(row.text[start:end])
            if name in mentions or len(mentions) < MOST_NAMES:
                mentions[name].append((at, start, end))
    full = _full_names(mentions, rows)
    found: dict[str, Name] = {}
    evidence: dict[str, Counter[NameKind]] = defaultdict(Counter)
    for text, places in sorted(mentions.items(), key=lambda each: each[1][0]):
        name = full.get(text, text)
        known = found.setdefault(name, Name(name, "other", places[0][0]))
        for at, start, end in places:
            known.lines.append(at)
            evidence[name].update(_signs(rows[at].text, start, end, name))
            known.roles.update(_roles_after(rows[at].text, end))
    for name, known in found.items():
        known.kind = _kind_of(name, evidence[name])
        known.lines = sorted(set(known.lines))
        known.first = known.lines[0]
    for name, (at_lines, roles) in people_in(_chinese(rows)).items():
        found[name] = Name(name, "person", min(at_lines), sorted(at_lines), roles)
    return sorted(found.values(), key=lambda each: each.first)


def speakers(rows: Sequence[Line], names: Sequence[Name]) -> list[Name | None]:
    """Return who makes the statement in each line, or None."""
    by_line: dict[int, list[Name]] = defaultdict(list)
    for name in names:
        for at in name.lines:
            by_line[at].append(name)
    by_role: dict[str, list[Name]] = defaultdict(list)
    for name in names:
        for role in name.roles if name.kind == "person" else ():
            by_role[role].append(name)
    found: list[Name | None] = [None] * len(rows)
    last: Name | None = None
    for at, row in enumerate(rows):
        if len(row.text) > LONGEST_LINE:
            continue
        here = by_line[at][:_MOST_IN_LINE]
        if CHINESE.search(row.text):
            speaker, said = _chinese_speaker(row.text, here, last)
        else:
            speaker, said = _speaker(row.text, here, last, by_role)
        if said:
            found[at] = speaker
        person = next((each for each in by_line[at] if each.kind == "person"), None)
        last = speaker or person or (last if at and rows[at - 1].article_id == row.article_id else None)
    _attach_quotations(rows, found)
    return found


def _attach_quotations(rows: Sequence[Line], found: list[Name | None]) -> None:
    """Give each quotation without a speaker of its own the speaker of the sentence beside it."""
    for at, row in enumerate(rows):
        is_said = says if CHINESE.search(row.text) else _is_said
        if found[at] is None and _OPENS_QUOTE.match(row.text) and not is_said(row.text):
            for other in (at - 1, at + 1):
                if 0 <= other < len(rows) and found[other] and rows[other].paragraph == row.paragraph:
                    found[at] = found[other]
                    break


def _is_said(text: str) -> bool:
    return bool(_SAYING.search(_QUOTED.sub(" ", text)))


def _chinese(rows: Sequence[Line]) -> dict[int, str]:
    return {at: row.text for at, row in enumerate(rows) if len(row.text) <= LONGEST_LINE and CHINESE.search(row.text)}


def _chinese_speaker(text: str, here: Sequence[Name], last: Name | None) -> tuple[Name | None, bool]:
    people = {name.text: name for name in here if name.kind == "person"}
    speaker, said = speaker_in(text, list(people), last.text if last else None)
    return (people.get(speaker, last) if speaker else None), said


def opening_person(text: str, at: int, names: Sequence[Name], speaker: Name | None) -> Name | None:
    """Return the person whom line `at` calls by surname, or by "he" or "she", at its beginning; None if by full name.

    `speaker` is the speaker of the line.
    """
    opening = _OPENING.match(text)
    if opening is None:
        return None
    if opening[0].strip("\"“”„«‘'([ ") in ("He", "She"):
        return speaker if speaker is not None and speaker.kind == "person" and speaker.text not in text else None
    word = _POSSESSIVE.sub("", opening[1])
    called = [name for name in names if name.kind == "person" and at in name.lines and word in name.text.split()]
    return called[0] if len(called) == 1 and called[0].text not in text and " " in called[0].text else None


def matches(name: Name, wanted: str) -> bool:
    """Return whether a name, or the role of its bearer ("the mayor"), is the one wanted."""
    if CHINESE.search(wanted) and CHINESE.search(name.text):
        return is_called(name.text, name.roles, wanted)
    ours, theirs = _words(name.text), _words(_HONORIFIC.sub("", wanted))
    if theirs and (theirs <= ours or (len(ours) > 1 and ours <= theirs)):
        return True
    roles = {word.lower() for word in re.findall(r"[\w-]+", wanted)} & name.roles
    return bool(roles) and wanted.lower().startswith("the ") and name.kind == "person"


def is_named(wanted: str, text: str) -> bool:
    """Return whether a text mentions all words of a name."""
    words = _words(wanted)
    return bool(words) and words <= _words(text)


def _words(text: str) -> set[str]:
    return set(terms(_POSSESSIVE.sub("", text.strip())))


def _spans(text: str) -> Iterator[tuple[int, int]]:
    """Yield the capitalised runs in a sentence that may be names."""
    for match in _NAME.finditer(text):
        for first, last in _separate(text, *match.span()):
            start, end = first, last
            while start < end and (lead := _LEADING.match(text, start, end)):
                start = lead.end()
            words = text[start:end].split(" ")
            while words and (words[-1] in _SMALL or (words[-1].lower() in _NEVER and len(words) > 1)):
                end -= len(words.pop()) + 1
            run = text[start:end]
            if len(run) < 2 or run.lower().strip(".'’") in _NEVER or not any(character.isalpha() for character in run):
                continue
            if " " not in run and (_DEMONYM.fullmatch(run) or _is_only_first(text, start, end)):
                continue
            yield start, end


def _separate(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the names in a capitalised run: "China’s Tsinghua University" and "Google and Nvidia" are two each."""
    at = start
    for match in _BETWEEN_NAMES.finditer(text, start, end):
        rest = text[match.end() : end].split(" ")
        if match[0].strip() == "and" and all(_ORGANISATION_WORD.fullmatch(word) for word in rest):
            continue  # "Assets Supervision and Administration Commission"
        yield at, match.start()
        at = match.end()
    yield at, end


def _is_only_first(text: str, start: int, end: int) -> bool:
    """Return whether a word has a capital only because the sentence begins."""
    return _starts_sentence(text, start) and text[start + 1 : end].islower() and not _follows(text, end)


def _starts_sentence(text: str, start: int) -> bool:
    before = text[:start].rstrip(" \t")
    return not before or before[-1] in '.!?:;\n“"‘(「—–-•*|'


def _follows(text: str, end: int) -> bool:
    """Return whether what follows shows that a single word at the beginning of a sentence is a name."""
    return bool(_AFTER_A_NAME.match(text, end))


def _plain(run: str) -> str:
    """Return a name without honorific and possessive ending."""
    return _POSSESSIVE.sub("", _HONORIFIC.sub("", run)).strip(" .,") or run


def _full_names(mentions: dict[str, list[tuple[int, int, int]]], rows: Sequence[Line]) -> dict[str, str]:
    """Return the full name for each short form that only one longer name before it contains."""
    by_word: dict[str, list[str]] = defaultdict(list)
    for name in mentions:
        if " " in name and _may_be_a_persons(name):
            for word in dict.fromkeys(name.split()):
                by_word[word].append(name)
    people = {name for name in mentions if " " in name and _is_person(mentions[name], rows, name)}
    full = {}
    for short, places in mentions.items():
        holders = [name for name in by_word[short] if mentions[name][0] <= places[0]] if short in by_word else []
        known = [name for name in holders if name in people]
        holders = known or (holders if holders and _is_person(places, rows, short) else [])
        if len(holders) == 1:
            full[short] = holders[0]
    return full


def _may_be_a_persons(name: str) -> bool:
    return not _ORGANISATION_WORD.search(name) and 2 <= len(name.split()) <= 4


def _is_person(places: Sequence[tuple[int, int, int]], rows: Sequence[Line], name: str) -> bool:
    """Return whether a mention shows that the name is a person's."""
    if " " in name and not _may_be_a_persons(name):
        return False
    signs = Counter[NameKind]()
    for at, start, end in places:
        signs.update(_signs(rows[at].text, start, end, name))
    return signs["person"] > 0


def _signs(text: str, start: int, end: int, name: str) -> list[NameKind]:
    """Return the kinds that the words around a mention suggest; a clear sign counts more than once."""
    before, after = text[max(0, start - 90) : start], text[end : end + 100]
    apposed = _APPOSED.match(after)
    is_apposed = apposed is not None and not _WITH_ROLE.search(apposed[0])
    found: list[NameKind] = []
    if _ORGANISATION_WORD.search(name):
        found += ["organisation"] * 3
    if _ORGANISED.search(before) or _LED.search(before) or is_apposed:
        found += ["organisation"] * 2
    if _ACTS.match(after) or _SPEAKS_OF_ITSELF.match(after) or _OF_A_FIRM.match(after):
        found.append("organisation")
    if " " in name and (_INTRODUCED.match(after) or _ROLE_BEFORE.search(before)) and not is_apposed:
        found += ["person"] * 2
    if _SAYS_AFTER.match(after) or _SAYS_BEFORE.search(before) or _HONORIFIC.match(text[start:end]):
        found.append("person")
    if _PLACED.search(before):
        found.append("place")
    return found


def _roles_after(text: str, end: int) -> set[str]:
    return {match[0].lower() for match in _WITH_ROLE.finditer(text[end : end + 90])}


def _kind_of(name: str, signs: Counter[NameKind]) -> NameKind:
    if signs["organisation"] > max(0, signs["person"] - 1) and signs["organisation"] >= signs["place"]:
        return "organisation"
    if signs["person"] and 2 <= len(name.split()) <= 4 and signs["person"] >= signs["place"]:
        return "person"
    if signs["place"] and len(name.split()) <= 3:
        return "place"
    return "organisation" if signs["organisation"] else "person" if signs["person"] > 1 else "other"


def _speaker(
    text: str, here: Sequence[Name], last: Name | None, by_role: Mapping[str, Sequence[Name]]
) -> tuple[Name | None, bool]:
    """Return the speaker in a sentence, and whether the sentence reports what somebody says or thinks."""
    outside = _QUOTED.sub(lambda match: " " * len(match[0]), text)
    saying = list(islice(_SAYING.finditer(outside), _MOST_VERBS))
    according = _ACCORDING.search(outside)
    if according:
        after = outside[according.end() : according.end() + 80]
        named = [each for each in here if _mention(each, after) >= 0]
        if named:
            return min(named, key=lambda each: _mention(each, after)), True
    for verb in saying:
        before, after = outside[: verb.start()], outside[verb.end() : verb.end() + 60]
        candidates = [(verb.start() - place, each) for each in here if (place := _last_mention(each, before)) >= 0]
        candidates = [(gap, each) for gap, each in candidates if each.kind != "place"]
        pronoun = [match.start() for match in _PRONOUN_SUBJECT.finditer(before)]
        nearest = min((gap for gap, _ in candidates), default=10_000)
        if pronoun and last is not None and verb.start() - pronoun[-1] < min(nearest, 30):
            return last, True
        people = [row for row in candidates if row[1].kind == "person"] or candidates
        if people:
            # The subject is the first name of the clause, not the last one ("Xie, at New York University, said").
            return max(people, key=lambda row: row[0])[1], True
        following = [(place, each) for each in here if 0 <= (place := _mention(each, after)) < 25]
        if following:
            return min(following, key=lambda row: row[0])[1], True
        if (role := _ROLE_SUBJECT.search(before)) and (known := _with_role(role[1].lower(), by_role, last)):
            return known, True
    return None, bool(saying or according)


def _with_role(role: str, by_role: Mapping[str, Sequence[Name]], last: Name | None) -> Name | None:
    if last is not None and role in last.roles:
        return last
    having = by_role.get(role, ())
    return having[0] if len(having) == 1 else None


def _mention(name: Name, text: str) -> int:
    """Return the place of the first mention of a name in a text, or -1."""
    return min((place for form in _forms(name) for place in word_positions(form, text)), default=-1)


def _last_mention(name: Name, text: str) -> int:
    return max((place for form in _forms(name) for place in word_positions(form, text)), default=-1)


def _forms(name: Name) -> list[str]:
    if name.kind != "person":
        return [name.text]
    return [name.text, *(part for part in name.text.split() if len(part) > 1 and part not in _SMALL)]
