"""A chat that is being served, evaluated as a reader meets it: asked over HTTP, its articles read from there too."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

from pydantic import BaseModel, TypeAdapter, ValidationError

from index import Article, CitechatError

from ..answer import Turn
from ..errors import TestSetError
from ..llms.failures import scrub
from .reply import Reply

if TYPE_CHECKING:
    import httpx

DEFAULT_TIMEOUT = 300.0
"""Seconds that one reply may take in all; a local LLM with a long article needs minutes."""

_CONNECT_SECONDS = 10.0
_LARGEST_REPLY = 100_000_000  # bytes
_MOST_TRIES = 4
_LONGEST_WAIT = 60.0  # seconds that a server may ask to be left alone
_START_IT = "Start it with `citechat chat`, and give the address that it tells."


class ServerError(CitechatError):
    """A chat server that cannot be reached, or does not answer as one does; `status` is that of HTTP, where there is
    one, and `wait` how many seconds the server asks to be left alone."""

    def __init__(self, message: str, hint: str = "", *, status: int = 0, wait: float = 0.0) -> None:
        super().__init__(message, hint)
        self.status = status
        self.wait = wait


class RemoteAssistant:
    """The assistant behind a chat server, for `evaluate`. Nothing stays open between two requests.

    It has the server's settings, and no others: where its LLM fails, that is an error, never a quote in its place.
    """

    def __init__(self, url: str, *, timeout: float = DEFAULT_TIMEOUT) -> None:
        """`url` is the address of the page, `timeout` the seconds that one reply may take in all.

        Raises `ServerError` at once when there is no such server. A user name and password in the address are sent to
        the server and told nowhere.
        """
        self._address, self._shown, self._secrets = _address(url)
        self._timeout = timeout
        self._texts: dict[str, Article] = {}
        import httpx

        self._client = httpx.Client(
            timeout=httpx.Timeout(timeout, connect=min(timeout, _CONNECT_SECONDS)),
            trust_env=False,  # no proxy and no .netrc comes between
            limits=httpx.Limits(max_keepalive_connections=0),
        )
        self._sources = {article.id: article.source for article in self.article_metadata()}

    def reply(self, question: str, history: Sequence[Turn] = ()) -> Reply:
        """The reply to a question; its `seconds` say, too, how long the whole `request` took.

        A server that asks to be left alone for a while is asked again after that. Raises `ServerError`.
        """
        asked = {"question": question, "history": list(_exchanges(history))}
        began, tries = time.monotonic(), 1
        while True:
            sent = time.monotonic()
            try:
                body = self._fetch("POST", "/v1/ask", asked)
                break
            except ServerError as error:
                over = time.monotonic() + error.wait - began > self._timeout
                if not 0 < error.wait <= _LONGEST_WAIT or tries == _MOST_TRIES or over:
                    raise
                tries += 1
                time.sleep(error.wait)
        took = time.monotonic() - sent
        try:
            reply = Reply.from_json(body)
        except TestSetError as error:
            raise self._failed(f"gave something else than an answer ({error.message})") from None
        return replace(
            reply, sources={**self._sources, **reply.sources}, seconds={**reply.seconds, "request": round(took, 6)}
        )

    def article(self, article_id: str) -> Article | None:
        """One article with its text, None when the server has none with this id. Raises `ServerError`."""
        if article_id not in self._texts:  # an id is made from the text: it can be kept
            try:
                body = self._fetch("GET", f"/v1/articles/{quote(article_id, safe='')}")
            except ServerError as error:
                if error.status == 404:
                    return None
                raise
            self._texts[article_id] = self._read(_WHOLE, body).article()
        return self._texts[article_id]

    def articles(self) -> Iterator[Article]:
        """Every article with its text, fetched when it is taken. Raises `ServerError`."""
        for each in self.article_metadata():
            if (article := self.article(each.id)) is not None:
                yield article

    def article_metadata(self) -> tuple[Article, ...]:
        """Every article without its text, in the order of titles. Raises `ServerError`."""
        return tuple(each.article() for each in self._read(_LISTED, self._fetch("GET", "/v1/articles")))

    def _fetch(self, method: str, path: str, value: Any = None) -> bytes:
        """The body of a good response. Raises `ServerError` for any other, and where none comes in time."""
        import httpx

        try:
            with self._client.stream(method, self._address + path, json=value) as response:
                body = self._body(response)
        except httpx.TimeoutException:
            raise self._late() from None
        except httpx.InvalidURL:
            raise self._failed("has an address that cannot be used") from None
        except (httpx.HTTPError, UnicodeError) as error:
            said = " ".join(self._hidden(str(error)).split())[:200] or type(error).__name__
            raise self._failed(f"cannot be reached ({said})", _START_IT) from None
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if response.status_code == 200 and kind == "application/json":
            return body
        raise self._refusal(response, kind, body)

    def _body(self, response: httpx.Response) -> bytes:
        """All of a response. A server that sends a byte now and then is late all the same."""
        began, parts, size = time.monotonic(), [], 0
        for part in response.iter_bytes():
            parts.append(part)
            size += len(part)
            if size > _LARGEST_REPLY:
                raise self._failed(f"sent more than {_LARGEST_REPLY:,} bytes")
            if time.monotonic() - began > self._timeout:
                raise self._late()
        return b"".join(parts)

    def _refusal(self, response: httpx.Response, kind: str, body: bytes) -> ServerError:
        status = response.status_code
        if 300 <= status < 400:
            return self._failed(
                f"sends elsewhere (status {status})", "Give the address that it sends to.", status=status
            )
        try:
            told = _Failure.model_validate_json(body).error
        except ValidationError:
            what = "a web page" if kind == "text/html" else kind[:60] or "nothing that is named"
            return self._failed(f"answered with status {status} and {what}: it is no citechat chat", status=status)
        asks = response.headers.get("retry-after", "")
        return self._failed(
            f"said {status}: {self._hidden(told.message)[:500]}",
            self._hidden(told.hint)[:500],
            status=status,
            wait=float(asks) if asks.isascii() and asks.isdigit() else 0.0,
        )

    def _read(self, form: TypeAdapter[Any], body: bytes) -> Any:
        try:
            return form.validate_json(body)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            name = ".".join(map(str, first["loc"]))[:80] or "the whole reply"
            raise self._failed(
                f"described its articles otherwise than a citechat chat: {name}: {first['msg']}"
            ) from None

    def _late(self) -> ServerError:
        return self._failed(
            f"did not answer within {self._timeout:g} s", "Ask again, or give it longer: a local LLM may need minutes."
        )

    def _failed(self, what: str, hint: str = "", *, status: int = 0, wait: float = 0.0) -> ServerError:
        hint = hint or "Give the address of a citechat chat of this version."
        return ServerError(f"the server {self._shown!r} {what}", hint, status=status, wait=wait)

    def _hidden(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return scrub(text)


class _Listed(BaseModel):
    # What later versions add changes no number.
    id: str
    title: str
    source: str
    published: str | None = None
    language: str | None = None
    text: str = ""

    def article(self) -> Article:
        return Article(self.id, self.title, self.source, self.text, self.published, language=self.language)


class _Whole(_Listed):
    text: str


class _Told(BaseModel):
    message: str
    hint: str = ""


class _Failure(BaseModel):
    error: _Told


_LISTED = TypeAdapter(list[_Listed])
_WHOLE = TypeAdapter(_Whole)


def _address(url: str) -> tuple[str, str, tuple[str, ...]]:
    """The address to build on, the same as it may be shown, and what of it may not."""
    try:
        parts = urlsplit(url.strip())
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:  # a port or an IPv6 address that is none
        usable = False
    if not usable or parts.query or parts.fragment:
        what = "has a query or fragment" if usable else "is no web address"
        raise ServerError(
            f"the address of the server {what}", "Give one such as http://127.0.0.1:7860, and nothing after its path."
        )
    path = parts.path.rstrip("/")
    user, _, host = parts.netloc.rpartition("@")
    secrets = {each for each in (user, *user.split(":", 1)) if each}
    secrets |= {unquote(each) for each in secrets}
    longest_first = tuple(sorted(secrets, key=len, reverse=True))
    return f"{parts.scheme}://{parts.netloc}{path}", f"{parts.scheme}://{host}{path}", longest_first


def _exchanges(history: Sequence[Turn]) -> Iterator[dict[str, str]]:
    """The turns as questions with their answers; one that stands alone does so here, too."""
    open_question: str | None = None
    for turn in history:
        if turn.role == "assistant":
            yield {"answer": turn.text} if open_question is None else {"question": open_question, "answer": turn.text}
            open_question = None
        else:
            if open_question is not None:
                yield {"question": open_question}
            open_question = turn.text
    if open_question is not None:
        yield {"question": open_question}
