"""The pages' templates, style sheets and scripts.

A template is a file of Jinja macros in a subpackage's `templates` folder; each macro returns an HTML fragment. Jinja's
own escaping is not enough for the chat window, which renders Markdown, so every value goes through `html.escape`. Only
`Markup` objects, which macros return, are inserted as HTML.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.ext import Extension
from markupsafe import Markup

from . import html
from .i18n.translate import counted

# A line break next to a tag or an expression is only template layout; any other line break counts as a space.
_BREAK = re.compile(r"(?<=[>}])\n[ ]*|\n[ ]*(?=[<{])")


class _JoinedLines(Extension):
    """A preprocessor that joins template lines: in Markdown, a blank line would end an HTML block."""

    def preprocess(self, source: str, *_: object) -> str:
        return re.sub(r"\n[ ]*", " ", _BREAK.sub("", source.strip()))


def _escaped(value: object) -> object:
    return value if hasattr(value, "__html__") else Markup(html.escape(str(value)))  # noqa: S704 - it is escaped


@cache
def macros(package: str, name: str) -> Any:
    """Return the macros of `ui/PACKAGE/templates/NAME.html` as attributes."""
    return _environment(package).get_template(f"{name}.html").module


@cache
def asset(package: str, name: str) -> str:
    """Return the text of `ui/PACKAGE/assets/NAME`."""
    return (_folder(package) / "assets" / name).read_text(encoding="utf-8")


@cache
def _environment(package: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_folder(package) / "templates"),
        autoescape=True,
        finalize=_escaped,
        undefined=StrictUndefined,
        extensions=[_JoinedLines],
    )
    # Jinja's filters that join text and markup escape less than `html.escape`.
    environment.filters = {name: getattr(html, name) for name in ("one_line", "excerpt", "outlet")} | {"length": len}
    environment.globals = {"byline": html.byline, "day": html.day, "sentence": html.sentence, "counted": counted}
    environment.globals |= {"number": _number, "signed": _signed}
    return environment


def _number(value: float | None, digits: int) -> Markup:
    """Return a number with this many decimals, or an empty string for None."""
    return Markup("" if value is None else f"{value:.{digits}f}")  # noqa: S704 - a number


def _signed(value: float) -> Markup:
    return Markup(f"{value:+.3f}")  # noqa: S704 - a number


def _folder(package: str) -> Path:
    return Path(__file__).parent / package
