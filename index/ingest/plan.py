"""Decide what a sync must write and remove, from the stored articles and the articles just read. No I/O."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ..models import Article, Origin, Passage
from ..paths import absolute
from ..storage.serialization import article_record
from .loader import Skipped

Outcome = Literal["added", "changed", "unchanged"]


@dataclass(frozen=True, slots=True)
class Step:
    """An action for an article that was read.

    If the step has `passages`, the text is new, and the article and passages are written. Otherwise only the article's
    record is written, unless `outcome` is "unchanged". `path` is the path from which the article was just read, which
    may differ from its first origin.
    """

    article: Article
    path: str
    passages: tuple[Passage, ...] = ()
    outcome: Outcome = "added"


class Plan:
    """The future state of the articles, without their texts but with all their origins.

    If a path now contains another text, it no longer counts as an origin of the old text. Origins are removed only
    after everything has been read, since a text may have moved to a path that is read later: `step` only adds origins,
    and `settled` removes them.
    """

    def __init__(self, stored: Iterable[Article]) -> None:
        self._records = {article.id: article for article in stored}
        self._indexed = {origin.path for article in self._records.values() for origin in article.origins}
        self._read: set[tuple[str, Origin]] = set()
        self.skipped: set[str] = set()

    @property
    def read(self) -> set[str]:
        """The paths of the articles that were read."""
        return {origin.path for _, origin in self._read}

    @property
    def known(self) -> set[str]:
        """The ids of texts that do not need to be embedded again."""
        return set(self._records)

    def moves(self) -> dict[str, str]:
        """Return the paths that were not read, each with a new path from which the same text was read."""
        read, found = self.read, dict[str, str]()
        for article in self._records.values():
            paths = [origin.path for origin in article.origins]
            new = next((path for path in paths if path in read and path not in self._indexed), None)
            if new is not None:
                found |= {path: new for path in paths if path not in read and path not in self.skipped}
        return found

    def step(self, loaded: Article | Skipped, passages: Sequence[Passage] = ()) -> Step | Skipped:
        """Decide what to do about an article or a skipped source; `passages` are required for a new text."""
        if isinstance(loaded, Skipped):
            self.skipped.add(absolute(loaded.path))
            return loaded
        known = self._records.get(loaded.id)
        passages = () if known else tuple(passages)
        if known is None and not passages:
            return self.step(Skipped(loaded.path, f"Cannot index {loaded.path!r}: it has no text besides boilerplate."))
        article = self._merged(known, loaded) if known else loaded
        self._read.add((loaded.id, _origin(loaded)))
        self._records[loaded.id] = replace(article, text="")
        if known and article_record(known) == article_record(article):
            return Step(article, loaded.path, passages, "unchanged")
        return Step(article, loaded.path, passages, "changed" if loaded.path in self._indexed else "added")

    def settled(self, gone: Collection[str]) -> tuple[list[Article], list[str]]:
        """Return the updated articles that lose some of their origins, and the ids of the articles that lose all of
        them.

        `gone` are the paths that no longer exist.
        """
        read = self.read
        changed: list[Article] = []
        removed: list[str] = []

        def is_valid(article_id: str, origin: Origin) -> bool:
            holds_another = origin.path in read and origin.path not in self.skipped
            return origin.path not in gone and not (holds_another and (article_id, origin) not in self._read)

        for article in self._records.values():
            origins = [origin for origin in article.origins if is_valid(article.id, origin)]
            if not origins:
                removed.append(article.id)
            elif len(origins) < len(article.origins):
                first, *copies = origins
                changed.append(replace(article, source=first.source, path=first.path, copies=tuple(copies)))
        return changed, removed

    def _merged(self, known: Article, loaded: Article) -> Article:
        """Return the known article with the origin of `loaded` added; both have the same text."""
        origin = _origin(loaded)
        if (loaded.id, origin) in self._read:
            return known
        if loaded.path == known.path and (known.id, _origin(known)) not in self._read:
            # The metadata may have been corrected. The stored boilerplate stays, since the passages were cut with it.
            others = tuple(copy for copy in known.copies if copy != origin)
            return replace(loaded, text="", boilerplate=known.boilerplate, copies=others)
        return known if origin in known.copies else replace(known, copies=(*known.copies, origin))


def _origin(article: Article) -> Origin:
    return Origin(article.source, article.path)
