"""Evaluate a running chat server from a user's point of view: questions and articles are sent over HTTP."""

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
from ..llms.failures import one_safe_line
from ..llms.received_bytes import is_compressed
from .reply import Reply

if TYPE_CHECKING:
    import httpx

DEFAULT_TIMEOUT = 300.0
"""Timeout for a complete reply, in seconds; a local LLM may take minutes for a long article."""

_CONNECT_SECONDS = 10.0
_LARGEST_REPLY = 100_000_000  # maximum size of a response body, in bytes
_MOST_TRIES = 4  # maximum number of requests for one question, including retries
_LONGEST_RETRY_AFTER = 60.0  # maximum delay before a retry, in seconds; a longer delay is reported as an error
_LONGEST_MESSAGE = 500  # characters of a message from the server
_KEY_VARIABLE = "CITECHAT_SERVER_API_KEY"
_START_IT = "Start it with `citechat chat`, and give the address that it prints."


class ServerError(CitechatError):
    """An error for a chat server that cannot be reached or sends an unexpected response.

    `status` is the HTTP status, or 0 without a response. `retry_after` is the delay that the server asks for, in
    seconds.
    """

    def __init__(self, message: str, hint: str = "", *, status: int = 0, retry_after: float = 0.0) -> None:
        super().__init__(message, hint)
        self.status = status
        self.retry_after = retry_after


