"""The top of the page and the heads of its panels as HTML. Pure."""

from __future__ import annotations

from ...i18n.translate import Translate, counted, english
from ...templating import macros

PANELS = {"history": "History", "library": "Articles", "evaluation": "Evaluation", "settings": "Settings"}
"""The panels of the page, each with its title."""

_EXTRACTIVE = "extractive"  # the model that only quotes


def masthead_html(model: str, articles: int | None, translate: Translate = english, *, loading: bool = False) -> str:
    """Return the masthead: the model, the number of articles unless it is unknown, and whether the model is loading."""
    who = translate("Answers by {model}, checked", model=model)
    parts = [translate("Quotes only, no language model") if model == _EXTRACTIVE else who]
    if articles is not None:
        several = counted(translate, articles, "1 article", "{count} articles")
        parts.append(several if articles else translate("no articles"))
    return str(macros("chat", "masthead").masthead(translate, " · ".join(parts), PANELS.items(), loading))


def panel_heads(translate: Translate = english) -> dict[str, str]:
    """Return the head of each panel and the downloads below the history, by the name of their component."""
    template = macros("chat", "masthead")
    heads = {f"{name}_head": str(template.panel_head(translate, title)) for name, title in PANELS.items()}
    return {**heads, "exports": str(template.exports(translate))}


def model_name(model: str, translate: Translate = english) -> str:
    """Return what the settings call a model."""
    return translate("quotes only") if model == _EXTRACTIVE else model
