"""Recognise text on scanned pages of a PDF with the program ocrmypdf, if it is installed.

It runs outside the parser's process, with limits of its own, and is killed if it exceeds them. Its result is a PDF,
which the parser then reads like any other file.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from ..cancellation import Cancellation
from ..errors import LoadError
from ..parsers import NO_TEXT, OCR_HINT, Extract

try:
    import resource
except ImportError:  # Windows has no process limits
    resource = None  # type: ignore[assignment]

OFF = "off"
"""The setting with which no text is recognised."""
AUTO = "auto"
"""The setting with which text is recognised if the program is installed, in its default language."""
PROGRAM = "ocrmypdf"

_MB = 1_000_000
_TIME_LIMIT = 600.0  # maximum time for a document, in seconds
_PAGE_TIME_LIMIT = 60  # maximum time for a page, in seconds; a page that takes longer has no text
_LARGEST_PAGE = 100  # maximum size of a page, in megapixels; larger pages have no text
_LARGEST_RESULT = 200 * _MB  # bytes
_LIMITS = {"RLIMIT_AS": 4_000 * _MB, "RLIMIT_FSIZE": 1_000 * _MB, "RLIMIT_CORE": 0}  # of each process
_INHERITED = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "TESSDATA_PREFIX", "SYSTEMROOT", "WINDIR")
_CODES = {
    2: "it cannot read the file",
    3: "a program or a language that it needs is not installed",
    4: "it wrote an invalid file",
    6: "the file contains text already",
    7: "a program that it uses failed",
    8: "the file is encrypted",
}


class OcrError(Exception):
    """An error for a document in which no text could be recognised; its message says why."""


def read_scanned(
    data: bytes, parse: Callable[[bytes], Extract], ocr: str, cancellation: Cancellation | None = None
) -> Extract:
    """Parse a PDF. If it has pages without text, recognise their text and parse it again.

    `ocr` is `OFF`, `AUTO`, or languages as Tesseract names them, such as "eng+deu". A failure is reported as the reason
    why the pages were skipped. Raises the same errors as `parse`.
    """
    if ocr == OFF or (ocr == AUTO and shutil.which(PROGRAM) is None):
        return parse(data)
    try:
        found = parse(data)
    except LoadError as error:
        if error.hint != OCR_HINT:
            raise
        try:
            return _with_reason(parse(recognise(data, ocr, cancellation)), "OCR found no text")
        except (OcrError, LoadError) as failure:
            why = "OCR found no text" if isinstance(failure, LoadError) else f"OCR failed: {failure}"
            raise LoadError(f"{error.message} {why}.", error.hint) from None
    if not any(page.reason == NO_TEXT for page in found.skipped_pages):
        return found
    try:
        return _with_reason(parse(recognise(data, ocr, cancellation)), "OCR found no text")
    except OcrError as failure:
        return _with_reason(found, f"OCR failed: {failure}")
    except LoadError:
        return _with_reason(found, "OCR failed: its result cannot be read")


def recognise(data: bytes, languages: str, cancellation: Cancellation | None = None) -> bytes:
    """Return the PDF with the recognised text on the pages that have none. Pages with text are not changed.

    Raises `OcrError` if the program is missing or fails, or exceeds a limit; and `CancelledWorkError` if the work
    should end.
    """
    cancellation = cancellation or Cancellation()
    program = shutil.which(PROGRAM)
    if program is None:
        raise OcrError(f"{PROGRAM} is not installed")
    with tempfile.TemporaryDirectory(prefix="citechat-ocr-", ignore_cleanup_errors=True) as folder:
        source, result = Path(folder, "in.pdf"), Path(folder, "out.pdf")
        source.write_bytes(data)
        options = ["--quiet", "--skip-text", "--output-type", "pdf", "--optimize", "0", "--jobs", "1"]
        options += ["--tesseract-timeout", str(_PAGE_TIME_LIMIT), "--skip-big", str(_LARGEST_PAGE)]
        options += [] if languages == AUTO else ["--language", languages]
        _run([program, *options, str(source), str(result)], folder, cancellation)
        if not result.is_file() or not 0 < result.stat().st_size <= _LARGEST_RESULT:
            raise OcrError(f"its result is empty or larger than {_LARGEST_RESULT // _MB} MB")
        return result.read_bytes()


def _run(command: list[str], folder: str, cancellation: Cancellation) -> None:
    environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    environment |= dict.fromkeys(("HOME", "TMPDIR", "TEMP", "TMP"), folder) | {"OMP_THREAD_LIMIT": "1"}
    try:
        process = subprocess.Popen(  # noqa: S603 - a program that the operator installed, with our own options
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env=environment,
            start_new_session=True,  # so that its whole process group can be killed
        )
    except OSError as error:
        raise OcrError(f"{PROGRAM} cannot be started: {error.strerror}") from None
    try:
        _limit(process.pid)
        with cancellation.calling(lambda: _kill(process)):
            code = process.wait(_TIME_LIMIT)
    except subprocess.TimeoutExpired:
        raise OcrError(f"it takes more than {_TIME_LIMIT:g} seconds") from None
    finally:
        _kill(process)  # also programs that it started
        process.wait()
    cancellation.check()
    if code:
        raise OcrError(f"{PROGRAM} ended with code {code}" + (f", {_CODES[code]}" if code in _CODES else ""))


def _limit(process: int) -> None:
    """Limit the memory and the file sizes of a process and of those that it starts, where the system supports it."""
    for name, most in _LIMITS.items():
        with suppress(AttributeError, OSError, ValueError):
            resource.prlimit(process, getattr(resource, name), (most, most))


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()


def _with_reason(found: Extract, why: str) -> Extract:
    """Return the document with a reason why scanned pages still have no text."""
    pages = [
        replace(page, reason=f"{page.reason} ({why})") if page.reason == NO_TEXT else page
        for page in found.skipped_pages
    ]
    return replace(found, skipped_pages=tuple(pages))
