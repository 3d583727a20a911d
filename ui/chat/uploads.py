"""The page's uploads: the route that receives files in place of the web framework's, and their deletion.

The framework stores equal files of all users at the same path, keeps what an interrupted upload has stored, and never
deletes a file. Here each upload has a folder with a random name.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from ..persistence.uploads import Upload, UploadFolder, UploadsFullError
from ..security.clients import caller_or_address
from .library import LARGEST_FILE

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute
    from starlette.types import Message, Receive

PATH = "/gradio_api/upload"

_SWEEP_EVERY = 60.0  # seconds
_CLIENT_CLOSED_REQUEST = 499  # nobody reads this response


def upload_route(uploads: UploadFolder) -> BaseRoute:
    """Return the route for the page's uploads, which takes precedence over the framework's."""
    from starlette.routing import Route

    async def upload(request: Request) -> Response:
        return await _receive_files(request, uploads)

    return Route(PATH, upload, methods=["POST"])


async def _receive_files(request: Request, uploads: UploadFolder) -> Response:
    """Store the files of a form, and return their paths as the framework does."""
    from starlette.exceptions import HTTPException
    from starlette.formparsers import MultiPartException
    from starlette.requests import ClientDisconnect
    from starlette.responses import JSONResponse, PlainTextResponse

    try:
        with uploads.upload(caller_or_address(request.scope)) as upload:
            files = await _store(request, upload)
            upload.grow(0, len(files))
            upload.keep()
    except UploadsFullError as error:
        return PlainTextResponse(f"{error.message} {error.hint}", 507)
    except MultiPartException as error:
        return PlainTextResponse(error.message, 413 if "maximum allowed size" in error.message else 400)
    except HTTPException as error:
        return PlainTextResponse(str(error.detail), error.status_code)
    except (AttributeError, TypeError):  # the framework expects that each part is a file
        return PlainTextResponse("Each part of the form must be a file with a name.", 400)
    except ClientDisconnect:
        return PlainTextResponse("", _CLIENT_CLOSED_REQUEST)
    return JSONResponse(files)


async def _store(request: Request, upload: Upload) -> list[str]:
    from gradio.route_utils import upload_fn
    from gradio.routes import file_upload_statuses
    from python_multipart.exceptions import FormParserError
    from starlette.formparsers import MultiPartException
    from starlette.requests import Request as CountedRequest

    id_ = request.query_params.get("upload_id")
    counted = CountedRequest(request.scope, counting(request.receive, upload))
    progress = file_upload_statuses if id_ else None
    try:
        files, _, _ = await upload_fn(counted, str(upload.folder), LARGEST_FILE, id_, upload_progress=progress)
    except FormParserError as error:  # Starlette does the same
        raise MultiPartException("Invalid multipart data.") from error
    finally:
        if id_ and id_ in file_upload_statuses._statuses:
            file_upload_statuses.set_done(id_)
    return [str(file) for file in files]


def counting(receive: Receive, upload: Upload) -> Receive:
    """Return a `receive` function that counts the bytes of a request's body as an upload's."""

    async def counting_receive() -> Message:
        message = await receive()
        upload.grow(len(message.get("body", b"")))
        return message

    return counting_receive


def use_folder(app: Any, uploads: UploadFolder) -> None:
    """Make the components of a page store their temporary files in the folder of the uploads."""
    import gradio.routes

    gradio.routes.DEFAULT_TEMP_DIR = str(uploads.path)
    for block in (app, *app.blocks.values()):
        block.GRADIO_CACHE = str(uploads.path)


@asynccontextmanager
async def sweeping(uploads: UploadFolder) -> AsyncIterator[None]:
    """Delete abandoned uploads once a minute."""

    async def sweep() -> None:
        while True:
            await asyncio.sleep(_SWEEP_EVERY)
            await asyncio.to_thread(uploads.sweep)
            _forget_progress()

    task = asyncio.create_task(sweep())
    try:
        yield
    finally:
        task.cancel()


def _forget_progress() -> None:
    """Forget finished uploads, and ids that somebody asked about; the framework keeps them for ever."""
    from gradio.routes import file_upload_statuses as progress

    for id_ in [id_ for id_, status in progress._statuses.items() if status.is_done]:
        progress.stop_tracking(id_)
    for id_ in [id_ for id_, signal in progress._signals.items() if not signal._waiters]:
        if id_ not in progress._statuses:
            del progress._signals[id_]
