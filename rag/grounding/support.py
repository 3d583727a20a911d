"""Grade how well a passage supports a sentence: word for word, in other words, in part, or not at all.

A sentence takes two forward passes, one of the encoder and one of the reader; a quotation takes none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from index import Encoder, Encoding, Hit, ScoredPassage, SearchResult, Span, is_readable, terms

from ..reading.reader import Pair, Reader, Reading
from ..text.entities import names, unknown_names
from .consistency import located
from .paraphrase import SupportGrade, SupportSigns, grade_signs, likeness, support_signs
from .quotes import find_in_passage, has_words, negated_sentence
from .reasons import IN_DOUBT, NO_WORDS, NOT_MENTIONED, NOT_SIMILAR, PARTLY_SIMILAR, WORDS_NOT_SAID, reason

_MOST_READINGS = 400  # maximum number of pairs of sentence and passages that are read for one answer
_MOST_INTRODUCTIONS = 2  # maximum number of sentences from elsewhere in an article that are read with a passage
_CLOSER = 0.08
"""Difference between the mean similarities of a sentence and two passages above which it is about the more similar one.
Of 255 sentences in honest answers (n1 and features), 0.4 % are that much closer to a passage without their evidence; of
those that cite a random passage and were taken for supported, 96 % are closer to another one."""
_THE_TEXT = r"(?:the|this) (?:\w+ )?(?:article|report|passage|text|story|piece)s?"
_FRAME = re.compile(
    rf"^\W*(?:(?:according to|as reported in|in) {_THE_TEXT},\s*"
    rf"|{_THE_TEXT} (?:also )?(?:says?|states?|reports?|notes?|mentions?|adds?|explains?|tells? us)"
    r"(?: that| the following)?[:,]?\s+|(?:根据|据)?(?:文章|报道|原文)(?:中)?(?:说|指出|提到|称|报道)?[，：,:])",
    re.IGNORECASE,
)
_ADDRESS = re.compile(
    r"\b(?:https?|ftp|data|javascript|file|mailto):[^\s<>()\[\]\"]+|\bwww\.[^\s<>()\[\]\"]+", re.IGNORECASE
)
_YES_OR_NO = re.compile(r"^\W*(?:yes|no)\s?[,.:;!–—-]\s+", re.IGNORECASE)


class SupportChecker:
    """A checker that compares an answer's sentences with the passages retrieved for its question.

    Each sentence is encoded once, however many passages it cites; a quotation is not encoded. With a `reader`, each
    sentence is also read together with the passages that it cites. The reader reads a limited number of pairs for an
    answer, so that a long answer of unsupported sentences cannot occupy a processor: `is_limited` is then True, and the
    remaining sentences are compared without it.
    """

    def __init__(self, found: SearchResult, encoder: Encoder, reader: Reader | None = None) -> None:
        self._found = found
        self._encoder = encoder
        self._reader = reader if reader is not None and "claim" in reader.kinds else None
        self._encoded: dict[str, Encoding] = {}
        self._readings: dict[tuple[str, tuple[int, ...]], Reading] = {}
        self.is_limited = False
        self._articles: dict[str, str] = {}
        for each in found.passages:
            article = each.hit.passage.article_id
            self._articles[article] = f"{self._articles.get(article, _head(each.hit))}\n{each.features.named.text}"

    def check(self, sentence: str, number: int, beside: Sequence[int] = ()) -> SupportGrade:
        """Grade how well passage `number` (from 1) supports `sentence`.

        `beside` lists the other passages that the sentence cites: its names and numbers may come from them. Names may
        come from all found passages of the same article. Raises `CitechatError` if a model cannot be loaded.
        """
        scored = self._found.passages[number - 1]
        hit, features = scored.hit, scored.features
        sentence = without_frame(sentence)
        if (quotation := _as_quotation(sentence, scored)) is not None:
            return quotation
        signs = self.signs(sentence, number, beside)
        address = _unknown_address(sentence, hit)
        if signs is None or address or not terms(sentence):
            return _unchecked(signs, scored, address)
        reading = self.reading(sentence, number, beside)
        grade = grade_signs(signs, reading)
        grade = replace(grade, span=_in_article(grade.span, hit))
        part = reading.unsupported_span() if reading else None
        if part and grade.reason in (NOT_SIMILAR, PARTLY_SIMILAR):
            return replace(grade, reason=reason(WORDS_NOT_SAID, word=sentence[part.start : part.end]))
        if not grade.is_refuted:
            return grade
        everything = "\n".join(self._articles.values())
        return replace(grade, reason=located(grade.reason, f"{_head(hit)}\n{features.named.text}", everything))

    def signs(self, sentence: str, number: int, beside: Sequence[int] = ()) -> SupportSigns | None:
        """Return the signs that passage `number` supports a sentence; None if one of them has no words."""
        scored = self._found.passages[number - 1]
        others = [self._found.passages[other - 1] for other in beside if other != number]
        return support_signs(
            sentence,
            self._encoding(sentence),
            scored.features,
            around="\n".join(
                [_head(scored.hit), *(f"{_head(other.hit)}\n{other.features.named.text}" for other in others)]
            ),
            article=self._articles[scored.hit.passage.article_id],
            beside=[other.features for other in others],
        )

    def reading(self, sentence: str, number: int, beside: Sequence[int] = ()) -> Reading | None:
        """Return the reader's result for a sentence and a passage, or all cited passages, whichever supports it better.

        None without a reader, for a script that it cannot read, and if it has read as much as it may for this answer.
        """
        if self._reader is None or not (self._found.question.readable and is_readable(sentence)):
            return None
        article = self._found.passages[number - 1].hit.passage.article_id
        cited = tuple(
            sorted(each for each in {number, *beside} if self._found.hits[each - 1].passage.article_id == article)
        )
        wanted = [(sentence, key) for key in dict.fromkeys([(number,), cited])]
        new = [key for key in wanted if key not in self._readings]
        if new and len(self._readings) >= _MOST_READINGS:
            self.is_limited = True
            return None
        readings = self._reader.read("claim", [self._pair(sentence, numbers) for _, numbers in new])
        self._readings |= dict(zip(new, readings, strict=True))
        return max((self._readings[key] for key in wanted), key=lambda reading: reading.logit)

    def _pair(self, sentence: str, numbers: Sequence[int]) -> Pair:
        """Return a sentence with some passages of one article, in the order of the article.

        Names in the sentence that these passages do not mention are introduced by the first sentence of the article
        that does.
        """
        chosen = [self._found.passages[number - 1] for number in numbers]
        chosen.sort(key=lambda each: each.hit.passage.start)
        text, spans = "", list[Span]()
        for each in chosen:
            start = len(text) + 1 if text else 0
            named = each.features.named
            text = f"{text}\n{named.text}" if text else named.text
            own = map(named.named, each.features.sentences)
            spans += [Span(start + span.start, start + span.end) for span in own]
        for introduction in self._introductions(sentence, chosen[0].hit, text):
            shift = len(introduction) + 1
            text = f"{introduction}\n{text}"
            spans = [Span(0, len(introduction)), *(Span(span.start + shift, span.end + shift) for span in spans)]
        return Pair(sentence, text, tuple(spans), chosen[0].hit.title)

    def _introductions(self, sentence: str, hit: Hit, text: str) -> list[str]:
        """Return the sentences elsewhere in the article that introduce names of a sentence."""
        found: list[str] = []
        missing = unknown_names(sentence, f"{_head(hit)}\n{text}", names(sentence))
        others = [each for each in self._found.passages if each.hit.passage.article_id == hit.passage.article_id]
        others.sort(key=lambda each: each.hit.passage.start)
        for other in others if missing else ():
            for part in other.features.texts:
                if part not in text and (still := unknown_names(sentence, part, sorted(missing))) != missing:
                    missing = still
                    found.append(part)
                    if not missing or len(found) == _MOST_INTRODUCTIONS:
                        return found
        return found

    def nearest(self, sentence: str, most: int) -> list[int]:
        """Return the numbers of the `most` passages that are most similar to a sentence, in ascending order.

        Passages that contain the sentence word for word come first.
        """
        passages = self._found.passages
        if len(passages) <= most:
            return list(range(1, len(passages) + 1))
        sentence = without_frame(sentence)
        encoding, wanted = self._encoding(sentence), set(terms(sentence))

        def similarity(number: int) -> tuple[bool, float]:
            features = passages[number - 1].features
            is_quoted = find_in_passage(sentence, features) is not None
            if encoding is None or not is_readable(sentence):
                return is_quoted, len(wanted & features.terms) / max(1, len(wanted))
            return is_quoted, float((features.vectors @ encoding.vector).max(initial=-1.0))

        return sorted(sorted(range(1, len(passages) + 1), key=similarity, reverse=True)[:most])

    def closer(self, sentence: str, cited: Sequence[int], among: Sequence[int]) -> int | None:
        """Return the passage of `among` that is clearly more similar to a sentence than all cited ones, or None.

        Then the sentence is about that passage: a reader that reads a passage with sentences from elsewhere, or
        trusts a general likeness, may take another one for support.
        """
        sentence = without_frame(sentence)
        encoding = self._encoding(sentence)
        values = {
            number: likeness(sentence, encoding, self._found.passages[number - 1].features)
            for number in {*cited, *among}
        }
        known = {number: value for number, value in values.items() if value is not None}
        if not all(number in known for number in cited):
            return None
        best = max(known, key=lambda number: (known[number], -number), default=None)
        ahead = max((known[number] for number in cited), default=1.0) + _CLOSER
        return best if best is not None and known[best] >= ahead else None

    def _encoding(self, sentence: str) -> Encoding | None:
        """Return the encoding of a sentence, which is computed once; None for a sentence without words."""
        if sentence not in self._encoded and has_words(sentence):
            self._encoded[sentence] = self._encoder.encode([sentence])[0]
        return self._encoded.get(sentence)


def _as_quotation(sentence: str, scored: ScoredPassage) -> SupportGrade | None:
    """Return the grade of a sentence that the passage contains word for word, or None."""
    quoted = find_in_passage(sentence, scored.features)
    if quoted is None:
        return None
    if negated := negated_sentence(quoted, scored.features):
        return SupportGrade("weak", _in_article(negated, scored.hit), IN_DOUBT)
    return SupportGrade("quoted", _in_article(quoted, scored.hit))


def _unknown_address(sentence: str, hit: Hit) -> str:
    """Return the first web address in a sentence that the passage does not have; empty without one."""
    found = (each.rstrip(".,;:!?*_`'’”") for each in _ADDRESS.findall(sentence))
    return next((each for each in found if each not in hit.passage.text), "")


def _unchecked(signs: SupportSigns | None, scored: ScoredPassage, address: str) -> SupportGrade:
    """Return the grade of a sentence without a word to check, or with an unknown web address."""
    hit, spans = scored.hit, scored.features.sentences
    if signs is None:
        span = spans[0] if spans else Span(0, len(hit.passage.text))
        return SupportGrade("unsupported", _in_article(span, hit), NO_WORDS)
    why = reason(NOT_MENTIONED, word=address) if address else NO_WORDS
    return SupportGrade("unsupported" if address else "weak", _in_article(signs.span, hit), why)


def without_frame(sentence: str) -> str:
    """Return the sentence without "Yes," or "No," and phrases such as "According to the article".

    LLMs write them in front; the rest of the sentence makes the claim.
    """
    rest = _FRAME.sub("", _YES_OR_NO.sub("", sentence, count=1), count=1)
    return rest if has_words(rest) else sentence


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
