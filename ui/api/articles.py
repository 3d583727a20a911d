"""`/v1/articles`: what can be asked about, and how programs add to it and remove from it."""

from __future__ import annotations

import hashlib
import json
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from index import Article
from rag import Assistant

from ..chat.library import MOST_FILES, Library, UploadResult, Uploads, safe_name
from .errors import Refused, reply
from .requests import Sent, read

MULTIPART = "multipart/form-data"

_KEYS_KEPT = 1000
_LONGEST_KEY = 200


class Articles:
    """Reads the articles for programs, and changes them where that is allowed."""

    def __init__(self, assistant: Assistant, library: Library | None, *, writable: bool) -> None:
        self._assistant = assistant
        self._library = library
        self._writable = writable
        self._uploads = _Uploads()

    async def listing(self, _: Request) -> Response:
        """All of them without their texts, in the order of titles."""
        facts = await run_in_threadpool(self._assistant.article_metadata)
        return reply(200, [facts_of(article) for article in facts])

    async def one(self, request: Request) -> Response:
        """One of them with its text."""
        article = await run_in_threadpool(self._assistant.article, request.path_params["id"])
        if article is None:
            raise _no_article()
        return reply(200, {**facts_of(article), "text": article.text})

    async def add(self, request: Request) -> Response:
        """Add files, a text or a link; sent again under the same `Idempotency-Key`, nothing is done again."""
        library = self._writing()
        key = request.headers.get("idempotency-key", "")
        if len(key) > _LONGEST_KEY:
            raise Refused(400, f"the Idempotency-Key has {len(key)} characters", f"Use {_LONGEST_KEY} at most.")
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == MULTIPART:
            files = await _files(request)
            sent = await run_in_threadpool(_digest, files)
            adding = lambda: _added_files(library, files)  # noqa: E731 - one of three ways
        else:
            body = await read(request, Sent)
            sent = hashlib.sha256(body.model_dump_json().encode()).hexdigest()
            adding = lambda: _added(library, body)  # noqa: E731
        caller = str(request.scope.get("state", {}).get("caller", ""))
        rows = await run_in_threadpool(self._uploads.once, caller, key, sent, adding)
        failed = [row for row in rows if row.state == "failed"]
        if failed and len(failed) == len(rows):
            raise Refused(422, f"nothing was added: {failed[0].name!r}: {failed[0].detail}", failed[0].hint)
        return reply(200, {"added": [asdict(row) for row in rows]})

    async def remove(self, request: Request) -> Response:
        """Remove one of them."""
        removed = await run_in_threadpool(self._writing().remove, [request.path_params["id"]])
        if not removed:
            raise _no_article()
        ((article, passages),) = removed
        return reply(200, {"removed": facts_of(article), "passages": passages})

    def _writing(self) -> Library:
        if self._library is None or not self._writable:
            raise Refused(
                403,
                "programs may not change the articles here",
                "Use `citechat index`; or have the server ask for keys: `citechat keys create NAME --write`.",
            )
        return self._library


class _Uploads:
    """Remembers what was sent under which key, by whom, so that a reply that was lost can be asked for again.

    It is of this process alone: another copy would find the same articles there already, and say so.
    """

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._known: OrderedDict[tuple[str, str], tuple[str, tuple[UploadResult, ...]]] = OrderedDict()

    def once(self, caller: str, key: str, sent: str, adding: Any) -> tuple[UploadResult, ...]:
        """What became of it, done now or before. Raises `Refused` where something else was sent under this key."""
        if not key:
            return _last(adding())
        with self._turn:
            before = self._known.get((caller, key))
            if before is None:
                rows = _last(adding())
                self._known[caller, key] = (sent, rows)
                if len(self._known) > _KEYS_KEPT:
                    self._known.popitem(last=False)
                return rows
        if before[0] != sent:
            raise Refused(409, "something else was sent under this Idempotency-Key", "Use a new one for each upload.")
        return before[1]


def facts_of(article: Article) -> dict[str, str | None]:
    """What is told of an article."""
    return {name: getattr(article, name) for name in ("id", "title", "source", "published", "language")}


async def _files(request: Request) -> list[tuple[str, bytes]]:
    """The files of a form, each by its name. Raises `Refused` for a form without any, or with too many."""
    try:
        async with request.form(max_files=MOST_FILES, max_fields=MOST_FILES) as form:
            sent = [each for _, each in form.multi_items() if isinstance(each, UploadFile)]
            files = [(safe_name(each.filename or ""), await each.read()) for each in sent]
    except HTTPException as error:
        raise Refused(400, f"the form cannot be read: {error.detail}", f"Send {MOST_FILES} files at most.") from None
    if not files:
        raise Refused(400, "there is no file in the form", "For example: curl -F file=@article.txt …")
    return files


def _digest(files: list[tuple[str, bytes]]) -> str:
    parts = [[name, hashlib.sha256(data).hexdigest()] for name, data in files]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _added(library: Library, body: Sent) -> Uploads:
    return library.add_link(body.link) if body.link is not None else library.add_text(body.title, body.text or "")


def _added_files(library: Library, files: list[tuple[str, bytes]]) -> Uploads:
    with _written(files) as paths:
        yield from library.add_files(paths)


@contextmanager
def _written(files: list[tuple[str, bytes]]) -> Iterator[list[Path]]:
    """The files, each in a folder of its own: two may have one name."""
    with tempfile.TemporaryDirectory(prefix="citechat-") as folder:
        paths = []
        for number, (name, data) in enumerate(files):
            place = Path(folder) / str(number)
            place.mkdir()
            (place / name).write_bytes(data)
            paths.append(place / name)
        yield paths


def _last(rows: Uploads) -> tuple[UploadResult, ...]:
    told: tuple[UploadResult, ...] = ()
    for told in rows:  # noqa: B007 - the last ones are wanted
        pass
    return told


def _no_article() -> Refused:
    return Refused(404, "there is no article with this id", "GET /v1/articles lists those that there are.")
