"""`/v1/articles`: lists, adds and removes indexed articles."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from index import Article, RequestFilter, UploadBudget
from rag import Answer, Assistant

from ..chat.library import MOST_FILES, STOPPED, Library, UploadResult, Uploads, safe_name
from ..chat.uploads import counting
from ..persistence.uploads import open_uploads
from ..security.body_limits import LARGEST_TEXT_BODY
from ..security.clients import caller_or_address
from ..security.errors import RequestError
from .errors import CLIENT_CLOSED_REQUEST, json_response
from .queue import RequestQueue
from .schemas import AddRequest, ArticleReply, read_body

MULTIPART = "multipart/form-data"

LONGEST_UPLOAD_QUEUE = 32
"""Maximum number of uploads that wait while another one is indexed; further uploads are rejected."""

_MOST_KEYS = 1000
_LONGEST_KEY = 200


class ArticleEndpoints:
    """The endpoints that read articles and, if allowed, add and remove them."""

    def __init__(
        self, assistant: Assistant, library: Library | None, questions: RequestQueue, *, writable: bool
    ) -> None:
        """Overviews are answers, and wait in the queue of the `questions`."""
        self._assistant, self._library, self._writable = assistant, library, writable
        self._uploads = _Uploads()
        self._questions = questions
        self._queue = RequestQueue(1, LONGEST_UPLOAD_QUEUE, "uploads")

    async def list_articles(self, _: Request) -> Response:
        """List all articles without their text, ordered by title."""
        articles = await run_in_threadpool(self._assistant.article_metadata)
        return json_response(200, [metadata_of(article) for article in articles])

    async def read(self, request: Request) -> Response:
        """Return an article with its text."""
        article = await run_in_threadpool(self._assistant.article, request.path_params["id"])
        if article is None:
            raise _unknown_article()
        return json_response(200, {**metadata_of(article), "text": article.text})

    async def overview(self, request: Request) -> Response:
        """Return the most central sentences of an article, as an answer."""
        id_ = request.path_params["id"]
        if await run_in_threadpool(self._assistant.article, id_) is None:
            raise _unknown_article()

        def begin() -> Iterator[Answer]:
            yield self._assistant.overview(RequestFilter(articles=(id_,)))

        answer = await self._questions.last(request, begin)
        return json_response(CLIENT_CLOSED_REQUEST, {}) if answer is None else json_response(200, answer.to_dict())

    async def add(self, request: Request) -> Response:
        """Add files, text or a link. Requests with the same `Idempotency-Key` are processed only once.

        If the client disconnects, the work stops; what was added remains.
        """
        library = self._writable_library()
        key = request.headers.get("idempotency-key", "")
        if len(key) > _LONGEST_KEY:
            raise RequestError(
                400, f"The Idempotency-Key has {len(key)} characters.", f"Use at most {_LONGEST_KEY} characters."
            )
        content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if content_type == MULTIPART:
            with open_uploads() as uploads, uploads.upload(caller_or_address(request.scope)) as upload:
                files = await _read_files(Request(request.scope, counting(request.receive, upload)))
                digest = await run_in_threadpool(_digest, files)
                rows = await self._add_once(request, key, digest, partial(_add_files, library, files, upload.folder))
        else:
            body, digest = await read_body(request, AddRequest, _with_digest, largest=LARGEST_TEXT_BODY)
            rows = await self._add_once(request, key, digest, partial(_add, library, body))
        if rows is None:
            return json_response(CLIENT_CLOSED_REQUEST, {})
        failed = [row for row in rows if row.state == "failed"]
        if failed and len(failed) == len(rows):
            raise RequestError(422, f"Nothing was added. {failed[0].name!r}: {failed[0].detail}", failed[0].hint)
        return json_response(200, {"added": [asdict(row) for row in rows]})

    async def remove(self, request: Request) -> Response:
        """Remove an article."""
        removed = await run_in_threadpool(self._writable_library().remove, [request.path_params["id"]])
        if not removed:
            raise _unknown_article()
        ((article, passages),) = removed
        return json_response(200, {"removed": metadata_of(article), "passages": passages})

    async def _add_once(
        self, request: Request, key: str, digest: str, add: Callable[[UploadBudget], Uploads]
    ) -> tuple[UploadResult, ...] | None:
        """Add uploads in the queue; return None if the client disconnected."""
        caller = str(request.scope.get("state", {}).get("caller", ""))
        budget = UploadBudget()

        def work() -> Iterator[tuple[UploadResult, ...]]:
            yield self._uploads.once(caller, key, digest, add, budget)

        return await self._queue.last(request, work, partial(budget.cancellation.request, *STOPPED))

    def _writable_library(self) -> Library:
        if self._library is None or not self._writable:
            raise RequestError(
                403,
                "Programs cannot change articles on this server.",
                "Use `citechat index`, or enable access control: `citechat keys create NAME --write`.",
            )
        return self._library


class _Uploads:
    """The results of earlier uploads, by caller and key, for clients that lost the response and repeat the request.

    Each process stores only its own results; another process would report the same articles as unchanged.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._results: OrderedDict[tuple[str, str], tuple[str, tuple[UploadResult, ...]]] = OrderedDict()

    def once(
        self, caller: str, key: str, digest: str, add: Callable[[UploadBudget], Uploads], budget: UploadBudget
    ) -> tuple[UploadResult, ...]:
        """Return the earlier result, or that of `add`. Raises `RequestError` if the key was used with another body.

        The result of an upload that was stopped is not kept, so that repeating the request adds the rest.
        """
        if not key:
            return _last(add(budget))
        with self._lock:
            if (caller, key) not in self._results:
                rows = _last(add(budget))
                if budget.cancellation.is_requested:
                    return rows
                self._results[caller, key] = (digest, rows)
            first_digest, rows = self._results[caller, key]
            if len(self._results) > _MOST_KEYS:
                self._results.popitem(last=False)
        if first_digest != digest:
            raise RequestError(
                409,
                "This Idempotency-Key was already used with a different request body.",
                "Use a new key for each upload.",
            )
        return rows


