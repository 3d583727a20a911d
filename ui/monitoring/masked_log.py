"""Log records, warnings and tracebacks without keys, whichever library writes them.

The mask is where a log record is made, so it also holds for handlers that a library or the web server adds.
"""

from __future__ import annotations

import logging
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, TextIO

_Factory = Callable[..., logging.LogRecord]
_UNCHANGED = (bool, int, float, type(None))


def mask_logs() -> None:
    """Mask known secrets, and anything that looks like a key, in everything that this process logs from now on."""
    before = logging.getLogRecordFactory()
    if not isinstance(before, _MaskedRecords):
        logging.setLogRecordFactory(_MaskedRecords(before))
    warnings.showwarning = _show_masked
    if sys.excepthook is sys.__excepthook__:
        sys.excepthook = _print_masked
    if threading.excepthook is threading.__excepthook__:
        threading.excepthook = _print_masked_in_thread


class _MaskedRecords:
    """A factory of log records without secrets."""

    def __init__(self, factory: _Factory) -> None:
        self._factory = factory

    def __call__(self, *given: Any, **keywords: Any) -> logging.LogRecord:
        record = self._factory(*given, **keywords)
        record.msg = _masked(record.msg)
        if isinstance(record.args, Mapping):
            record.args = {name: _masked(value) for name, value in record.args.items()}
        elif record.args:
            record.args = tuple(map(_masked, record.args))
        _mask_message(record)
        if record.exc_info and record.exc_info[1] is not None:
            record.exc_text = _scrub("".join(traceback.format_exception(record.exc_info[1])).rstrip("\n"))
        return record


def _mask_message(record: logging.LogRecord) -> None:
    """Mask a secret of which the message contains one part and an argument another."""
    try:
        message = record.getMessage()
    except (TypeError, ValueError, KeyError):  # the handler reports arguments that do not fit the message
        return
    if (masked := _scrub(message)) != message:
        record.msg, record.args = masked, ()


def _masked(value: Any) -> Any:
    """Return a value of a log record as it is, or as a masked text if its text contains a secret."""
    if isinstance(value, _UNCHANGED):
        return value
    try:
        texts = (str(value), repr(value))
    except Exception:  # the handler reports an object that cannot be written
        return value
    for text in texts:
        if (masked := _scrub(text)) != text:
            return masked
    return value


def _scrub(text: str) -> str:
    try:
        from rag import scrub  # imports rag, which the help does not need
    except ImportError:  # a record from the import of rag itself, before any key is used
        return text
    return scrub(text)


def _show_masked(  # noqa: PLR0917 - the signature of `warnings.showwarning`
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    if (out := file or sys.stderr) is not None:
        out.write(_scrub(warnings.formatwarning(message, category, filename, lineno, line)))


def _print_masked_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None and not issubclass(args.exc_type, SystemExit):
        _print_masked(args.exc_type, args.exc_value, args.exc_traceback)


def _print_masked(_: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if sys.stderr is not None:
        sys.stderr.write(_scrub("".join(traceback.format_exception(error.with_traceback(trace)))))
