"""Find boilerplate: counters, related links, consent lines, photo credits, bylines and dates on a news page. Pure.

Boilerplate is marked and never removed, so offsets into the text stay valid. An ambiguous line counts as part of the
story: an extra line does little harm, but a missing line can make an answer wrong.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise

from ..cancellation import Cancellation
from ..models import Span
from .bylines import Byline, parse_byline, parse_date_line
from .notes import note_spans

MOST_SPANS = 10_000
"""Maximum number of boilerplate spans in an article; lines after the last of them count as part of the story."""

_LONGEST_LINE = 200  # maximum length in characters; a longer line is a paragraph, on which the patterns may be slow
_LONGEST_TAG = 60  # maximum length of joined tags, in characters
_LONGEST_HEADLINE = 150  # maximum length of a headline, in characters
_LONG_ENOUGH_TO_BE_A_COPY = 40  # minimum length in characters; a shorter repeated line may be a refrain
_TOP = 12  # number of lines at the top in which to look for a byline or a bare date
_MOST_COUNTERS = 3  # maximum number of bare numbers or running times; more of them form a table


def _line(*choices: str) -> re.Pattern[str]:
    """Compile a pattern for any of the choices, as a whole line."""
    return re.compile(f"(?:{'|'.join(choices)})[ :.!…»→>]*", re.IGNORECASE)


_COUNTER = re.compile(r"\d{1,3}(,\d{3})+|\d{1,7}|\d{1,4}([.,]\d)?\s?[kKmM万]")
_YEAR = re.compile(r"(19|20)\d\d")
_TIME = re.compile(r"\d{1,2}:\d{2}(:\d{2})?")
_HASH = re.compile(r"(?=.*\d)(?=.*[a-f])[0-9a-f]{6,}([ _-][0-9a-f]{4,})*", re.IGNORECASE)
_COUNTED = r"(?:shares?|comments?|likes?|views?|reactions?|retweets?|reposts?|followers?|replies)"
_NETWORKS = (
    r"(?:facebook|twitter|x|instagram|youtube|linkedin|telegram|whatsapp|tiktok|threads|google news|微博|微信|on|and"
    r"|or|[,&/ ]|@\w+\b)+"
)
_BY_EMAIL = r"(?:newsletters?|mailing list|e-?mails?|news alerts?|(?:youtube|whatsapp|telegram) channel)"
_CONSENT = r"(?:cookies|cookie policy|privacy policy|privacy notice|terms of (?:use|service)|terms)"
_AGENCY = (
    r"(?:reuters|afp|ap|ap photo|associated press|getty|getty images|bloomberg|xinhua|epa|epa-efe|shutterstock|alamy"
    r"|istock|unsplash|pexels|handout|scmp|dpa|tass|pa|pa media|pa wire|imago|zuma press|nurphoto|wikimedia commons"
    r"|新华社|中新社|视觉中国|路透社|法新社)"
)
_PICTURE = r"(?:file )?(?:photo|photograph|picture|image|illustration)s?"
_PERSON = r"[\w.’'-]+(?: [\w.’'-]+){0,3}"

_BOILERPLATE = _line(
    r"source link|read more|read also|also read|[-–— ]*advertisement[-–— ]*|sponsored content|continue reading",
    r"(?:story|article) continues (?:below|after)(?: (?:this |the )?ad(?:vertisement)?)?|skip to (?:main )?content",
    r"share this(?: article| story| post| page)?|print this (?:article|page)|back to top|copy link",
    rf"(?:view|show) comments|\d[\d.,]*\s?[km]?\s+{_COUNTED}|{_COUNTED}\s*(?:[:(]\s*)?\d[\d.,]*[km]?\)?",
    # cookies and consent
    r"(?:we|our (?:web)?site) uses? cookies (?:to|for|and) [^“\"]*"
    r"\b(?:experience|content|ads|traffic|website|services)\b[^“\"]*",
    r"this (?:web)?site uses cookies\b[^“\"]*",
    r"by (?:continuing|using|clicking|browsing)\b[^“\"]*\byou (?:agree|consent) to\b.{0,40}"
    rf"\b{_CONSENT}(?: and (?:our )?{_CONSENT})?",
    r"(?:accept|reject|allow) (?:all )?(?:the )?cookies|(?:manage|change) (?:your )?cookies?(?: settings)?",
    r"(?:manage )?cookie (?:settings|preferences|policy|notice)",
    # newsletters, apps, networks
    r"(?:sign up|subscribe|register)(?: now| here| today)? (?:for|to)(?: [\w’'-]+){0,6}"
    rf" {_BY_EMAIL}(?: (?:here|now|today|for free))?(?: (?:to|and) (?:get|receive)\b[^,“\"]*)?",
    r"get (?:the|our|all the) [\w’' ]{0,40}(?:straight |directly )?(?:in|to) your inbox(?: every day)?",
    r"(?:download|get|install) (?:our|the [\w ]{0,30}\bnews) app(?: here| now| today| for free)?",
    rf"(?:follow|like|find|join) us on {_NETWORKS}|join our (?:whatsapp|telegram) (?:channel|group)",
    # rights
    r"(?:copyright )?© ?(?:copyright )?(?:\d{4}|[A-Z][\w.]+ \d{4}).*|copyright \(c\) \d{4}.*|all rights reserved",
    r"(?:copyright|\(c\)) .*\ball rights reserved|this material may not be published, broadcast, rewritten.*",
    # picture and agency credits
    rf"\(?{_PICTURE}(?: by| credit)?[: ]+(?:{_PERSON} ?[/|,] ?)?{_AGENCY}(?: ?(?:via|/) ?{_AGENCY})?\)?",
    rf"\(?{_PICTURE} credit: {_PERSON}\)?|{_AGENCY} ?(?:via|/) ?{_AGENCY}|(?:reuters|ap photo|afp) ?/ ?{_PERSON}",
    r"getty images|\(?reporting by [^;“\"]+; ?(?:[\w ]{0,30} by [^;“\"]+; ?){0,2}editing by [^;“\"]+\)?",
    r"\d{1,3}[- ]min(?:ute)?s? read|(?:reading|read) time: ?\d+ min(?:ute)?s?",
    r"(?:last )?(?:updated|published|posted):? (?:\d{1,2}|an?) (?:minute|hour|day|week)s? ago",
    # Chinese
    r"分享|分享到|广告|阅读原文|点击查看更多|展开全文|返回顶部|版权所有.{0,40}",
    r"扫一扫.{0,20}|[上下]一篇[：:].+|(?:阅读|评论|点赞|转发)[ (（]?[\d.]+万?[)）]?",
    r"[（(]?(?:责任编辑|责编|来源|文章来源)[：:]\s?[^。！？，：:]{0,20}[)）]?",
)
_RELATED = _line(
    r"(?:related|recommended) (?:articles|stories|news|content|posts|reading|coverage)|related",
    r"you (?:may|might) also like|more on this story|most read",
    r"editor[’']?s[’']? picks|相关阅读|推荐阅读|延伸阅读|相关新闻|相关文章",
)
_RELATED_LINK = re.compile(
    r"(?:related(?: article| story)?|read more|read also|also read|see also|you (?:may|might) also like"
    r"|相关阅读|延伸阅读)\s?[:：|]\s?\S.*",
    re.IGNORECASE,
)
_LINE = re.compile(r"[^\r\n]+")
_ORIGINAL = re.compile(r"-{3,} ?(?:Original Message|Ursprüngliche Nachricht|Message d'origine|Mensaje original) ?-{3,}")
_WORDS = re.compile(r"\w")
_FRONT_MATTER = re.compile(
    r"\A(?:---[ \t]*\r?\n(?=\s*(?:#"
    r"|[\w\"'-][^:\r\n]{0,60}:|---))(.*?)^---|\+\+\+[ \t]*\r?\n(?=\s*[\w.\"'-]+ *=)(.*?)^\+\+\+)[ \t]*(?:\r?\n|\Z)",
    re.DOTALL | re.MULTILINE,
)
_BULLET = re.compile(r"[-*•·]\s*\S|\d{1,2}[.)]\s")
_CALLS_FOR_MORE = re.compile(r"(,|\b(on|in|of|by|since|until|from|to|the))$")
_ENDS_A_STATEMENT = re.compile(r"[.!…。！；;,，][\"'”’)\]]*$")


@dataclass(frozen=True, slots=True)
class _Line:
    """A stripped, non-blank line; `is_detached` is True if it follows a blank line or starts the text."""

    start: int
    words: str
    is_detached: bool


def front_matter(text: str) -> tuple[str, Span | None]:
    """Return the front matter, and its span including the lines around it; else `("", None)`.

    It is YAML between two leading `---` lines, or TOML between two `+++` lines; a text between two such lines that does
    not begin with a field is part of the story.
    """
    match = _FRONT_MATTER.match(text)
    return (match[1] or match[2] or "", Span(0, match.end())) if match else ("", None)


def boilerplate_spans(
    text: str,
    *,
    has_front_matter: bool = False,
    is_message: bool = False,
    known: Sequence[Span] = (),
    cancellation: Cancellation | None = None,
) -> list[Span]:
    """Return the boilerplate lines in `text` as sorted spans with text of the story between them.

    A line is recognised as boilerplate by its words (a hash, "Source link", a cookie notice) or by its position: a
    counter by itself, a byline or a date above the story, headlines under "You may also like", a title under a running
    time, a copy of the previous line. In a message, so are the lines that it quotes from earlier messages, with `>`
    before them, the line that names their author, and its signature. Lines within the `known` spans, which are sorted
    and do not overlap, are boilerplate as well. Markdown, which may have front matter, may also have the marks of a
    note; see `note_spans`.
    """
    cancellation = cancellation or Cancellation()
    head = front_matter(text)[1] if has_front_matter else None
    lines = list(cancellation.checked(_lines(text, head.end if head else 0)))
    bylines = list(cancellation.checked(_bylines(lines)))
    boilerplate = {
        i
        for i, line in enumerate(cancellation.checked(lines))
        if bylines[i].label or _is_boilerplate_by_itself(line.words)
    }
    tags = _joined_tags(text, lines, cancellation)
    boilerplate |= _counters(lines, boilerplate) | _running_times(lines) | _copies(lines) | tags
    boilerplate |= _author_lines(lines, bylines) | _bare_dates(lines, bylines)
    if is_message:
        boilerplate |= _quoted_lines(lines)
    cancellation.check()
    boilerplate |= _related_headlines(lines, boilerplate) | _lines_within(lines, known)
    marked = [Span(lines[i].start, lines[i].start + len(lines[i].words)) for i in sorted(boilerplate)]
    if has_front_matter:
        marked = sorted([*marked, *cancellation.checked(note_spans(text, head.end if head else 0))])
    return _merged(text, [head] if head else [], cancellation.checked(marked))


def byline(text: str) -> str | None:
    """Return the authors from a line above the story, such as "By Jane Doe and John Roe, Reuters", or None.

    Front matter is not skipped: pass the text after it.
    """
    lines = list(islice(_lines(text, 0), _TOP + 1))
    bylines = list(_bylines(lines))
    return next((bylines[i].author for i in sorted(_author_lines(lines, bylines))), None)


def dateline(text: str, cancellation: Cancellation | None = None) -> str | None:
    """Return the publication date as YYYY-MM-DD, from a line above the story that contains only a date, or None.

    A date labelled as published takes precedence over an unlabelled date, which takes precedence over one labelled as
    updated.
    """
    lines = list(islice(_lines(text, 0), _TOP + 1))
    bylines = list(_bylines(lines))
    bare = _bare_dates(lines, bylines)
    if bare and len(lines) > _TOP:  # other dates may follow in the rest
        rest = _lines(text, lines[-1].start)
        dated = (parse_date_line(line.words) for line in (cancellation or Cancellation()).checked(rest))
        bare = set() if any(_is_bare_date(each) for each in dated) else bare
    ranked = [byline for byline in bylines[:_TOP] if byline.label == "published"]
    ranked += [bylines[i] for i in sorted(_author_lines(lines, bylines) | bare)]
    ranked += [byline for byline in bylines[:_TOP] if byline.label == "updated"]
    return next((byline.day.isoformat() for byline in ranked if byline.day), None)


def _lines(text: str, start: int) -> Iterator[_Line]:
    end = start
    is_first = True
    for match in _LINE.finditer(text, start):
        if words := match[0].strip():
            at = match.start() + match[0].index(words)
            between = text[end:at]
            yield _Line(at, words, is_first or max(between.count("\n"), between.count("\r")) > 1)
            end, is_first = at + len(words), False


def _bylines(lines: Sequence[_Line]) -> Iterator[Byline]:
    """Parse the lines: those at the top for authors and dates, and the others only for dates."""
    for i, line in enumerate(lines):
        yield parse_byline(line.words) if i < _TOP else parse_date_line(line.words)


def _merged(text: str, merged: list[Span], spans: Iterable[Span]) -> list[Span]:
    """Append the spans to `merged`, up to `MOST_SPANS`; a span that follows another after only white space extends it.

    Thousands of lines under "You may also like" are one span.
    """
    for span in spans:
        if merged and not text[merged[-1].end : span.start].strip():
            merged[-1] = Span(merged[-1].start, max(merged[-1].end, span.end))
        elif len(merged) == MOST_SPANS:
            break
        else:
            merged.append(span)
    return merged


def _lines_within(lines: Sequence[_Line], spans: Sequence[Span]) -> set[int]:
    """Return the lines that begin inside one of the sorted spans."""
    starts = [span.start for span in spans]
    return {
        i for i, line in enumerate(lines) if (at := bisect_right(starts, line.start)) and line.start < spans[at - 1].end
    }


def _quoted_lines(lines: Sequence[_Line]) -> set[int]:
    """Return the lines that a message quotes, their announcements, and signatures; none if it has no other text."""
    quoted = {i for i, line in enumerate(lines) if line.words.startswith(">")}
    original = next((i for i, line in enumerate(lines) if _ORIGINAL.fullmatch(line.words)), len(lines))
    quoted |= set(range(original, len(lines)))
    quoted |= _signature(lines)
    announcing = {i - 1 for i in quoted if i and i - 1 not in quoted and lines[i - 1].words.endswith((":", "："))}
    quoted |= announcing
    return quoted if any(_WORDS.search(line.words) for i, line in enumerate(lines) if i not in quoted) else set()


def _signature(lines: Sequence[_Line]) -> set[int]:
    """Return the lines of signatures: those from a line "-- " to the next blank line, see RFC 3676, section 4.3."""
    found: set[int] = set()
    for i, line in enumerate(lines):
        if line.words.rstrip() == "--" or (i - 1 in found and not line.is_detached):
            found.add(i)
    return found


def _is_boilerplate_by_itself(line: str) -> bool:
    if len(line) > _LONGEST_LINE:
        return False
    words = line.strip("*_ ")  # **Advertisement**
    if any(pattern.fullmatch(words) for pattern in (_BOILERPLATE, _RELATED, _HASH)):
        return True
    return bool(_RELATED_LINK.fullmatch(words)) and _is_headline(words)


def _is_headline(line: str) -> bool:
    return len(line) <= _LONGEST_HEADLINE and not line[0].islower() and not _ENDS_A_STATEMENT.search(line)


def _is_alone(lines: Sequence[_Line], i: int, beside: set[int]) -> bool:
    """Return whether the line touches only blank lines and lines in `beside`; otherwise it may be part of a table."""
    above = lines[i].is_detached or i - 1 in beside
    return above and (i + 1 == len(lines) or lines[i + 1].is_detached or i + 1 in beside)


def _counters(lines: Sequence[_Line], boilerplate: set[int]) -> set[int]:
    """Find the lines that count shares or views: few bare numbers that do not number parts of the text.

    Numbers beside other lines count as well: together they are the cells of a table, of which the last may be alone.
    """
    found = {i for i, line in enumerate(lines) if _COUNTER.fullmatch(line.words) and not _YEAR.fullmatch(line.words)}
    alone = {i for i in found if _is_alone(lines, i, found | boilerplate)}
    numbers = {int(lines[i].words) for i in alone if lines[i].words.isdecimal()}
    numbering = any(number + 1 in numbers for number in numbers if number)
    return set() if numbering or len(found) > _MOST_COUNTERS else alone


def _running_times(lines: Sequence[_Line]) -> set[int]:
    """Find a video's running time, and its title if the title follows twice; many times form a timetable."""
    times = [i for i, line in enumerate(lines) if _TIME.fullmatch(line.words)]
    if len({lines[i].words for i in times}) > _MOST_COUNTERS:
        return set()
    boilerplate = {i for i in times if _is_alone(lines, i, set())}
    for i in times:
        title = [line.words for line in lines[i + 1 : i + 3]]
        if len(title) == 2 and title[0] == title[1] and _is_headline(title[0]):
            boilerplate |= {i, i + 1, i + 2}
    return boilerplate


