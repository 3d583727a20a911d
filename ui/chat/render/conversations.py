"""Earlier conversations as a list in HTML, each to be opened, renamed or deleted. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...html import day, escape, one_line
from ...i18n.translate import Say, english

if TYPE_CHECKING:
    from ...persistence.conversations import ConversationSummary


def past_html(listed: Sequence[ConversationSummary], current: str = "", say: Say = english) -> str:
    """The conversations, newest first; `current` is the id of the one that is open. The page's script tells what is
    chosen by `data-do`, and asks again before it deletes."""
    if not listed:
        return f'<p class="empty">{say("No conversation is kept yet. Yours are kept here as you ask.")}</p>'
    return f'<ul class="past">{"".join(_row(each, current, say) for each in listed)}</ul>'


def _row(each: ConversationSummary, current: str, say: Say) -> str:
    title = escape(one_line(each.title, 90)) or say("Without a title")
    is_open = ' aria-current="true"' if each.id == current else ""
    asked = say("1 question") if each.questions == 1 else say("{count} questions").format(count=each.questions)
    name = escape(each.title)
    return (
        f'<li data-id="{escape(each.id)}"><button class="title" data-do="open"{is_open}>{title}</button>'
        f'<input class="name" value="{name}" maxlength="120" aria-label="{say("New name")}" hidden>'
        f'<span class="byline">{asked} · {escape(day(each.changed, say))}</span>'
        f'<span class="tools"><button data-do="rename" aria-label="{say("Rename")}: {title}">{say("Rename")}</button>'
        f'<button data-do="delete" data-sure="{say("Delete for good?")}" aria-label="{say("Delete")}: {title}">'
        f"{say('Delete')}</button></span></li>"
    )