class RemoteAssistant:
    """The assistant on a chat server, for `evaluate`. Connections are closed after each request.

    Only the server's settings apply. If the server's LLM fails, the result is an error, never a quoted answer.
    """

    def __init__(self, url: str, *, key: str | None = None, timeout: float = DEFAULT_TIMEOUT) -> None:
        """Connect to the chat page at `url`; `timeout` is the time limit for a complete reply, in seconds.

        Raises `ServerError` immediately if the server does not respond. An API `key`, or else a user name and password
        in the address, is sent to the server and never shown.
        """
        self._address, self._shown, self._secrets = _parse_address(url)
        if key and self._secrets:
            raise ServerError(
                "The address of the server contains a user name or a password, and there is a key for the server, too.",
                f"Only one of them can be sent: leave it out of the address, or unset {_KEY_VARIABLE}.",
            )
        self._secrets = (key,) if key else self._secrets
        self._timeout = timeout
        self._articles: dict[str, Article] = {}
        import httpx

        self._client = httpx.Client(
            headers={"Accept-Encoding": "identity"} | ({"Authorization": f"Bearer {key}"} if key else {}),
            timeout=httpx.Timeout(timeout, connect=min(timeout, _CONNECT_SECONDS)),
            trust_env=False,  # no proxy, no .netrc
            limits=httpx.Limits(max_keepalive_connections=0),
        )
        self._sources = {article.id: article.source for article in self.article_metadata()}

    def reply(self, question: str, history: Sequence[Turn] = ()) -> Reply:
        """Return the reply to a question; its `seconds` include the duration of the whole HTTP request as `request`.

        A request is repeated if the server asks the client to wait and retry. Raises `ServerError`.
        """
        request = {"question": question, "history": list(_exchanges(history))}
        began = time.monotonic()
        for tries in range(1, _MOST_TRIES + 1):
            sent = time.monotonic()
            try:
                body = self._fetch("POST", "/v1/ask", request)
                break
            except ServerError as error:
                is_late = time.monotonic() + error.retry_after - began > self._timeout
                if not 0 < error.retry_after <= _LONGEST_RETRY_AFTER or tries == _MOST_TRIES or is_late:
                    raise
                time.sleep(error.retry_after)
        took = time.monotonic() - sent
        try:
            reply = Reply.from_json(body)
        except TestSetError as error:
            raise self._error(f"returned something other than an answer ({error.message})") from None
        return replace(
            reply, sources={**self._sources, **reply.sources}, seconds={**reply.seconds, "request": round(took, 6)}
        )

    def article(self, article_id: str) -> Article | None:
        """Return one article with its text, or None for an unknown id. Raises `ServerError`."""
        if article_id not in self._articles:  # the id is a hash of the text, so the cached copy cannot be outdated
            try:
                body = self._fetch("GET", f"/v1/articles/{quote(article_id, safe='')}")
            except ServerError as error:
                if error.status == 404:
                    return None
                raise
            self._articles[article_id] = self._parse(_ONE_ARTICLE, body).article()
        return self._articles[article_id]

    def articles(self) -> Iterator[Article]:
        """Yield every article with its text, fetching each when it is requested. Raises `ServerError`."""
        for each in self.article_metadata():
            if (article := self.article(each.id)) is not None:
                yield article

    def article_metadata(self) -> tuple[Article, ...]:
        """Return every article without its text, ordered by title. Raises `ServerError`."""
        return tuple(each.article() for each in self._parse(_ALL_ARTICLES, self._fetch("GET", "/v1/articles")))

    def _fetch(self, method: str, path: str, value: Any = None) -> bytes:
        """Return the JSON body of a successful response. Raises `ServerError` for other responses and after the
        timeout."""
        import httpx

        try:
            with self._client.stream(method, self._address + path, json=value) as response:
                body = self._body(response)
        except httpx.TimeoutException:
            raise self._timed_out() from None
        except httpx.InvalidURL:
            raise self._error("has an invalid address") from None
        except (httpx.HTTPError, UnicodeError) as error:
            reason = self._redacted(str(error))[:200] or type(error).__name__
            raise self._error(f"cannot be reached ({reason})", _START_IT) from None
        media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if response.status_code == 200 and media_type == "application/json":
            return body
        raise self._refusal(response, media_type, body)

    def _body(self, response: httpx.Response) -> bytes:
        """Return the whole body, which must not be compressed.

        Enforce the timeout even if the server sends single bytes from time to time.
        """
        if is_compressed(response):
            raise self._error("sent a compressed response, which was not asked for")
        began, parts, size = time.monotonic(), [], 0
        for part in response.iter_bytes():
            parts.append(part)
            size += len(part)
            if size > _LARGEST_REPLY:
                raise self._error(f"sent more than {_LARGEST_REPLY:,} bytes")
            if time.monotonic() - began > self._timeout:
                raise self._timed_out()
        return b"".join(parts)

    def _refusal(self, response: httpx.Response, media_type: str, body: bytes) -> ServerError:
        status = response.status_code
        if 300 <= status < 400:
            return self._error(
                f"redirects elsewhere (status {status})", "Give the address that it redirects to.", status=status
            )
        try:
            reported = _ErrorBody.model_validate_json(body).error
        except ValidationError:
            content = "a web page" if media_type == "text/html" else media_type[:60] or "no content type"
            return self._error(f"is not a citechat chat: it answered with status {status} and {content}", status=status)
        retry_after = response.headers.get("retry-after", "")
        hint = self._redacted(reported.hint)
        return self._error(
            f"answered {status}: {self._redacted(reported.message)}",
            f"Set {_KEY_VARIABLE} to a valid key of the server." if status == 401 else hint,
            status=status,
            retry_after=float(retry_after) if retry_after.isascii() and retry_after.isdigit() else 0.0,
        )

    def _parse(self, form: TypeAdapter[Any], body: bytes) -> Any:
        try:
            return form.validate_json(body)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            name = ".".join(map(str, first["loc"]))[:80] or "the whole reply"
            raise self._error(f"returned articles in an unexpected format ({name}: {first['msg']})") from None

    def _timed_out(self) -> ServerError:
        return self._error(
            f"did not answer within {self._timeout:g} s",
            "Try again, or allow more time: a local LLM may need minutes.",
        )

    def _error(self, problem: str, hint: str = "", *, status: int = 0, retry_after: float = 0.0) -> ServerError:
        hint = hint or "Give the address of a citechat chat of this version."
        return ServerError(f"The server {self._shown!r} {problem}", hint, status=status, retry_after=retry_after)

    def _redacted(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return one_safe_line(text, _LONGEST_MESSAGE)


class _ArticleMetadata(BaseModel):
    # Additional keys from later versions do not change any figure.
    id: str
    title: str
    source: str
    published: str | None = None
    language: str | None = None
    text: str = ""

    def article(self) -> Article:
        return Article(self.id, self.title, self.source, self.text, self.published, language=self.language)


class _ArticleBody(_ArticleMetadata):
    text: str


class _ErrorDetail(BaseModel):
    message: str
    hint: str = ""


class _ErrorBody(BaseModel):
    error: _ErrorDetail


_ALL_ARTICLES = TypeAdapter(list[_ArticleMetadata])
_ONE_ARTICLE = TypeAdapter(_ArticleBody)


def _parse_address(url: str) -> tuple[str, str, tuple[str, ...]]:
    """Return the address for requests, the address without user name and password, and the secrets that it contains."""
    try:
        parts = urlsplit(url.strip())
        is_usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:  # a malformed port or IPv6 address
        is_usable = False
    if not is_usable or parts.query or parts.fragment:
        problem = "has a query or fragment" if is_usable else "is not a web address"
        raise ServerError(
            f"The address of the server {problem}.",
            "Give an address such as http://127.0.0.1:7860, without a query or fragment.",
        )
    path = parts.path.rstrip("/")
    user, _, host = parts.netloc.rpartition("@")
    secrets = {each for each in (user, *user.split(":", 1)) if each}
    secrets |= {unquote(each) for each in secrets}
    longest_first = tuple(sorted(secrets, key=len, reverse=True))
    return f"{parts.scheme}://{parts.netloc}{path}", f"{parts.scheme}://{host}{path}", longest_first


def _exchanges(history: Sequence[Turn]) -> Iterator[dict[str, str]]:
    """Yield each question with its answer; a question or an answer without the other is yielded alone."""
    question: str | None = None
    for turn in history:
        if turn.role == "assistant":
            yield {"answer": turn.text} if question is None else {"question": question, "answer": turn.text}
            question = None
        else:
            if question is not None:
                yield {"question": question}
            question = turn.text
    if question is not None:
        yield {"question": question}