def _copies(lines: Sequence[_Line]) -> set[int]:
    """Find captions and paragraphs that repeat the previous line, except in refrains, lists and table columns."""
    return {
        i
        for i, (before, line) in enumerate(pairwise(lines), start=1)
        if before.words == line.words
        and line.is_detached
        and not _BULLET.match(line.words)
        and (len(line.words) >= _LONG_ENOUGH_TO_BE_A_COPY or (" " in line.words and _is_headline(line.words)))
    }


def _joined_tags(text: str, lines: Sequence[_Line], cancellation: Cancellation) -> set[int]:
    """Find joined tags: detached lower-case lines that consist of names that also occur in the text as words."""
    found = [i for i, line in enumerate(lines) if _may_be_joined(line.words) and _is_alone(lines, i, set())]
    words = set(re.findall(r"[^\W\d_]{3,}", text)) if found else set()
    names = {
        word.lower() for word in words if word[0].isupper()
    } - words  # words that also occur in lower case are not names
    return {i for i in cancellation.checked(found) if _is_joined(lines[i].words, names)}


def _may_be_joined(line: str) -> bool:
    return 8 <= len(line) <= _LONGEST_TAG and line.isascii() and line.isalpha() and line.islower()


def _is_joined(tag: str, known: set[str]) -> bool:
    reached = [True] + [False] * len(tag)
    for end in range(3, len(tag) + 1):
        first = 1 if end == len(tag) else 0  # the line itself does not count as a part
        reached[end] = any(reached[start] and tag[start:end] in known for start in range(first, end - 2))
    return reached[-1]


