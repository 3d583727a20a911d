"""Titles, front matter and what a page shows: as a person would say it."""

from __future__ import annotations

import pytest

from index import LoadError
from index.parsers import extract
from index.text.boilerplate import boilerplate_spans, front_matter


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("## Weekly report\n\nThe lift works again.\n", "Weekly report"),
        ("\n\n### Minutes ###\n\n# Later\n", "Later"),
        ("The lift works again.\n\n## Cost\n\nNothing.\n", "The lift works again."),
        ("\ufeff# With a mark\n\nText.\n", "With a mark"),
        ("---\ntitle: From YAML\n---\n# Heading\n", "From YAML"),
        ('+++\ntitle = "From TOML"\ndate = 2025-03-04\n+++\n\n# Heading\n', "From TOML"),
        ("+++\ntags = ['a']\n+++\n\nNo heading here.\n", "No heading here."),
        ("---\nThe lift works again.\n---\n\nMore text.\n", "---"),
    ],
)
def test_the_title_is_the_one_that_a_person_would_give(text: str, title: str) -> None:
    found = extract(text.encode(), ".md", "a.md")
    assert found.title == title
    assert found.text == text.lstrip("\ufeff")


def test_fields_of_toml_are_read() -> None:
    text = '+++\ntitle = "T"\ndate = 2025-03-04\nauthor = "Ann"\n[more]\na = 1\n+++\nText.\n'
    found = extract(text.encode(), ".md", "a.md")
    assert (found.author, found.published) == ("Ann", "2025-03-04")
    assert [text[span.start : span.end] for span in boilerplate_spans(text, has_front_matter=True)] == [text[:-6]]


@pytest.mark.parametrize("text", ["+++\ntitle = broken\n+++\nText.\n", "---\ntitle: a: b\n---\nText.\n"])
def test_front_matter_that_is_broken_is_an_error(text: str) -> None:
    with pytest.raises(LoadError, match="its front matter is not valid"):
        extract(text.encode(), ".md", "a.md")


@pytest.mark.parametrize(
    "text",
    ["---\nThe lift works.\n---\nMore.\n", "+++\nNo field.\n+++\n", "--- a\ntitle: x\n---\n", "+++ x"],
)
def test_text_between_lines_that_is_no_front_matter_is_part_of_the_story(text: str) -> None:
    assert front_matter(text)[0] == ""


BODY = "<p>The village held its yearly fair on Saturday, and more than two thousand visitors came in the rain.</p>"


def page(body: str, head: str = "<title>Fair report</title>") -> bytes:
    story = f"<main><article>{body}{BODY}</article></main>"
    return f"<html lang=en><head><meta charset=utf-8>{head}</head><body>{story}</body></html>".encode()


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ("<p>The prize was <del>900</del> <ins>700</ins> pounds.</p>", "The prize was 700 pounds."),
        ("<p>The winner was <s>Ted Ash</s> Mary Ash.</p>", "The winner was Mary Ash."),
        ("<p>It cost <strike>5</strike> 6 pounds.</p>", "It cost 6 pounds."),
        ("<p>Water froze at 10<sup>-3</sup> bar, CO<sub>2</sub> rose.</p>", "Water froze at 10⁻³ bar, CO₂ rose."),
        ("<details open><summary>Card?</summary>Only at stall twelve.</details>", "Card?\n\nOnly at stall twelve."),
        ("<p>One day long ago.</p><amp-ad>Buy shoes</amp-ad>", "One day long ago.\n\nThe village"),
        ("<dl><dt>Entry fee</dt><dd>Adults pay seven pounds.</dd></dl>", "- Entry fee: Adults pay seven pounds."),
        ("<dl><dt>Fee:</dt><dd><p>Seven pounds.</p></dd><dd>Five in winter.</dd></dl>", "- Fee: Seven pounds."),
        ("<dl><div><dt>Dogs</dt><dd>Not allowed.</dd></div></dl>", "Dogs: Not allowed."),
        ("<dl><dt>Is it open?</dt><dd>On Sundays only.</dd></dl>", "Is it open?\n- On Sundays only."),
    ],
)
def test_a_page_is_read_as_a_browser_shows_it(body: str, shown: str) -> None:
    text = extract(page(body), ".html", "a.html").text
    assert shown in text
    assert "Buy shoes" not in text


@pytest.mark.parametrize(
    ("head", "title"),
    [
        ("<title>Fair - The Gazette</title>", "The fair"),
        ("<title>The Gazette</title><meta property=og:site_name content='The Gazette'>", "The fair"),
        ("<title>G</title><meta property=og:title content='Fair draws crowd'>", "Fair draws crowd"),
    ],
)
def test_the_title_of_a_page_is_that_of_its_story(head: str, title: str) -> None:
    assert extract(page("<h1>The fair</h1>", head), ".html", "a.html").title == title


@pytest.mark.parametrize("title", ["Just a moment...", "Access Denied", "Before you continue to Search", "Robot check"])
def test_a_check_for_robots_is_no_article(title: str) -> None:
    with pytest.raises(LoadError, match="a check for robots or for consent"):
        extract(page("", f"<title>{title}</title>"), ".html", "a.html")


def test_an_article_with_such_a_title_is_read() -> None:
    assert "yearly fair" in extract(page(BODY * 40, "<title>Access denied: the fair</title>"), ".html", "a.html").text


def test_aliases_do_not_multiply_front_matter() -> None:
    words, many = "b " * 4_000, ",".join(["*a"] * 1_500)
    text = f'---\nx: &a "{words}"\ntitle: [{many}]\nauthor: [{many}]\n---\nText.\n'
    found = extract(text.encode(), ".md", "a.md")
    assert found.title is not None
    assert len(found.title) <= 200


def test_metadata_that_is_too_long_is_left_out() -> None:
    long = '<script type="application/ld+json">' + '"author":{"' * 4_000 + "</script>"
    assert "yearly fair" in extract(page("", f"<title>T</title>{long}"), ".html", "a.html").text
