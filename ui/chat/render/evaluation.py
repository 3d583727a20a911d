"""The evaluation panel as HTML: progress, result and errors of a run. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from ...html import embedded
from ...i18n.translate import Translate
from ...templating import macros


def progress_html(done: int, count: int, translate: Translate) -> str:
    """Return how many questions are answered."""
    label = translate("{done} of {count} questions answered", done=done, count=count)
    return str(macros("chat", "evaluation").progress(label, done, count))


def summary_html(correct: int, count: int, problems: Sequence[str], translate: Translate) -> str:
    """Return how many answers are correct, and which questions were skipped."""
    return str(macros("chat", "evaluation").summary(translate, correct, count, problems))


def report_html(page: str, translate: Translate) -> str:
    """Return a report in a sandboxed frame; empty for no report."""
    return str(macros("chat", "evaluation").report(translate, Markup(embedded(page)))) if page else ""  # noqa: S704


def failure_html(message: str, hint: str, translate: Translate) -> str:
    """Return an error of a run."""
    return str(macros("chat", "exchange").failure(translate, message, hint, alert=True))
