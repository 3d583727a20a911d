"""Questions and answers as HTML, with markers that can be chosen and a word of support after each sentence. Pure."""

from __future__ import annotations

import re

from index import ArticleFilter
from rag import Answer, Sentence

from ...conversation import Conversation, Exchange
from ...html import SUPPORT_LABELS, escape, one_line, outlet
from ...i18n.translate import Say, english
from .sources import nearest_html, passages, pointing_at, sources_html

MOST_SHOWN = 20
"""Questions that the chat window shows at a time, the last ones: whatever changes, all that it shows is sent and drawn
anew."""

_SUPPORT_HELP = {
    "quoted": "The article says this word for word",
    "supported": "The article says this in other words",
    "weak": "The article says this only in part",
    "unsupported": "No cited passage says this",
}

_MARKER = re.compile(r"\[(\d{1,4})\]", re.ASCII)
_BOLD = re.compile(r"\*\*([^*\n]+)\*\*")
_LIST_ITEM = re.compile(r"\s*(?:&#45;|&#42;|•|[0-9]{1,3}&#46;)\s+")


def messages(conversation: Conversation, say: Say = english, *, whole: bool = False) -> list[dict[str, str]]:
    """The conversation as the chat window takes it: the last questions and, unless it is to be `whole`, above them how
    many there are before."""
    shown: list[dict[str, str]] = []
    earlier = 0 if whole else max(0, len(conversation.exchanges) - MOST_SHOWN)
    if earlier:
        words = say("Show earlier questions: {count}").format(count=earlier)
        button = f'<button class="act" id="act-earlier-1">{words}</button>'
        shown.append({"role": "assistant", "content": f'<p class="earlier">{button}</p>'})
    for turn, exchange in enumerate(conversation.exchanges[earlier:], start=earlier + 1):
        shown.append({"role": "user", "content": question_html(exchange.question)})
        shown.append({"role": "assistant", "content": exchange_html(exchange, turn, say)})
    return shown


def question_html(question: str) -> str:
    """A question as it was typed."""
    return f'<div class="question">{"<br>".join(escape(line) for line in question.strip().splitlines())}</div>'


def exchange_html(exchange: Exchange, turn: int, say: Say = english) -> str:
    """The reply to one question: the answer so far, why it ends where it does, and what can be done with it."""
    parts = []
    ended = exchange.error is not None or exchange.stopped
    if exchange.answer is not None:
        parts.append(answer_html(exchange.answer, turn, running=not ended, say=say))
    elif not ended:
        parts.append(f'<p class="working">{say("Looking through the articles…")}</p>')
    if exchange.article_filter:
        chosen = escape(one_line(chosen_in_words(exchange.article_filter, say), 200))
        parts.append(f'<p class="note">{say("Asked only of articles: {choice}").format(choice=chosen)}</p>')
    if exchange.stopped:
        parts.append(f'<p class="note">{say("Stopped. What was written so far is kept.")}</p>')
    if exchange.error is not None:
        message, hint = map(say, exchange.error)
        detail = f'<span class="hint">{escape(hint)}</span>' if hint else ""
        parts.append(f'<div class="failure"><strong>{escape(message[:1].upper() + message[1:])}</strong>{detail}</div>')
    if ended or (exchange.answer is not None and exchange.answer.done):
        parts.append(_actions(exchange, turn, say))
    return f'<div class="reply">{"".join(parts)}</div>'


def _actions(exchange: Exchange, turn: int, say: Say) -> str:
    """What a reader can do with a finished exchange. The page's script tells them by their ids."""
    actions = [("edit", say("Edit the question"), "")]
    if exchange.answer is not None and exchange.answer.done and exchange.error is None:
        chosen = {exchange.rating: " chosen"}
        actions = [
            ("copy", say("Copy with sources"), ""),
            ("good", say("Good answer"), chosen.get("good", "")),
            ("bad", say("Bad answer"), chosen.get("bad", "")),
            ("case", say("Add to test set"), ""),
            *actions,
        ]
    buttons = "".join(
        f'<button class="act{mark}" id="act-{what}-{turn}">{"✓ " if mark else ""}{label}</button>'
        for what, label, mark in actions
    )
    return f'<p class="actions">{buttons}</p>'


def chosen_in_words(article_filter: ArticleFilter, say: Say) -> str:
    """A choice of articles in words: outlets as they are shown elsewhere, ticked articles by their number; not yet
    escaped."""
    parts = [
        say("since {day}").format(day=article_filter.since) if article_filter.since else "",
        say("until {day}").format(day=article_filter.until) if article_filter.until else "",
        ", ".join(map(outlet, article_filter.sources)),
        say("{count} ticked").format(count=len(article_filter.articles)) if article_filter.articles else "",
    ]
    return " · ".join(part for part in parts if part)


