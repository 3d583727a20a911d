"""Notes of Obsidian and pages of Notion: their marks are boilerplate, and their titles are those that people see."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from index import Article, Index
from index.ingest.loader import load, load_file
from index.text.notes import is_note, note_spans, shown

ID = "0123456789abcdef0123456789abcdef"


def _marked(text: str) -> list[str]:
    return [text[span.start : span.end] for span in note_spans(text)]


def _article(folder: Path, name: str, text: str) -> Article:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    article = load_file(path)
    assert article.text == text
    return article


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("%% to check %%\nThe quay is long.", ["%% to check %%"]),
        ("The quay is long. %% who says? %%\n", ["%% who says? %%"]),
        ("%%\nTwo lines\n\nof a comment\n%%\nThe quay.", ["%%\nTwo lines\n\nof a comment\n%%"]),
        ("Before.\n![[map.png]]\nAfter.", ["![[map.png]]"]),
        ("![[Ships#Loads|300]]", ["![[Ships#Loads|300]]"]),
        ("#harbour #ships/large\n\nThe quay.", ["#harbour #ships/large"]),
        ("> [!note]\n> The quay.", ["> [!note]"]),
        ("> [!warning]- The crane\n> It is tall.", ["> [!warning]-"]),
        ("The quay is long. ^a1b2c3\nMore.", ["^a1b2c3"]),
    ],
)
def test_what_a_note_does_not_show_is_marked(text: str, marked: list[str]) -> None:
    assert _marked(text) == marked


@pytest.mark.parametrize(
    "text",
    [
        "The share rose by 5%% and fell by 3%%",
        "The quay %% a remark %% is long.",
        "```\n%% a comment of MATLAB %%\n#tag\n```",
        "~~~\n%%\n~~~\n\nText\n\n~~~\n%%\n~~~",
        "See [[Ships]] and ![[map.png]] for more.",
        "# Heading",
        "#1 #2",
        "We are number #one today.",
        "%% never closed\nThe quay is long.",
        "> A quotation [!sic]",
        "2^10 and x ^2",
        "x^a",
    ],
)
def test_what_is_part_of_a_sentence_or_of_code_is_text(text: str) -> None:
    assert _marked(text) == []


def test_marks_are_found_after_the_front_matter_and_in_a_text_of_any_length(tmp_path: Path) -> None:
    text = "---\ntags: [a]\n---\n" + "%%\n" * 100_001 + "The quay is long.\n" + "> " * 100_000 + "[!note\n"
    article = _article(tmp_path, "a.md", text)
    assert all(0 <= span.start < span.end <= len(text) for span in article.boilerplate)
    assert "The quay is long." in shown(text)


def test_comments_are_not_found_and_the_text_beside_them_is(index: Index, tmp_path: Path) -> None:
    text = "The quay of Harrow is 410 metres long.\n\n%% The real length is secret. %%\n\n![[map.png]]\n\nIt is old.\n"
    _article(tmp_path, "quay.md", text)
    index.sync([tmp_path])
    passages = [hit.passage.text for hit in index.search("secret real length of the quay", limit=20)]
    assert any("410 metres" in passage for passage in passages)
    assert not any("secret" in passage or "map.png" in passage for passage in passages)


@pytest.mark.parametrize(
    ("name", "text", "title"),
    [
        ("Harbour dues.md", "The dues rose; see [[Ships]].\n\n# Details\n\nMore.", "Harbour dues"),
        ("Harbour dues.md", "## Summary\n\nSee [[Ships|the ships]].", "Harbour dues"),
        ("Harbour dues.md", "# The dues of 2024\n\nSee [[Ships]].", "The dues of 2024"),
        ("Harbour dues.md", "%% draft %%\n# The dues of 2024\n\nSee [[Ships]].", "The dues of 2024"),
        ("Harbour dues.md", "---\ntitle: Dues\n---\nSee [[Ships]].", "Dues"),
        ("readme.md", "See the study [[1]](https://a.example).\n\n# The study", "The study"),
        ("a.md", "%% secret %%\n#tag\n\nThe dues rose.", "The dues rose."),
        (f"Harbour dues {ID}.md", f"# Harbour dues\n\nCreated: today\n\nSee [Ships](Ships%20{ID}.md).", "Harbour dues"),
        (f"Harbour dues {ID}.md", "Only [[Ships]].", "Harbour dues"),
    ],
)  # fmt: skip
def test_the_title_of_a_note_is_its_heading_or_the_name_of_its_file(
    tmp_path: Path, name: str, text: str, title: str
) -> None:
    assert _article(tmp_path, name, text).title == title


def test_the_properties_of_a_page_of_notion_give_its_author_and_date_and_stay_text(tmp_path: Path) -> None:
    text = (
        "# Harbour dues\n\nStatus: Done\nCreated by: Ann Lee\nCreated time: March 3, 2024 10:15 AM\n"
        "Tags: dues, ships\n\nThe dues rose.\nAuthor: nobody\n"
    )
    article = _article(tmp_path, f"Harbour dues {ID}.md", text)
    assert (article.author, article.published) == ("Ann Lee", "2024-03-03")
    assert (article.title, article.source) == ("Harbour dues", "Harbour dues.md")
    assert "Status: Done" in shown(article.text)
    assert not any("Status" in text[span.start : span.end] for span in article.boilerplate)
    assert _article(tmp_path, "Harbour dues.md", text).author is None, "not a page of Notion"


@pytest.mark.parametrize(
    ("written", "published"),
    [("2024/03/03", "2024-03-03"), ("@March 3, 2024 → March 5, 2024", "2024-03-03"), ("next week", None)],
)
def test_dates_of_notion_are_read_in_each_of_its_forms(tmp_path: Path, written: str, published: str | None) -> None:
    assert _article(tmp_path, f"a {ID}.md", f"# A page\n\nDate: {written}\n\nText.").published == published


def test_front_matter_may_link_to_a_person_and_say_when_a_note_was_created(tmp_path: Path) -> None:
    article = _article(tmp_path, "a.md", '---\nauthor: "[[Ann Lee]]"\ncreated: 2024-03-03\n---\nThe dues rose.')
    assert (article.author, article.published) == ("Ann Lee", "2024-03-03")


def test_an_export_in_an_archive_is_read_with_the_titles_that_people_see(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "Export.zip", "w") as archive:
        archive.writestr(f"Harbour {ID}/Dues {ID}.md", "# Dues\n\nThe dues rose.")
        archive.writestr("Quay!.md", "The quay is old; see [[Ships]].")
        archive.writestr(".obsidian/app.json", "{}")
    (dues, quay) = (each for each in load([tmp_path / "Export.zip"]) if isinstance(each, Article))
    assert (dues.title, dues.source) == ("Dues", "Dues.md")
    assert (quay.title, quay.source) == ("Quay!", "Export.zip!Quay!.md")


def test_a_note_links_to_other_notes() -> None:
    assert is_note("See [[Ships]].")
    assert not is_note("See [Ships](ships.md) and [[1]](https://a.example).")
