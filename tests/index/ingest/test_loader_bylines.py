"""Author and date are read from the lines above the story if the format has no metadata."""

from __future__ import annotations

from pathlib import Path

from index.ingest.loader import load_file

TEXT = """The port is closed

By Jane Doe and John Roe, Reuters

Published 24 February 2024, 10:15 GMT

No ship sailed.
"""


def test_a_text_file_has_the_author_and_date_above_its_story(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(TEXT)
    article = load_file(tmp_path / "a.txt")
    assert (article.author, article.published) == ("Jane Doe and John Roe", "2024-02-24")
    assert article.text == TEXT


def test_front_matter_goes_before_them(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(f"---\nauthor: Ann Lee\npublished: 2024-01-01\n---\n{TEXT}")
    article = load_file(tmp_path / "a.md")
    assert (article.author, article.published) == ("Ann Lee", "2024-01-01")
    (tmp_path / "b.md").write_text(f"---\ntitle: Port\n---\n{TEXT}")
    article = load_file(tmp_path / "b.md")
    assert (article.author, article.published) == ("Jane Doe and John Roe", "2024-02-24")