def metadata_of(article: Article) -> dict[str, str | None]:
    """Return the article metadata that the API exposes."""
    return {name: getattr(article, name) for name in ArticleReply.model_fields}


async def _read_files(request: Request) -> list[tuple[str, bytes]]:
    """Return the names and contents of a form's files. Raises `RequestError` if there are no files or too many."""
    try:
        async with request.form(max_files=MOST_FILES, max_fields=MOST_FILES) as form:
            uploads = [each for _, each in form.multi_items() if isinstance(each, UploadFile)]
            files = [(safe_name(each.filename or ""), await each.read()) for each in uploads]
    except HTTPException as error:
        raise RequestError(400, f"Invalid form: {error.detail}", f"Send at most {MOST_FILES} files.") from None
    if not files:
        raise RequestError(400, "The form contains no file.", "For example: curl -F file=@article.txt …")
    return files


def _digest(files: list[tuple[str, bytes]]) -> str:
    parts = [[name, hashlib.sha256(data).hexdigest()] for name, data in files]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _with_digest(body: AddRequest) -> tuple[AddRequest, str]:
    return body, hashlib.sha256(body.model_dump_json().encode()).hexdigest()


def _add(library: Library, body: AddRequest, budget: UploadBudget) -> Uploads:
    if body.link is not None:
        return library.add_link(body.link, budget)
    return library.add_text(body.title, body.text or "", budget)


def _add_files(library: Library, files: list[tuple[str, bytes]], root: Path, budget: UploadBudget) -> Uploads:
    """Add files, each from a separate folder in `root`, because two files may have the same name."""
    paths = []
    for number, (name, data) in enumerate(files):
        folder = root / str(number)
        folder.mkdir()
        (folder / name).write_bytes(data)
        paths.append(folder / name)
    yield from library.add_files(paths, budget)


def _last(states: Uploads) -> tuple[UploadResult, ...]:
    *_, rows = states  # never empty: the first state is yielded before the first file is added
    return rows


def _unknown_article() -> RequestError:
    return RequestError(404, "No article has this id.", "See GET /v1/articles for all articles.")
