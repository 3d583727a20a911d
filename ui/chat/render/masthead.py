"""The top of the page and the heads of its panels as HTML: who answers from what, and what can be opened. Pure."""

from __future__ import annotations

from ...html import escape
from ...i18n.translate import Say, english

_PANELS = {"past": "Conversations", "shelf": "Articles", "measure": "Evaluation", "choice": "Settings"}


def masthead_html(model: str, articles: int | None, say: Say = english, *, loading: bool = False) -> str:
    """Name of the paper, who answers from what; the number of articles is None while it is not known, and `loading`
    says that the model is not there yet."""
    who = (
        say("Quotes only, no language model")
        if model == "extractive"
        else say("Answers by {model}, checked").format(model=model)
    )
    what = "" if articles is None else _articles(articles, say)
    parts = [escape(part) for part in (who, what) if part]
    if loading:
        parts.append(f'<span class="loading">{say("loading the model…")}</span>')
    buttons = "".join(
        f'<button data-panel="{panel}" aria-expanded="false" aria-controls="{panel}-panel">{say(words)}</button>'
        for panel, words in _PANELS.items()
    )
    new = f'<button data-do="new">{say("New conversation")}</button>'
    return (
        f'<header class="masthead"><h1>citechat</h1><p class="status" role="status">{" · ".join(parts)}</p>'
        f'<nav aria-label="{say("Panels")}">{new}{buttons}</nav></header>'
    )


def heads(say: Say = english) -> list[str]:
    """The heads of the panels, and what stands below the conversations, in the order of the page."""
    past, *others = (head_html(words, say) for words in _PANELS.values())
    return [past, exports_html(say), *others]


def head_html(words: str, say: Say = english) -> str:
    """The head of a panel, with what closes it."""
    return (
        f'<header class="panel-head"><h2 tabindex="-1">{say(words)}</h2>'
        f'<button data-do="close-panel">{say("Close")}</button></header>'
    )


def exports_html(say: Say = english) -> str:
    """What can be had of the conversation that is open."""
    markdown, json = say("Download as Markdown"), say("Download as JSON")
    return (
        f'<p class="exports"><span>{say("This conversation:")}</span> '
        f'<button data-do="markdown">{markdown}</button><button data-do="json">{json}</button></p>'
    )


def _articles(count: int, say: Say) -> str:
    if count == 0:
        return say("no articles")
    return say("1 article") if count == 1 else say("{count} articles").format(count=f"{count:,}")
