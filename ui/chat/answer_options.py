"""How one question is to be answered: of which articles, by which model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from index import ArticleFilter
from rag import Answer, Assistant, Turn

if TYPE_CHECKING:
    from rag import ModelCatalog


@dataclass(frozen=True, slots=True)
class Choice:
    """What stands on the page when a question is asked: days, outlets, ticked articles, model, number of passages, and
    whether unsupported sentences are left out. What a browser sends is text, if it is anything."""

    since: str | None = None
    until: str | None = None
    sources: Sequence[str] | None = None
    ticked: Iterable[str] = ()
    model: str | None = None
    passages: float | None = None
    strict: bool | None = None

    @property
    def article_filter(self) -> ArticleFilter:
        """The articles that are asked. Raises `FilterError` for a day that is none."""
        first, last = (str(day or "").strip() or None for day in (self.since, self.until))
        return ArticleFilter(first, last, tuple(map(str, self.sources or ())), tuple(sorted(self.ticked)))

    def assistant(self, base: Assistant, model_catalog: ModelCatalog | None) -> Assistant:
        """`base` as it is chosen to be; as it is where nothing is offered. Raises `SettingsError` for a model that is
        not offered."""
        if model_catalog is None:
            return base
        top_k = None if self.passages is None else int(self.passages)
        return base.with_choices(model_catalog, self.model or None, top_k, self.strict)


class Chosen:
    """An assistant that answers as a reader chose. The choice is looked at only once the question is asked, so that
    what is wrong with it is told where the answer would stand."""

    def __init__(self, assistant: Assistant, model_catalog: ModelCatalog | None, choice: Choice) -> None:
        self._assistant = assistant
        self._offers = model_catalog
        self._choice = choice

    def stream(
        self, question: str, history: Sequence[Turn] = (), article_filter: ArticleFilter | None = None
    ) -> Iterator[Answer]:
        """Ever fuller answers. Raises `SettingsError` for a model that is not offered."""
        assistant = self._choice.assistant(self._assistant, self._offers)
        return assistant.stream(question, history, article_filter)
