"""Locate evidence in the articles when only its text is given. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from time import thread_time

from index import Article, public_name

from ...errors import TestSetError
from .cases import Case, Evidence
from .problems import Problem

_MOST_LISTED = 3  # maximum number of locations that a problem lists; a search ends after one more
_NOT_WORDS = re.compile(r"[\W_]+")


@dataclass
class _Search:
    """A piece of evidence, its first occurrences, and an article that has it in another spelling."""

    evidence: Evidence
    found: list[tuple[Article, int]] = field(default_factory=list)
    similar: Article | None = None  # with other spaces, punctuation or capitals

    @property
    def is_over(self) -> bool:
        """Whether there are enough occurrences for a problem."""
        return len(self.found) > _MOST_LISTED

    @cached_property
    def inner(self) -> frozenset[str]:
        """The words between spaces without the first and the last, which may be parts of words of the article."""
        return frozenset(self.evidence.text.split()[1:-1])

    @cached_property
    def words(self) -> str:
        """The text in the form in which similar articles are compared."""
        return _words(self.evidence.text)

    @cached_property
    def all_words(self) -> frozenset[str]:
        """The words of this form."""
        return frozenset(self.words.split())


class _Text:
    """The text of an article, and its words, which exclude most evidence without a search through the text."""

    def __init__(self, article: Article) -> None:
        self.article = article

    @cached_property
    def _words(self) -> frozenset[str]:
        return frozenset(self.article.text.split())

    @cached_property
    def _similar(self) -> tuple[str, frozenset[str]]:
        text = _words(self.article.text)
        return text, frozenset(text.split())

    def may_have(self, search: _Search) -> bool:
        """Return whether the text has the inner words of the evidence."""
        return search.inner <= self._words

    def may_be_similar(self, search: _Search) -> bool:
        """Return whether the text has all words of the evidence, with any punctuation and capitals."""
        return search.all_words <= self._similar[1]

    def is_similar(self, search: _Search) -> bool:
        """Return whether the text has the evidence with other spaces, punctuation or capitals."""
        return search.words in self._similar[0]


def resolve(
    cases: Sequence[Case],
    articles: Iterable[Article],
    *,
    path: str = "",
    lines: Mapping[str, int] | None = None,
    with_folders: bool = True,
    longest: float | None = None,
) -> tuple[list[Case], list[Problem]]:
    """Return the cases with an article and offsets for all evidence, and the problems in the cases that are left out.

    Evidence without offsets must occur, character for character, exactly once in the articles, or in the articles that
    it names. Problems name the `path` and the line of the case, if they are given. The articles are read once, or not
    at all if all offsets are known. Without `with_folders`, evidence is compared with the names of files only: for test
    sets from users and programs on the network, which must not learn the names of folders on the server's disk.

    Raises `TestSetError` if finding the evidence takes more than `longest` seconds of processor time; None means no
    limit.
    """
    searches = {
        case.id: {number: _Search(each) for number, each in enumerate(case.evidence) if each.span is None}
        for case in cases
    }
    unknown = [search for of_case in searches.values() for search in of_case.values()]
    started = thread_time()
    for article in articles if unknown else ():
        for _ in _search(article, unknown, with_folders=with_folders):
            if longest is not None and thread_time() - started > longest:
                raise TestSetError(
                    f"The evidence takes too long to find: {len(unknown)} pieces without a start and an end.",
                    "Give the start and end of the evidence, or its article, or run `citechat eval` (no limit).",
                )
    resolved, problems = [], []
    for case in cases:
        line = (lines or {}).get(case.id)
        found = [
            Problem(reason, path, line, f"evidence[{number}].text", "" if line else case.id)
            for number, search in searches[case.id].items()
            if (reason := _reason(search))
        ]
        problems += found
        if not found:
            resolved.append(_with_offsets(case, searches[case.id]))
    return resolved, problems


def is_named(evidence: Evidence, article_id: str, sources: Sequence[str]) -> bool:
    """Return whether the evidence may come from an article with this id and these sources (outlets and paths).

    It may not if the evidence names a different id or source; if `sources` is empty, any source matches.
    """
    if evidence.article_id is not None:
        return evidence.article_id == article_id
    if evidence.source is None or not sources:
        return True
    wanted = evidence.source.replace("\\", "/")
    known = [source.replace("\\", "/") for source in sources]
    if any(source == wanted or source.endswith(f"/{wanted}") for source in known):
        return True
    # Answers contain only the names of files, without their folders.
    return all("/" not in source for source in known) and public_name(wanted) in known


def occurrences(evidence: Evidence, text: str) -> Iterator[int]:
    """Yield the evidence's own offset if the text matches there, or, without offsets, the offset of each occurrence."""
    if evidence.start is not None:
        if text.startswith(evidence.text, evidence.start):
            yield evidence.start
        return
    start = text.find(evidence.text)
    while start >= 0:
        yield start
        start = text.find(evidence.text, start + 1)


def _search(article: Article, searches: Iterable[_Search], *, with_folders: bool) -> Iterator[None]:
    """Add the occurrences in an article to the searches, and yield before each of them."""
    shown = (lambda path: path) if with_folders else public_name
    sources = [name for origin in article.origins for name in (origin.source, shown(origin.path))]
    text = _Text(article)
    for search in searches:
        yield
        if search.is_over or not is_named(search.evidence, article.id, sources):
            continue
        if text.may_have(search):
            room = _MOST_LISTED + 1 - len(search.found)
            search.found += [(article, start) for start in islice(occurrences(search.evidence, article.text), room)]
        if not search.found and search.similar is None and text.may_be_similar(search):
            search.similar = article if text.is_similar(search) else None


def _words(text: str) -> str:
    """Return a text in lower case, with each run of spaces and punctuation replaced by a single space."""
    return f" {_NOT_WORDS.sub(' ', text).strip()} ".casefold()


def _reason(search: _Search) -> str:
    shown = f"{search.evidence.text[:60]!r}"
    if len(search.found) == 1:
        return ""
    if search.found:
        places = [f"{article.source!r} at {start}" for article, start in search.found[:_MOST_LISTED]]
        count, more = (f"more than {_MOST_LISTED}", ", …") if search.is_over else (len(search.found), "")
        return (
            f"{shown} occurs in {count} places: {', '.join(places)}{more}; "
            "give its start and end, its article, or a longer text"
        )
    if search.similar:
        return (
            f"{shown} does not occur exactly; {search.similar.source!r} has it with different spacing, "
            "punctuation or capitals: copy the text from there"
        )
    return f"{shown} does not occur in any of the articles that it may belong to"


def _with_offsets(case: Case, searches: Mapping[int, _Search]) -> Case:
    if not searches:
        return case
    evidence = list(case.evidence)
    for number, search in searches.items():
        ((article, start),) = search.found
        known = {"start": start, "end": start + len(search.evidence.text), "article_id": article.id}
        evidence[number] = search.evidence.model_copy(update=known)
    return case.model_copy(update={"evidence": tuple(evidence)})
