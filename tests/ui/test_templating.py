"""Templates: every value is escaped as strictly as the chat window needs it, and no template can get round that."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from jinja2 import Environment, UndefinedError, nodes
from jinja2.exceptions import TemplateAssertionError
from markupsafe import Markup

import ui
from ui.html import escape
from ui.templating import _environment, macros

TEMPLATES = sorted((Path(ui.__file__).parent / "chat" / "templates").glob("*.html"))
HOSTILE = "<b>&\"'`${x}{{x}} ![x](http://evil.example) *x*\u202e\x00"


def rendered(source: str, **values: object) -> str:
    return _environment("chat").from_string(source).render(values)


def test_a_value_is_escaped_once_and_markup_is_not() -> None:
    assert rendered("<p>{{ value }}</p>", value=HOSTILE) == f"<p>{escape(HOSTILE)}</p>"
    assert rendered("{{ value }}", value=Markup("<b>x</b>")) == "<b>x</b>"
    assert rendered("{% macro m(x) %}<i>{{ x }}</i>{% endmacro %}{{ m(value) }}", value="<") == "<i>&#60;</i>"


def test_lines_are_joined_without_space_at_a_tag_or_an_expression_and_with_one_elsewhere() -> None:
    assert rendered("<p\n  class='a'>\n  some\n  text\n  {{ 1 }}\n</p>\n\n<p></p>") == (
        "<p class='a'>some text1</p><p></p>"
    )


def test_a_name_that_is_not_given_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        rendered("{{ nothing }}")


@pytest.mark.parametrize("name", ["safe", "join", "format", "replace", "escape", "string"])
def test_filters_that_escape_less_are_missing(name: str) -> None:
    with pytest.raises(TemplateAssertionError):
        rendered("{{ value|" + name + " }}", value="x")


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_of_the_chat_window_joins_texts_outside_the_escaping(path: Path) -> None:
    parsed = Environment(autoescape=True).parse(re.sub(r"\|\w+", "", path.read_text(encoding="utf-8")))
    assert not list(parsed.find_all((nodes.Concat, nodes.Add, nodes.Mod)))


def test_macros_are_found_by_name() -> None:
    assert macros("chat", "library").status("a < b") == '<p class="sum" role="status">a &#60; b</p>'
