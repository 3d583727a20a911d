"""Articles are removed by their ids."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import CitechatError
from ..models import Article
from .store import Store
from .token_cache import TokenCache

_SHORTEST = 4  # characters of an id that may stand for it
_NAMED = 5  # candidates that an error names


def remove(store: Store, given: Sequence[str]) -> tuple[tuple[Article, int], ...]:
    """Remove the articles that ids, or beginnings of ids, stand for; all of them, or none where one is wrong.

    Returns the removed articles without their texts, each with its number of passages. Raises `CitechatError` for an id
    that stands for no article or for several.
    """
    with store.writing():
        listed = {article.id: (article, passages) for article, passages in store.listing()}
        articles = [article for article, _ in listed.values()]
        chosen = dict.fromkeys(find_id(written, articles) for written in given)
        manifest = store.manifest()
        tokens = TokenCache.beside(store.path, manifest.key) if manifest else None
        store.remove(*chosen)
        if tokens:
            for id_ in chosen:
                tokens.remove(id_)
            tokens.close()
    return tuple(listed[id_] for id_ in chosen)


def find_id(written: str, articles: Sequence[Article]) -> str:
    """The one id that `written` is, or is the beginning of. Pure.

    Raises `CitechatError` where there is none, or more than one.
    """
    found = [article for article in articles if article.id == written]
    found = found or [article for article in articles if article.id.startswith(written)]
    if found and found[0].id != written and len(written) < _SHORTEST:
        raise CitechatError(
            f"the id {written!r} is too short", f"Give at least its first {_SHORTEST} characters: {_names(found)}."
        )
    if not found:
        raise CitechatError(
            f"no article has the id {written!r}",
            "`citechat articles` lists the ids; their beginnings are enough.",
        )
    if len(found) > 1:
        raise CitechatError(
            f"the id {written!r} stands for {len(found)} articles",
            f"Give more of its characters: {_names(found)}.",
        )
    return found[0].id


def _names(articles: Sequence[Article]) -> str:
    named = [f"{article.id} ({article.title})" for article in articles[:_NAMED]]
    return ", ".join([*named, "…"] if len(articles) > _NAMED else named)
