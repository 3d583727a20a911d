"""The context in which a handler runs: the page's visitor, its state, its settings, and the user's action."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeVar

from index import RequestFilter
from rag import Assistant, ModelCatalog

from ..conversation import Conversation, Rating
from ..i18n.translate import Translate, english, translator
from ..security.middleware import RECHECK
from ..security.request_guard import owner_id, parse_cookies

Step = TypeVar("Step")


def _always() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Visitor:
    """The user of a page. `owner` is the id under which their conversations are stored, empty for an unknown user;
    `session` is the open page; `translate` translates page text into their language; `can_log_out` is set if they
    logged in to this server; `is_admitted` returns whether they may still use the page."""

    owner: str = ""
    session: str = ""
    translate: Translate = english
    can_log_out: bool = False
    is_admitted: Callable[[], bool] = _always


def visitor_of(request: Any) -> Visitor:
    """Return the visitor who sent a request, identified by access control or else by their browser's secret cookie."""
    state = getattr(request, "state", None)
    owner = getattr(state, "owner", None) or owner_id(parse_cookies(request.headers.get("cookie") or ""))
    translate = translator(request.headers.get("accept-language") or "")
    session = str(request.session_hash or "")
    is_admitted = getattr(state, "is_still_admitted", None) or _always
    return Visitor(owner or "", session, translate, bool(getattr(state, "can_log_out", False)), is_admitted)


def while_admitted(visitor: Visitor, steps: Generator[Step, None, None]) -> Iterator[Step]:
    """Yield a handler's steps, and end it at the first step after its user was removed, checked every few seconds."""
    next_check = time.monotonic() + RECHECK
    with closing(steps):
        for step in steps:
            yield step
            if time.monotonic() >= next_check:
                if not visitor.is_admitted():
                    return
                next_check = time.monotonic() + RECHECK


class PageSession:
    """The state of an open page: the number of its current answer, and whether the user has stopped the answer.

    All of the page's events share this object. The handler that writes the answer checks it between words and returns;
    a handler cancelled from outside could still send a word after the stop.
    """

    def __init__(self) -> None:
        self.answer_number = 0
        self.stopped = False
        self.ratings: dict[int, Rating] = {}
        """Ratings that the user gave to earlier answers while the current answer was being written, by turn."""

    def begin_answer(self) -> int:
        """Begin a new answer and return its number; the previous answer ends without another word."""
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
    """The page's settings when a question is asked, named like their components. Browser values are not trusted."""

    since: str | None = None
    until: str | None = None
    sources: Sequence[str] | None = None
    selected: Iterable[str] = ()
    model: str | None = None
    passages: float | None = None
    strict: bool | None = None
    scope: str | None = None

    @property
    def article_filter(self) -> RequestFilter:
        """The articles to search. Raises `FilterError` for an invalid date, or if there are too many sources."""
        first, last = (str(day or "").strip() or None for day in (self.since, self.until))
        written = RequestFilter(first, last, tuple(map(str, self.sources or ())))
        written.require_request_size()  # unlike the selected articles, which the server keeps, the browser sends these
        return replace(written, articles=tuple(sorted(self.selected)))

    def assistant(self, base: Assistant, model_catalog: ModelCatalog | None) -> Assistant:
        """Return `base` with the chosen model, number of passages, strictness and scope; without a catalog, `base`.

        Raises `SettingsError` for a model that is not in the catalog.
        """
        if model_catalog is None:
            return base
        top_k: Any = self.passages
        if isinstance(top_k, float) and math.isfinite(top_k):
            top_k = int(top_k)  # the slider sends 6.0; `with_choices` rejects everything else that is not an integer
        return base.with_choices(model_catalog, self.model or None, top_k, self.strict, self.scope or None)


LONGEST_VALUE = 500
"""Maximum length of what a user types into a list, such as a search or a new title, in characters."""


class Action(NamedTuple):
    """A click that the page's script reports: an action, the id of its object, and a value."""

    name: str
    id: str
    value: str

    @classmethod
    def parse(cls, data: object) -> Action:
        """Return the action in an event's data.

        Values that are not strings become empty strings, and longer ones than `LONGEST_VALUE` are cut off.
        """
        fields = data if isinstance(data, dict) else {}
        given = (fields.get(key) for key in ("what", "id", "value"))
        return cls(*(each[:LONGEST_VALUE] if isinstance(each, str) else "" for each in given))
