"""Does the passage say this? Word for word, in other words, in part, or not.

Vectors say whether a sentence is about the same thing, word by word; `exact` says whether its numbers, names and
denials are the same. Neither is enough alone. No second model: one forward pass a sentence, none for a quotation.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from index import Encoder, Encoding, Hit, PassageFeatures, SearchResult, Span, is_readable, terms

from ..answer import Support
from .consistency import denials, find_copy, is_consistent, is_consistent_copy, replaces_chinese

_SUPPORTED, _WEAK = 0.70, 0.50
"""Mean of the best cosines of a claim's content tokens. Set on the development sets' true sentences, human paraphrases
and swapped sentences, together with `_WEAKEST`; they go with the bundled model."""
_WEAKEST = 0.25  # the worst token of a supported claim: below it the passage has nothing like that word
_SUPPORTED_BY_WORDS, _WEAK_BY_WORDS = 0.75, 0.40
"""The same for shares of keywords, where there are no token vectors to trust; set by hand, not fitted."""
_NEIGHBOUR_HELPS = 0.03  # how much better the mean must be for a neighbouring sentence to join the span

_FOLDED = str.maketrans(dict.fromkeys("“”„«»″", '"') | dict.fromkeys("‘’‚`´′", "'") | dict.fromkeys("‐‑‒–—―−", "-"))
_THE_TEXT = r"(?:the|this) (?:\w+ )?(?:article|report|passage|text|story|piece)s?"
_FRAME = re.compile(
    rf"^\W*(?:(?:according to|as reported in|in) {_THE_TEXT},\s*"
    rf"|{_THE_TEXT} (?:also )?(?:says?|states?|reports?|notes?|mentions?|adds?|explains?|tells? us)"
    r"(?: that| the following)?[:,]?\s+|(?:根据|据)?(?:文章|报道|原文)(?:中)?(?:说|指出|提到|称|报道)?[，：,:])",
    re.IGNORECASE,
)
_CLAUSE = re.compile("[,;:—–，；：、]")
_TAKES_BACK = re.compile(
    r"\b(?:not|no|never|nor|neither|cannot|\w+n[’']t|without|hardly|false|untrue|wrong|den(?:y|ies|ied|ying)|doubt\w*|refut\w*"
    r"|reject\w*|dismiss\w*|if|whether|unless|instead of|rather than|ignore|disregard|instructions?|pretend"
    r"|(?:answer|reply|respond|say|write)(?: that)?)\b|[不没未否若]",
    re.IGNORECASE,
)
"""Words before a part of a sentence that may turn its meaning over; `_CLAUSE` says where such a part begins."""
_CHINESE = re.compile("[\u3000-\u30ff\u3400-\u9fff\uac00-\ud7af\uff00-\uffef]")


@dataclass(frozen=True, slots=True)
class Verdict:
    """How well a passage supports a sentence, and which characters of the article do so."""

    support: Support
    span: Span


class Checker:
    """Checks the sentences of one answer against the passages that were found for its question.

    Each sentence is encoded once, however many passages it cites, and not at all when it is a quotation.
    """

    def __init__(self, found: SearchResult, encoder: Encoder) -> None:
        self._found = found
        self._encoder = encoder
        self._encoded: dict[str, Encoding] = {}

    def check(self, sentence: str, number: int, beside: Sequence[int] = ()) -> Verdict:
        """Whether hit `number` (from 1) says what `sentence` says; see `grade_support`.

        `beside` are the numbers of other hits that the sentence cites too: what it has from them is not held against
        it. Raises `EncoderError` when the model cannot be loaded.
        """
        scored = self._found.passages[number - 1]
        hit, features = scored.hit, scored.features
        sentence = _without_frame(sentence)
        quoted = find_quote(sentence, hit.passage.text)
        if quoted is not None:
            whole = _taken_back(quoted, features)
            return Verdict("weak" if whole else "quoted", _in_article(whole or quoted, hit))
        if sentence not in self._encoded and _has_words(sentence):
            self._encoded[sentence] = self._encoder.encode([sentence])[0]
        others = [self._found.passages[other - 1].hit for other in beside if other != number]
        verdict = grade_support(
            sentence,
            self._encoded.get(sentence),
            features,
            around="\n".join([_head(hit), *(f"{_head(other)}\n{other.passage.text}" for other in others)]),
        )
        return Verdict(verdict.support, _in_article(verdict.span, hit))


def grade_support(sentence: str, said: Encoding | None, reading: PassageFeatures, around: str = "") -> Verdict:
    """Whether a passage says in other words what `sentence` says. Pure; the span is relative to the passage.

    `said` is what the model tells of the sentence, `around` what else this may take its names and numbers from (title,
    source, date). The span is the sentence of the passage, or the run of up to three, that answers to its words best. A
    near copy of some sentences is compared with those alone. Whatever fails an exact check is `unsupported`; otherwise
    the mean similarity of words decides.
    """
    text, spans = reading.passage.text, reading.sentences
    if not spans or not _has_words(sentence):
        return Verdict("unsupported", spans[0] if spans else Span(0, len(text)))
    parts = [text[span.start : span.end] for span in spans]
    matched, is_share = _match(sentence, said, parts, reading)
    copy = find_copy(sentence, parts)
    first, last = (copy.first, copy.last) if copy else _best_run(matched)
    span = Span(spans[first].start, spans[last].end)
    run = text[span.start : span.end]
    if copy:
        agreed = is_consistent_copy(sentence, copy, run, f"{around}\n{text}")
    else:
        nearby = " ".join(parts[max(0, first - 1) : last + 2])
        agreed = is_consistent(sentence, run, f"{around}\n{nearby}")
    if not agreed:
        return Verdict("unsupported", span)
    if copy and copy.only:
        return Verdict("supported", span)
    # The few words that a copy adds may come from anywhere in the passage: "Lu Yanxia" for "she".
    support = _grade((matched if copy else matched[first : last + 1]).max(axis=0), is_share=is_share)
    if support == "supported" and copy and replaces_chinese(copy):
        support = "weak"
    return Verdict(support, span)


def find_quote(sentence: str, text: str) -> Span | None:
    """Where `text` holds `sentence` word for word, relative to `text`.

    Typographic quotation marks and dashes, white space, Markdown's asterisks and quotation marks around the whole make
    no difference; capitals do. It may run over several sentences of `text`, but not begin or end inside a word.
    """
    wanted, _ = _folded(sentence)
    wanted = wanted.strip("\"' ")
    if not _has_words(wanted):
        return None
    there, places = _folded(text)
    at = there.find(wanted)
    while at >= 0:
        end = at + len(wanted)
        if not (_inside_word(there, at) or _inside_word(there, end)):
            return Span(places[at], places[end - 1] + 1)
        at = there.find(wanted, at + 1)
    return None


def _without_frame(sentence: str) -> str:
    """The sentence without words that only say that the article says it: models write them, articles do not."""
    rest = _FRAME.sub("", sentence, count=1)
    return rest if _has_words(rest) else sentence


def _taken_back(quoted: Span, reading: PassageFeatures) -> Span | None:
    """The sentence that a quotation is only a part of, where what stands before it in its clause may turn it over: "It
    is false that …", "Ignore this and answer that …". The words are there, and the article may mean the opposite.
    """
    around = next((span for span in reading.sentences if span.start <= quoted.start < span.end), None)
    if around is None:
        return None
    before = _CLAUSE.split(reading.passage.text[around.start : quoted.start])[-1]
    return Span(around.start, max(around.end, quoted.end)) if _TAKES_BACK.search(before) else None


def _folded(text: str) -> tuple[str, list[int]]:
    """`text` with one kind of quotation mark, dash and blank, none beside Chinese; and where each character stood."""
    kept: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text.translate(_FOLDED)):
        if character == "*":
            continue
        if character.isspace():
            if kept and kept[-1] != " " and not _CHINESE.match(kept[-1]):
                kept.append(" ")
                places.append(place)
            continue
        if kept and kept[-1] == " " and _CHINESE.match(character):
            kept.pop()
            places.pop()
        kept.append(character)
        places.append(place)
    return "".join(kept), places


def _inside_word(text: str, at: int) -> bool:
    """Whether a cut at `at` would go through a word; Chinese can be cut anywhere."""
    sides = text[max(0, at - 1) : at + 1]
    return 0 < at < len(text) and all(side.isalnum() and not _CHINESE.match(side) for side in sides)


def _match(
    sentence: str, said: Encoding | None, parts: Sequence[str], reading: PassageFeatures
) -> tuple[np.typing.NDArray[np.float32], bool]:
    """How well each sentence of a passage answers to each content word of the claim: shape `(sentences, words)`.

    Cosines of tokens where the model gives them and knows the script; otherwise (second value True) 1 for a keyword
    that is there and 0 for one that is not.
    """
    text = " ".join(parts)
    if said is not None and _has_word_vectors(said, sentence) and len(reading.tokens.codes) and is_readable(text):
        tokens = said.tokens[_content(sentence, said)]
        cosines = reading.tokens.cosines(tokens)
        matched = np.zeros((len(parts), len(tokens)), dtype=np.float32)
        for row, own in zip(matched, reading.rows, strict=True):
            if own.start < own.stop:  # not beyond what the model reads
                row[:] = cosines[:, own].max(axis=1)
        return matched, False
    wanted = list(dict.fromkeys(terms(sentence)))
    held = [set(terms(part)) for part in parts]
    shares = np.array([[float(term in row) for term in wanted] for row in held], dtype=np.float32)
    return (shares if wanted else np.zeros((len(parts), 1), dtype=np.float32)), True


def _has_word_vectors(said: Encoding, sentence: str) -> bool:
    """Whether the model told of single words (some classes give one vector for a sentence), in a script it knows."""
    single = all(" " not in sentence[start:end].strip() for start, end in said.offsets)
    return len(said.tokens) > 0 and single and is_readable(sentence)


def _content(sentence: str, said: Encoding) -> list[int]:
    """The tokens that are pieces of words with a meaning of their own; all, where there are none. Denials are checked
    exactly, and must not draw the span to some other sentence that denies something.
    """
    found = re.finditer(r"[^\W_]+", sentence)
    words = [match.span() for match in found if terms(match[0]) and not denials([match[0].lower()])]
    rows = [i for i, (start, end) in enumerate(said.offsets) if any(a <= start and end <= b for a, b in words)]
    return rows or list(range(len(said.offsets)))


def _best_run(matched: np.typing.NDArray[np.float32]) -> tuple[int, int]:
    """The sentence that answers best to all words, first and last alike, with the neighbours that clearly help."""
    first = last = int(matched.mean(axis=1).argmax())
    here = matched[first]
    for neighbour in (first - 1, first + 1):
        if 0 <= neighbour < len(matched):
            both = np.maximum(here, matched[neighbour])
            if both.mean() > here.mean() + _NEIGHBOUR_HELPS:
                here, first, last = both, min(first, neighbour), max(last, neighbour)
    return first, last


def _grade(matched: np.typing.NDArray[np.float32], *, is_share: bool) -> Support:
    mean = float(matched.mean())
    supported, weak = (_SUPPORTED_BY_WORDS, _WEAK_BY_WORDS) if is_share else (_SUPPORTED, _WEAK)
    if mean >= supported and (is_share or float(matched.min()) >= _WEAKEST):
        return "supported"
    return "weak" if mean >= weak else "unsupported"


def _head(hit: Hit) -> str:
    """What a sentence may say of an article besides its text: its title, source and date, which a reader is shown.

    The date is spelt out, as sentences do; digits in the source, mostly a file's name, are no fact of the article.
    """
    published = hit.published or ""
    try:
        spelt = date.fromisoformat(published[:10]).strftime("%d %B %Y")
    except ValueError:
        spelt = published
    return "\n".join([hit.title, re.sub(r"\d", " ", hit.source), spelt])


def _in_article(span: Span, hit: Hit) -> Span:
    return Span(hit.passage.start + span.start, hit.passage.start + span.end)


def _has_words(text: str) -> bool:
    return any(character.isalnum() for character in text)
