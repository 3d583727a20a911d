"""What a handler knows of the page that sent an event: its visitor, its state, its settings, and the user's action."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from index import ArticleFilter
from rag import Assistant, ModelCatalog

from ..conversation import Conversation, Rating
from ..i18n.translate import Translate, english, translator
from ..security.request_guard import owner_id, parse_cookies


@dataclass(frozen=True, slots=True)
class Visitor:
    """The user of a page. `owner` owns their conversations, and is empty if they are unknown; `session` is the open
    page; `translate` returns the texts of the page in their language."""

    owner: str = ""
    session: str = ""
    translate: Translate = english


def visitor_of(request: Any) -> Visitor:
    """Return the visitor who sent a request, known by their login or else by the secret cookie of their browser."""
    name = getattr(request, "username", None)
    owner = f"user:{name}" if name else owner_id(parse_cookies(request.headers.get("cookie") or ""))
    accepted = request.headers.get("accept-language") or ""
    return Visitor(owner or "", str(request.session_hash or ""), translator(accepted))


class PageSession:
    """Which answer an open page is receiving, and whether the user has stopped it.

    All events of the page share it. The handler that writes the answer checks it between two words and ends by itself:
    cancelled from outside, it could still send a word after the stop.
    """

    def __init__(self) -> None:
        self.answer_number = 0
        self.stopped = False
        self.ratings: dict[int, Rating] = {}
        """Ratings that the user gave to earlier answers meanwhile, by turn."""

    def begin_answer(self) -> int:
        """Return the number of a new answer; the one before ends without another word."""
        self.answer_number += 1
        self.stopped = False
        self.ratings.clear()
        return self.answer_number


class OpenPage(NamedTuple):
    """An open page: its visitor, its conversation, and the state of its answer."""

    visitor: Visitor
    conversation: Conversation
    session: PageSession


@dataclass(frozen=True, slots=True)
class PageSettings:
    """The settings of the page when a question is asked, each named like its component. A browser can send anything."""

    since: str | None = None
    until: str | None = None
    sources: Sequence[str] | None = None
    selected: Iterable[str] = ()
    model: str | None = None
    passages: float | None = None
    strict: bool | None = None

    @property
    def article_filter(self) -> ArticleFilter:
        """The articles to search. Raises `FilterError` for an invalid date."""
        first, last = (str(day or "").strip() or None for day in (self.since, self.until))
        return ArticleFilter(first, last, tuple(map(str, self.sources or ())), tuple(sorted(self.selected)))

    def assistant(self, base: Assistant, model_catalog: ModelCatalog | None) -> Assistant:
        """Return `base` with the chosen model, passages and strictness, or `base` itself without a catalog. Raises
        `SettingsError` for a model that the catalog does not offer."""
        if model_catalog is None:
            return base
        top_k = None if self.passages is None else int(self.passages)
        return base.with_choices(model_catalog, self.model or None, top_k, self.strict)


class Action(NamedTuple):
    """What the page's script reports of a click: an action, the id of its object, and a value."""

    name: str
    id: str
    value: str

    @classmethod
    def parse(cls, data: object) -> Action:
        """Return the action in the data of an event; what is not a text becomes an empty one."""
        fields = data if isinstance(data, dict) else {}
        given = (fields.get(key) for key in ("what", "id", "value"))
        return cls(*(each if isinstance(each, str) else "" for each in given))
