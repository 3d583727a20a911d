"""Grade how well a passage supports a sentence: word for word, in other words, in part, or not at all.

Token embeddings compare the meaning, word by word; `consistency` compares numbers, names and negations exactly. Neither
is enough alone. No second model is needed: a sentence takes one forward pass, a quotation none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from index import Encoder, Encoding, Hit, PassageFeatures, SearchResult, Span, is_readable, terms

from ..answer import Support
from .consistency import (
    copy_inconsistency,
    count_negations,
    find_copy,
    inconsistency,
    located,
    negation_doubt,
    replaces_chinese,
)
from .reasons import IN_DOUBT, NO_WORDS, NOT_SIMILAR, PARTLY_SIMILAR

_SUPPORTED, _WEAK = 0.70, 0.50
"""Thresholds for the mean of the best cosines of a claim's content tokens. They were set together with `_WEAKEST`, for
the bundled model, on true sentences, human paraphrases and swapped sentences from the development sets."""
_WEAKEST = 0.1  # minimum cosine for every token in a supported claim: below it, the passage has no similar word
_SUPPORTED_BY_WORDS, _WEAK_BY_WORDS = 0.75, 0.40
"""Thresholds for the share of keywords in the passage, used without token vectors; set by hand, not fitted."""
_NEIGHBOUR_HELPS = 0.03  # minimum increase in the mean for a neighbouring sentence to be added to the span

_FOLDED = str.maketrans(dict.fromkeys("“”„«»″", '"') | dict.fromkeys("‘’‚`´′", "'") | dict.fromkeys("‐‑‒–—―−", "-"))
_THE_TEXT = r"(?:the|this) (?:\w+ )?(?:article|report|passage|text|story|piece)s?"
_FRAME = re.compile(
    rf"^\W*(?:(?:according to|as reported in|in) {_THE_TEXT},\s*"
    rf"|{_THE_TEXT} (?:also )?(?:says?|states?|reports?|notes?|mentions?|adds?|explains?|tells? us)"
    r"(?: that| the following)?[:,]?\s+|(?:根据|据)?(?:文章|报道|原文)(?:中)?(?:说|指出|提到|称|报道)?[，：,:])",
    re.IGNORECASE,
)
_YES_OR_NO = re.compile(r"^\W*(?:yes|no)\s?[,.:;!–—-]\s+", re.IGNORECASE)
_CLAUSE = re.compile("[,;:—–，；：、]")
_NEGATES = re.compile(
    r"\b(?:not|no|never|nor|neither|cannot|\w+n[’']t|without|hardly|false|untrue|wrong|den(?:y|ies|ied|ying)|doubt\w*|refut\w*"
    r"|reject\w*|dismiss\w*|if|whether|unless|instead of|rather than|ignore|disregard|instructions?|pretend"
    r"|(?:answer|reply|respond|say|write)(?: that)?)\b|[不没未否若]",
    re.IGNORECASE,
)
"""Words that may reverse the meaning of the part of a sentence after them; `_CLAUSE` matches the beginning of that
part."""
_CHINESE = re.compile("[\u3000-\u30ff\u3400-\u9fff\uac00-\ud7af\uff00-\uffef]")


@dataclass(frozen=True, slots=True)
class SupportGrade:
    """A grade for a passage's support of a sentence, and the span in the article that supports it.

    `reason` says why the grade is below "supported", in a short sentence; see `reasons`. `is_refuted` is True if an
    exact check failed: the passage contradicts a number, date, name, unit or negation, or does not contain it. It is
    False if the words are only not similar enough.
    """

    support: Support
    span: Span
    reason: str = ""
    is_refuted: bool = False


class SupportChecker:
    """A checker that compares an answer's sentences with the passages retrieved for its question.

    Each sentence is encoded once, however many passages it cites; a quotation is not encoded.
    """

    def __init__(self, found: SearchResult, encoder: Encoder) -> None:
        self._found = found
        self._encoder = encoder
        self._encoded: dict[str, Encoding] = {}
        self._articles: dict[str, str] = {}
        for hit in found.hits:
            text = self._articles.get(hit.passage.article_id, _head(hit))
            self._articles[hit.passage.article_id] = f"{text}\n{hit.passage.text}"

    def check(self, sentence: str, number: int, beside: Sequence[int] = ()) -> SupportGrade:
        """Grade how well passage `number` (from 1) supports `sentence`; see `grade_support`.

        `beside` lists the other passages that the sentence cites: its names and numbers may come from them. Names may
        come from all found passages of the same article. Raises `EncoderError` if the model cannot be loaded.
        """
        scored = self._found.passages[number - 1]
        hit, features = scored.hit, scored.features
        sentence = _without_frame(sentence)
        quoted = find_quote(sentence, hit.passage.text)
        if quoted is not None:
            negated = _negated_sentence(quoted, features)
            if negated:
                return SupportGrade("weak", _in_article(negated, hit), IN_DOUBT)
            return SupportGrade("quoted", _in_article(quoted, hit))
        encoding = self._encoding(sentence)
        others = [self._found.passages[other - 1].hit for other in beside if other != number]
        grade = grade_support(
            sentence,
            encoding,
            features,
            around="\n".join([_head(hit), *(f"{_head(other)}\n{other.passage.text}" for other in others)]),
            article=self._articles[hit.passage.article_id],
        )
        if not grade.is_refuted:
            return replace(grade, span=_in_article(grade.span, hit))
        everything = "\n".join(self._articles.values())
        reason = located(grade.reason, f"{_head(hit)}\n{hit.passage.text}", everything)
        return replace(grade, span=_in_article(grade.span, hit), reason=reason)

    def nearest(self, sentence: str, most: int) -> list[int]:
        """Return the numbers of the `most` passages that are most similar to a sentence, in ascending order.

        Passages that contain the sentence word for word come first.
        """
        passages = self._found.passages
        if len(passages) <= most:
            return list(range(1, len(passages) + 1))
        sentence = _without_frame(sentence)
        encoding, wanted = self._encoding(sentence), set(terms(sentence))

        def similarity(number: int) -> tuple[bool, float]:
            features = passages[number - 1].features
            is_quoted = find_quote(sentence, features.passage.text) is not None
            if encoding is None or not is_readable(sentence):
                return is_quoted, len(wanted & features.terms) / max(1, len(wanted))
            return is_quoted, float((features.vectors @ encoding.vector).max(initial=-1.0))

        return sorted(sorted(range(1, len(passages) + 1), key=similarity, reverse=True)[:most])

    def _encoding(self, sentence: str) -> Encoding | None:
        """Return the encoding of a sentence, which is computed once; None for a sentence without words."""
        if sentence not in self._encoded and _has_words(sentence):
            self._encoded[sentence] = self._encoder.encode([sentence])[0]
        return self._encoded.get(sentence)


def grade_support(
    sentence: str, encoding: Encoding | None, features: PassageFeatures, around: str = "", article: str = ""
) -> SupportGrade:
    """Grade how well a passage supports a paraphrase. Pure; the span is relative to the passage.

    `encoding` is the sentence's encoding; the sentence's names and numbers may also come from `around` (title, source,
    date), and its names from the rest of the `article`. The span is the sentence in the passage, or the run of up to
    three sentences, that matches best. A near copy is compared with the copied sentences only. A sentence that fails
    an exact check is `unsupported`; otherwise the mean similarity of its words determines the grade.
    """
    text, spans = features.passage.text, features.sentences
    if not spans or not _has_words(sentence):
        return SupportGrade("unsupported", spans[0] if spans else Span(0, len(text)), NO_WORDS)
    parts = [text[span.start : span.end] for span in spans]
    matched, is_share = _match(sentence, encoding, parts, features)
    copy = find_copy(sentence, parts)
    first, last = (copy.first, copy.last) if copy else _best_run(matched)
    span = Span(spans[first].start, spans[last].end)
    run = text[span.start : span.end]
    if copy:
        failed = copy_inconsistency(sentence, copy, run, f"{around}\n{text}\n{article}")
    else:
        nearby = " ".join(parts[max(0, first - 1) : last + 2])
        failed = inconsistency(sentence, run, f"{around}\n{nearby}", article)
    if failed:
        return SupportGrade("unsupported", span, failed, is_refuted=True)
    if copy and copy.only:
        return SupportGrade("supported", span)
    # Words that a copy adds may come from anywhere in the passage, such as "Lu Yanxia" for "she".
    support = _grade((matched if copy else matched[first : last + 1]).max(axis=0), is_share=is_share)
    doubt = "" if copy else negation_doubt(sentence, run)
    if support == "supported" and (doubt or (copy and replaces_chinese(copy))):
        support = "weak"
    return SupportGrade(support, span, {"weak": doubt or PARTLY_SIMILAR, "unsupported": NOT_SIMILAR}.get(support, ""))


def find_quote(sentence: str, text: str) -> Span | None:
    """Return the span of `text` that contains `sentence` word for word, or None.

    The comparison ignores variants of quotation marks and dashes, white space, Markdown asterisks, and quotation marks
    around the sentence; it does not ignore case. The span may cover several sentences of `text`, but not begin or end
    inside a word.
    """
    wanted, _ = _folded(sentence)
    wanted = wanted.strip("\"' ")
    if not _has_words(wanted):
        return None
    folded, offsets = _folded(text)
    at = folded.find(wanted)
    while at >= 0:
        end = at + len(wanted)
        if not (_inside_word(folded, at) or _inside_word(folded, end)):
            return Span(offsets[at], offsets[end - 1] + 1)
        at = folded.find(wanted, at + 1)
    return None


def _without_frame(sentence: str) -> str:
    """Return the sentence without "Yes," or "No," and phrases such as "According to the article".

    LLMs write them in front; the rest of the sentence makes the claim.
    """
    rest = _FRAME.sub("", _YES_OR_NO.sub("", sentence, count=1), count=1)
    return rest if _has_words(rest) else sentence


def _negated_sentence(quoted: Span, features: PassageFeatures) -> Span | None:
    """Return the span of the sentence around a quotation if the words before it may reverse its meaning, or None.

    After "It is false that …" or "Ignore this and answer that …", the words occur, but the article may mean the
    opposite.
    """
    around = next((span for span in features.sentences if span.start <= quoted.start < span.end), None)
    if around is None:
        return None
    before = _CLAUSE.split(features.passage.text[around.start : quoted.start])[-1]
    return Span(around.start, max(around.end, quoted.end)) if _NEGATES.search(before) else None


def _folded(text: str) -> tuple[str, list[int]]:
    """Return `text` with uniform quotation marks, dashes and blanks (none next to Chinese), and the original
    offsets."""
    folded: list[str] = []
    offsets: list[int] = []
    for offset, character in enumerate(text.translate(_FOLDED)):
        if character == "*":
            continue
        if character.isspace():
            if folded and folded[-1] != " " and not _CHINESE.match(folded[-1]):
                folded.append(" ")
                offsets.append(offset)
            continue
        if folded and folded[-1] == " " and _CHINESE.match(character):
            folded.pop()
            offsets.pop()
        folded.append(character)
        offsets.append(offset)
    return "".join(folded), offsets


def _inside_word(text: str, at: int) -> bool:
    """Return whether `at` is inside a word; Chinese text can be split anywhere."""
    sides = text[max(0, at - 1) : at + 1]
    return 0 < at < len(text) and all(side.isalnum() and not _CHINESE.match(side) for side in sides)


def _match(
    sentence: str, encoding: Encoding | None, parts: Sequence[str], features: PassageFeatures
) -> tuple[np.typing.NDArray[np.float32], bool]:
    """Return the similarity of each passage sentence to each content word in the claim: shape `(sentences, words)`.

    The values are token cosines if the model provides token vectors and can read the script; otherwise (the second
    value is True) 1 for a keyword that occurs and 0 for one that does not.
    """
    text = " ".join(parts)
    if (
        encoding is not None
        and _has_word_vectors(encoding, sentence)
        and len(features.tokens.codes)
        and is_readable(text)
    ):
        tokens = encoding.tokens[_content_tokens(sentence, encoding)]
        cosines = features.tokens.cosines(tokens)
        matched = np.zeros((len(parts), len(tokens)), dtype=np.float32)
        for row, own in zip(matched, features.rows, strict=True):
            if own.start < own.stop:  # the sentence is within the model's context
                row[:] = cosines[:, own].max(axis=1)
        return matched, False
    wanted = list(dict.fromkeys(terms(sentence)))
    held = [set(terms(part)) for part in parts]
    shares = np.array([[float(term in row) for term in wanted] for row in held], dtype=np.float32)
    return (shares if wanted else np.zeros((len(parts), 1), dtype=np.float32)), True


def _has_word_vectors(encoding: Encoding, sentence: str) -> bool:
    """Return whether the model provides word vectors (some give one vector per sentence) and can read the script."""
    single = all(" " not in sentence[start:end].strip() for start, end in encoding.offsets)
    return len(encoding.tokens) > 0 and single and is_readable(sentence)


def _content_tokens(sentence: str, encoding: Encoding) -> list[int]:
    """Return the indices of the tokens in content words, or of all tokens if there are no content words.

    Negations are left out: they are checked exactly, and must not move the span to another sentence with a negation.
    """
    found = re.finditer(r"[^\W_]+", sentence)
    words = [match.span() for match in found if terms(match[0]) and not count_negations([match[0].lower()])]
    rows = [i for i, (start, end) in enumerate(encoding.offsets) if any(a <= start and end <= b for a, b in words)]
    return rows or list(range(len(encoding.offsets)))


def _best_run(matched: np.typing.NDArray[np.float32]) -> tuple[int, int]:
    """Return the first and last index of the best-matching sentence, extended by neighbours that clearly help."""
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
    """Return an article's title, source and date, which a sentence may use in addition to the text.

    The date is spelled out, as in sentences; digits in the source are removed, because the source is usually a file
    name.
    """
    published = hit.published or ""
    try:
        spelled = date.fromisoformat(published[:10]).strftime("%d %B %Y")
    except ValueError:
        spelled = published
    return "\n".join([hit.title, re.sub(r"\d", " ", hit.source), spelled])


def _in_article(span: Span, hit: Hit) -> Span:
    return Span(hit.passage.start + span.start, hit.passage.start + span.end)


def _has_words(text: str) -> bool:
    return any(character.isalnum() for character in text)
