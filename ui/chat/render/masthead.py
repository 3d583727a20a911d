"""Render the masthead and the panel heads as HTML. Pure functions."""

from __future__ import annotations

from ...i18n.translate import Translate, counted, english
from ...templating import macros

PANELS = {"history": "History", "library": "Articles", "evaluation": "Evaluation", "settings": "Settings"}
"""The titles of the page's panels."""

_EXTRACTIVE = "extractive"  # the model that only quotes articles


def masthead_html(
    model: str,
    articles: int | None,
    translate: Translate = english,
    *,
    loading: bool = False,
    can_log_out: bool = False,
) -> str:
    """Return HTML for the masthead: the model, whether it is loading, and the number of articles if known.

    With `can_log_out`, it has a button to log out.
    """
    who = translate("Answers by {model}, checked", model=model)
    parts = [translate("Quotes only, no language model") if model == _EXTRACTIVE else who]
    if articles is not None:
        several = counted(translate, articles, "1 article", "{count} articles")
        parts.append(several if articles else translate("no articles"))
    template = macros("chat", "masthead")
    return str(template.masthead(translate, " · ".join(parts), PANELS.items(), loading, can_log_out))


def panel_heads(translate: Translate = english) -> dict[str, str]:
    """Return HTML for each panel head and for the downloads below the history, by component name."""
    template = macros("chat", "masthead")
    heads = {f"{name}_head": str(template.panel_head(translate, title)) for name, title in PANELS.items()}
    return {**heads, "exports": str(template.exports(translate))}


def model_name(model: str, translate: Translate = english) -> str:
    """Return the model name shown in the settings."""
    return translate("quotes only") if model == _EXTRACTIVE else model
