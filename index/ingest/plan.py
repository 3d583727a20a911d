"""What a sync has to do, decided from what is stored and what is read. No I/O."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ..models import Article, Origin, Passage
from ..storage.serialization import facts_of
from .loader import Skipped
from .paths import absolute

Outcome = Literal["added", "changed", "unchanged"]


@dataclass(frozen=True, slots=True)
class Step:
    """What is to be done about one article that was read.

    Where it has `passages` its text is new, and both are written; where it has none, only its record is, unless it is
    unchanged. `path` is where it was read now, which need not be the article's first place.
    """

    article: Article
    path: str
    passages: tuple[Passage, ...] = ()
    outcome: Outcome = "added"


class Plan:
    """The articles as they will be, each without its text, and with every place that it was read from.

    A place that is read again and holds another text now no longer counts for the old one. That is settled when
    everything was read, since a text may have gone to a place that is read later: `step` only adds, `settled` removes.
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
        """The ids of the texts that need not be embedded."""
        return set(self._records)

    def step(self, loaded: Article | Skipped, passages: Sequence[Passage] = ()) -> Step | Skipped:
        """What is to be done about what was read, or could not be; a text that is new comes with its passages."""
        if isinstance(loaded, Skipped):
            self.skipped.add(absolute(loaded.path))
            return loaded
        known = self._records.get(loaded.id)
        passages = () if known else tuple(passages)
        if known is None and not passages:
            return self.step(Skipped(loaded.path, f"{loaded.path!r} has no text beside headers and counters"))
        article = self._merged(known, loaded) if known else loaded
        self._read.add((loaded.id, _origin(loaded)))
        self._records[loaded.id] = replace(article, text="")
        return Step(article, loaded.path, passages, self._outcome(known, article, loaded.path))

    def settled(self, gone: Collection[str]) -> tuple[list[Article], list[str]]:
        """Records that lose some of their places, as they are then, and the ids of articles that lose all of them.

        `gone` are the paths that are no longer there.
        """
        read = self.read
        changed: list[Article] = []
        removed: list[str] = []

        def is_kept(article_id: str, origin: Origin) -> bool:
            holds_another = origin.path in read and origin.path not in self.skipped
            return origin.path not in gone and not (holds_another and (article_id, origin) not in self._read)

        for article in self._records.values():
            kept = [origin for origin in article.origins if is_kept(article.id, origin)]
            if not kept:
                removed.append(article.id)
            elif len(kept) < len(article.origins):
                first, *copies = kept
                changed.append(replace(article, source=first.source, path=first.path, copies=tuple(copies)))
        return changed, removed

    def _merged(self, known: Article, loaded: Article) -> Article:
        """What is known of a text, and that it was read here too."""
        origin = _origin(loaded)
        if (loaded.id, origin) in self._read:
            return known
        if loaded.path == known.path and (known.id, _origin(known)) not in self._read:
            # Its facts may have been put right; the noise is what its passages were cut by, and stays.
            others = tuple(copy for copy in known.copies if copy != origin)
            return replace(loaded, text="", boilerplate=known.boilerplate, copies=others)
        return known if origin in known.copies else replace(known, copies=(*known.copies, origin))

    def _outcome(self, known: Article | None, article: Article, path: str) -> Outcome:
        if known and facts_of(known) == facts_of(article):
            return "unchanged"
        return "changed" if path in self._indexed else "added"


def _origin(article: Article) -> Origin:
    return Origin(article.source, article.path)
