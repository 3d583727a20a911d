"""The article pane: articles open at a cited passage, or with their overview."""

from __future__ import annotations

import logging
import re
import threading
from collections import OrderedDict

from index import Article, CitechatError, RequestFilter, Span
from rag import Assistant, starter_questions

from ...conversation import Conversation
from ...i18n.translate import Translate, english
from ..render.article import article_html, message_html, opened_html, passage_html
from ..services import Services
from ..session import Action, Visitor

logger = logging.getLogger(__name__)

STARTERS_EACH = 3
"""Number of starter questions about one article."""

_MOST_OVERVIEWS = 200  # number of overviews that are kept
_ID = re.compile(r"\w{1,100}", re.ASCII)
_IN_OVERVIEW = re.compile(r"brief-(\w{1,100})-(\d{1,9})-(\d{1,9})", re.ASCII)


def no_source_yet(translate: Translate = english) -> str:
    """Return the HTML that the page shows before an article is opened."""
    return message_html(
        translate("Sources open here"),
        translate("Ask a question, then select a number such as [1] in the answer to see its source."),
    )


class ArticlePane:
    """The contents of the article pane."""

    def __init__(self, assistant: Assistant, services: Services) -> None:
        self._assistant = assistant
        self._ready = services.ready
        self._overviews: OrderedDict[str, tuple[Span, ...]] = OrderedDict()
        self._lock = threading.Lock()

    def initial(self, visitor: Visitor) -> str:
        """Return the pane of a new conversation: the only article of the index, or a hint if it has none or several.

        While the model is being loaded, this is the hint.
        """
        article_id = self.only_article() if self._ready.is_set() else None
        return no_source_yet(visitor.translate) if article_id is None else self.opened(visitor, article_id)

    def only_article(self) -> str | None:
        """Return the id of the only article in the index, or None if it has none or several."""
        try:
            known = self._assistant.article_metadata()
        except CitechatError as error:
            logger.warning("cannot read the articles: %s", error)
            return None
        return known[0].id if len(known) == 1 else None

    def opened(self, visitor: Visitor, article_id: str) -> str:
        """Return an article with its overview. The id comes from the browser and is used only for a lookup."""
        article = self._assistant.article(article_id) if _ID.fullmatch(article_id) else None
        if article is None:
            return _gone(visitor.translate)
        return opened_html(article, self._overview(article), visitor.translate)

    def starters(self, article_id: str) -> list[str]:
        """Return starter questions about an article; none if they cannot be created, which is only logged."""
        try:
            return starter_questions(self._assistant, STARTERS_EACH, RequestFilter(articles=(article_id,)))
        except Exception as error:
            logger.warning("cannot suggest starter questions: %r", error)
            return []

    def cited(self, visitor: Visitor, conversation: Conversation, target: object) -> str:
        """Return the article that a citation, a hit or a sentence of an overview refers to.

        If the article was removed, the HTML shows the passage; if the answer is gone, a message.
        """
        translate = visitor.translate
        in_overview = _IN_OVERVIEW.fullmatch(target) if isinstance(target, str) else None
        if in_overview is not None:
            return self._sentence(translate, in_overview)
        cited = conversation.cited_passage(target)
        if cited is None:
            return message_html(
                translate("Source not available"),
                translate("The answer that cited it is no longer in this conversation."),
            )
        passage = cited.hit.passage
        article = self._assistant.article(passage.article_id)
        if article is None:
            return passage_html(cited.hit, str(target), cited.evidence, translate)
        return article_html(article, str(target), Span(passage.start, passage.end), cited.evidence, translate)

    def _sentence(self, translate: Translate, found: re.Match[str]) -> str:
        """Return an article at a sentence of its overview."""
        article, start, end = self._assistant.article(found[1]), int(found[2]), int(found[3])
        if article is None or not start < end <= len(article.text):
            return _gone(translate)
        span = Span(start, end)
        if span not in self._overview(article):  # a long one would show the whole article
            return _gone(translate)
        return article_html(article, found[0], span, span, translate)

    def _overview(self, article: Article) -> tuple[Span, ...]:
        """Return the sentences of an article's overview; none if they cannot be found, which is only logged."""
        with self._lock:
            if article.id in self._overviews:
                self._overviews.move_to_end(article.id)
                return self._overviews[article.id]
        try:
            answer = self._assistant.overview(RequestFilter(articles=(article.id,)))
        except Exception as error:
            logger.warning("cannot find an overview: %r", error)
            return ()
        spans = tuple(Span(each.start, each.end) for each in answer.citations if each.article_id == article.id)
        with self._lock:
            self._overviews[article.id] = spans
            if len(self._overviews) > _MOST_OVERVIEWS:
                self._overviews.popitem(last=False)
        return spans


def chosen_article(data: object) -> str | None:
    """Return the id of the article that the user opens from the list, or None for another action."""
    action = Action.parse(data)
    return action.id if action.name == "open" else None


def _gone(translate: Translate) -> str:
    return message_html(translate("Article not available"), translate("It is no longer in the index."))