def _related_headlines(lines: Sequence[_Line], boilerplate: set[int]) -> set[int]:
    """Find headlines under "You may also like": the list directly below, or all later lines if all are headlines."""
    found: set[int] = set()
    tail = len(lines)  # all lines from here on are headlines or boilerplate
    while tail and (tail - 1 in boilerplate or _is_headline(lines[tail - 1].words)):
        tail -= 1
    for i in sorted(boilerplate):
        if _RELATED.fullmatch(lines[i].words.strip("*_ ")):
            if i >= tail:
                return found | set(range(i + 1, len(lines)))
            j = i + 1
            while j < len(lines) and _BULLET.match(lines[j].words) and _is_headline(lines[j].words):
                found.add(j)
                j += 1
    return found


def _is_wrapped(lines: Sequence[_Line], i: int) -> bool:
    """Return whether the line is part of hard-wrapped prose."""
    below = i + 1 < len(lines) and not lines[i + 1].is_detached and lines[i + 1].words[0].islower()
    return below or (not lines[i].is_detached and bool(_CALLS_FOR_MORE.search(lines[i - 1].words)))


def _author_lines(lines: Sequence[_Line], bylines: Sequence[Byline]) -> set[int]:
    top = range(1, min(_TOP, len(lines)))  # the first line is the title
    return {i for i in top if bylines[i].author and not _is_wrapped(lines, i)}


def _bare_dates(lines: Sequence[_Line], bylines: Sequence[Byline]) -> set[int]:
    """Find the date above the story if no other date has a line of its own; several such dates form a chronicle."""
    bare = [i for i, each in enumerate(bylines) if _is_bare_date(each)]
    return set(bare) if len(bare) == 1 and 0 < bare[0] < _TOP and not _is_wrapped(lines, bare[0]) else set()


def _is_bare_date(byline: Byline) -> bool:
    return bool(byline.day and not byline.label and not byline.author)
