"""The assistant for programs, beside the page and in the same process: JSON in, JSON out.

    POST /v1/ask             {"question": "…", "history": […], "only": {…}} → the answer
    GET  /v1/articles        what can be asked about, without the texts
    GET  /v1/articles/{id}   one article with its text

What goes wrong is told as {"error": {"message": "…", "hint": "…"}}. A page of another site cannot ask: its requests
name an origin that is not ours, and a form cannot send what is called application/json.
"""

from __future__ import annotations

import json
import logging
import math
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from index import Article, ChoiceError, CitechatError, Only
from rag import Answer, Assistant, LLMError, QuestionError, Turn

if TYPE_CHECKING:
    from anyio import CapacityLimiter
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

logger = logging.getLogger(__name__)

AT_ONCE = 4
"""Questions that are answered at a time."""

MOST_WAITING = 32
"""Questions that may wait for their turn; a further one is sent away."""

_ASK_AGAIN_AFTER = 5  # seconds that one who was sent away should wait
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_JSON = "application/json"
_HUNG_UP = 499  # a status that nobody receives
_PORTS = {"http": 80, "https": 443}
_FIELDS = "The fields are question, history (a list of question and answer) and only (since, until, sources, articles)."


class Refused(Exception):  # noqa: N818 - it is an answer, not a bug
    """A request that gets an error in place of what it asks for."""

    def __init__(self, status: int, message: str, hint: str = "", *, wait: float = 0.0, allow: str = "") -> None:
        """`wait` is after how many seconds asking again is worth while, `allow` the method that would be taken."""
        super().__init__(message)
        self.status, self.message, self.hint, self.wait, self.allow = status, message, hint, wait, allow


def api_routes(assistant: Assistant) -> list[BaseRoute]:
    """The routes under `/v1`; whatever else is there is answered with 404.

    An LLM that fails is told as a failure: a program could not see that quotes stand in place of the model's words.
    """
    from starlette.routing import Route

    api = _Api(assistant)
    handlers = {
        "/v1/ask": ("POST", api.ask),
        "/v1/articles": ("GET", api.articles),
        "/v1/articles/{id}": ("GET", api.article),
        "/v1": ("", _nothing_here),
        "/v1/{rest:path}": ("", _nothing_here),
    }
    return [
        Route(path, _answering(method, handler), methods=_METHODS, include_in_schema=False)
        for path, (method, handler) in handlers.items()
    ]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class _Exchange(_Strict):
    """A question of before and its answer; one of them may be missing."""

    question: str | None = None
    answer: str | None = None

    @model_validator(mode="after")
    def _says_something(self) -> _Exchange:
        if self.question is None and self.answer is None:
            raise ValueError("needs 'question' or 'answer'")
        return self

    def turns(self) -> Iterator[Turn]:
        if self.question is not None:
            yield Turn("user", self.question)
        if self.answer is not None:
            yield Turn("assistant", self.answer)


class _Choice(_Strict):
    since: str | None = None
    until: str | None = None
    sources: tuple[str, ...] = ()
    articles: tuple[str, ...] = ()

    def only(self) -> Only:
        for name, day in (("since", self.since), ("until", self.until)):
            try:
                Only(since=day)
            except ChoiceError as error:
                raise _wrong_field(f"only.{name}", error.message, error.hint) from None
        return Only(self.since, self.until, self.sources, self.articles)


class Asked(_Strict):
    """The body of `/v1/ask`."""

    question: str
    history: tuple[_Exchange, ...] = ()
    only: _Choice = _Choice()


def read_asked(content_type: str, body: bytes) -> tuple[str, list[Turn], Only]:
    """What a request asks, after what was said before, and of which articles. Raises `Refused` naming the field."""
    if content_type.partition(";")[0].strip().lower() != _JSON:
        raise Refused(
            415, f"the content type is {content_type[:80]!r}, not {_JSON!r}", f"Send the header Content-Type: {_JSON}"
        )
    try:
        asked = Asked.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        if not first["loc"]:
            raise Refused(
                400, f"the request cannot be read: {first['msg']}", 'Send a JSON object such as {"question": "Why?"}.'
            ) from None
        raise _wrong_field(".".join(str(part) for part in first["loc"]), first["msg"]) from None
    return asked.question, [turn for each in asked.history for turn in each.turns()], asked.only.only()