def answer_html(answer: Answer, turn: int, *, running: bool = True, say: Say = english) -> str:
    """An answer with clickable markers, a word of support after each sentence, and its sources."""
    parts = [_prose(_marked_text(answer, turn, say))]
    writing = running and not answer.done
    if writing and not answer.text:
        found = passages(len(answer.hits), say)
        parts = [f'<p class="working">{say("Reading {passages}…").format(passages=found)}</p>']
    if answer.search_query and answer.search_query.strip() != answer.question.strip():
        query = escape(one_line(answer.search_query))
        parts.append(f'<p class="note">{say("Searched for: {query}").format(query=query)}</p>')
    parts += [f'<p class="note">{escape(one_line(say(note), 400))}</p>' for note in answer.notes]
    parts.append(sources_html(answer, turn, say) if answer.found else nearest_html(answer, turn, say))
    return f'<div class="answer{"" if answer.found else " abstained"}">{"".join(parts)}</div>'


def _marked_text(answer: Answer, turn: int, say: Say) -> str:
    """The answer's text, escaped, with anchors for the markers of finished sentences and a mark after each of those."""
    if not answer.found:
        return _plain(say(answer.text))
    order = {(c.number, c.start, c.end): k for k, c in enumerate(answer.citations, start=1)}
    pieces, position = [], 0
    for sentence in answer.sentences:
        pieces.append(_plain(answer.text[position : sentence.start]))
        places = list(zip(sentence.numbers, sentence.evidence, strict=True))
        at = sentence.start
        # What a quoted sentence says is the article's: a [1] inside it is text, the markers come after it.
        quoted = answer.text.startswith(sentence.text, sentence.start)
        if quoted and sentence.focus:
            pieces.append(_plain(answer.text[at : sentence.focus.start]))
            pieces.append(f"<strong>{escape(answer.text[sentence.focus.start : sentence.focus.end])}</strong>")
            at = sentence.focus.end
        begin = sentence.start + len(sentence.text) if quoted else sentence.start
        for marker in _MARKER.finditer(answer.text, begin, sentence.end):
            number = int(marker[1])
            place = next((place for place in places if place[0] == number), None)
            if place is None:
                continue  # a number that points at nothing stays plain text
            if sum(1 for known, _ in places if known == number) > 1:
                places.remove(place)  # the next marker with this number has its own evidence
            before = answer.text[at : marker.start()]
            # A number never begins a line: it stays with the word that it stands behind.
            pieces.append(_plain(before[:-1] + "\u00a0" if before.endswith(" ") else before))
            where = pointing_at(answer.hits[number - 1], place[1])
            pieces.append(_anchor(turn, order[number, place[1].start, place[1].end], number, where))
            at = marker.end()
        pieces.append(_plain(answer.text[at : sentence.end]))
        pieces.append(_support_mark(sentence, say))
        position = sentence.end
    pieces.append(_plain(answer.text[position:]))
    return "".join(pieces)


def _plain(text: str) -> str:
    """Text of an answer, escaped; the one piece of Markdown that every model writes, `**bold**`, is shown as bold."""
    parts = _BOLD.split(text)  # plain, bold, plain, bold, …
    return "".join(f"<strong>{escape(part)}</strong>" if i % 2 else escape(part) for i, part in enumerate(parts))


def _anchor(turn: int, order: int, number: int, where: str) -> str:
    return f'<a href="#cite-{turn}-{order}" class="cite {where}">&#91;{number}&#93;</a>'


def _support_mark(sentence: Sentence, say: Say) -> str:
    support = sentence.support
    word, help_ = say(SUPPORT_LABELS[support]), say(_SUPPORT_HELP[support])
    if sentence.citation_corrected:
        word = say("{support}, citation moved").format(support=word)
        help_ = say("{help}. The model cited something else, or nothing").format(help=help_)
    return f' <span class="support {support}" title="{help_}">{word}</span>'


def _prose(html: str) -> str:
    """Lines as paragraphs and list items. A blank line would end the HTML block in Markdown, so none is left."""
    paragraphs = []
    for line in html.splitlines():
        item = _LIST_ITEM.match(line)
        if item:
            paragraphs.append(f'<p class="item">{line}</p>' if line[:1].isdigit() else _bullet(line[item.end() :]))
        elif line.strip():
            paragraphs.append(f"<p>{line}</p>")
    return "".join(paragraphs)


def _bullet(line: str) -> str:
    return f'<p class="item">• {line}</p>'