class _Api:
    """What the routes do. All but answering itself happens in the server's one event loop."""

    def __init__(self, assistant: Assistant) -> None:
        is_ours = isinstance(assistant, Assistant)  # others have no fallback to switch off
        self._assistant = assistant.with_changes(fallback=False) if is_ours else assistant
        self._inside = 0
        self._turns: CapacityLimiter | None = None

    async def ask(self, request: Request) -> Response:
        question, history, only = read_asked(request.headers.get("content-type", ""), await request.body())
        if self._inside >= AT_ONCE + MOST_WAITING:
            raise Refused(
                503, "too many questions are being asked at once", "Ask again in a moment.", wait=_ASK_AGAIN_AFTER
            )
        self._inside += 1
        try:
            answer = await self._unless_hung_up(request, lambda gone: self._answer(question, history, only, gone))
        finally:
            self._inside -= 1
        if isinstance(answer, Exception):
            raise answer
        return _reply(200, answer.to_dict()) if answer else _reply(_HUNG_UP, {})

    async def articles(self, _: Request) -> Response:
        from anyio import to_thread

        facts = await to_thread.run_sync(self._assistant.facts)
        return _reply(200, [_facts_of(article) for article in facts])

    async def article(self, request: Request) -> Response:
        from anyio import to_thread

        article = await to_thread.run_sync(self._assistant.article, request.path_params["id"])
        if article is None:
            raise Refused(404, "there is no article with this id", "GET /v1/articles lists those that there are.")
        return _reply(200, {**_facts_of(article), "text": article.text})

    def _answer(self, question: str, history: list[Turn], only: Only, gone: threading.Event) -> Answer | Exception:
        """The answer, or what was raised; where nobody waits for it any more, as far as it came. Runs in a thread."""
        said = Answer(question)
        try:
            with closing(self._assistant.stream(question, history, only)) as states:  # type: ignore[type-var]
                for state in states:
                    said = state
                    if gone.is_set():
                        break
        except Exception as error:
            return error
        return said

    async def _unless_hung_up(
        self, request: Request, work: Callable[[threading.Event], Answer | Exception]
    ) -> Answer | Exception | None:
        """What `work` returns, done in a thread when its turn has come. Where the client hangs up before, it is not
        begun, or told so by its event: the result is then None."""
        import anyio

        if self._turns is None:
            self._turns = anyio.CapacityLimiter(AT_ONCE)
        gone, result = threading.Event(), None
        async with anyio.create_task_group() as tasks:

            async def watch() -> None:
                while (await request.receive())["type"] != "http.disconnect":
                    pass
                gone.set()
                tasks.cancel_scope.cancel()

            tasks.start_soon(watch)
            result = await anyio.to_thread.run_sync(work, gone, limiter=self._turns)
            tasks.cancel_scope.cancel()
        return None if gone.is_set() else result


async def _nothing_here(_: Request) -> Response:
    raise Refused(404, "there is nothing at this address", "There are /v1/ask, /v1/articles and /v1/articles/{id}.")


def _answering(
    method: str, handler: Callable[[Request], Awaitable[Response]]
) -> Callable[[Request], Awaitable[Response]]:
    """The handler of a route: only for this method and our own origin, its errors told in JSON and never more."""
    from starlette.requests import ClientDisconnect

    async def answer(request: Request) -> Response:
        try:
            await request.body()  # outside of what follows: of one that is too large the guard tells
        except ClientDisconnect:
            return _reply(_HUNG_UP, {})
        try:
            _check(request, method)
            return await handler(request)
        except Refused as refused:
            return _told(refused)
        except CitechatError as error:
            return _told(_refusal(error))
        except Exception:
            logger.exception("a request to %s failed", request.url.path)
            return _told(Refused(500, "something went wrong in the server", "Its log says more."))

    return answer


def _check(request: Request, method: str) -> None:
    """Let only our own pages and programs in, and only by this method. Raises `Refused`."""
    origin, host = request.headers.get("origin"), request.headers.get("host", "")
    is_foreign = origin is not None and not _is_own(origin, host)
    if is_foreign or request.headers.get("sec-fetch-site") in ("cross-site", "same-site"):
        raise Refused(403, "a page of another site may not ask", "Ask from a program, or from a page of this server.")
    if method and request.method not in {method, "HEAD" if method == "GET" else method}:
        raise Refused(405, f"this address takes no {request.method}", f"Use {method}.", allow=method)


def _is_own(origin: str, host: str) -> bool:
    """Whether a page of this origin was served under this host name; before a proxy, the scheme may be another."""
    scheme, _, name = origin.lower().partition("://")
    usual = f":{_PORTS.get(scheme, '')}"
    return bool(name) and name.removesuffix(usual) == host.lower().removesuffix(usual)


def _refusal(error: CitechatError) -> Refused:
    if isinstance(error, QuestionError):
        return _wrong_field("question", error.message, error.hint)
    if isinstance(error, ChoiceError):
        return _wrong_field("only", error.message, error.hint)
    return Refused(503, error.message, error.hint, wait=error.wait if isinstance(error, LLMError) else 0.0)


def _wrong_field(name: str, message: str, hint: str = "") -> Refused:
    return Refused(400, f"the field {name[:80]!r}: {message}", hint or _FIELDS)


def _facts_of(article: Article) -> dict[str, str | None]:
    return {name: getattr(article, name) for name in ("id", "title", "source", "published", "language")}


def _told(refused: Refused) -> Response:
    headers = {"retry-after": str(math.ceil(refused.wait))} if refused.wait else {}
    headers |= {"allow": refused.allow} if refused.allow else {}
    return _reply(refused.status, {"error": {"message": refused.message, "hint": refused.hint}}, headers)


def _reply(status: int, value: Any, headers: dict[str, str] | None = None) -> Response:
    from starlette.responses import Response

    # An LLM may write half a character, which no text on the wire can hold; "?" keeps the offsets.
    body = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
    return Response(body, status, {"cache-control": "no-store", **(headers or {})}, _JSON)
