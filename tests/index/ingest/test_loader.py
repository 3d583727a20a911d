"""Files become articles."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from index import Article, LoadError, Skipped, Span
from index.ingest import loader
from index.ingest.loader import load, load_file
from index.parsers.encoding import decode
from index.text.boilerplate import boilerplate_spans


def _write(path: Path, data: str | bytes) -> Path:
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def test_the_text_of_a_txt_file_is_its_decoded_content(tmp_path: Path) -> None:
    content = "Title\r\n\r\nBody — “quoted”. 中文\n"
    article = load_file(_write(tmp_path / "a.txt", content))
    assert article.text == content
    assert article.title == "Title"
    assert (article.source, article.path) == ("a.txt", str(tmp_path / "a.txt"))


def test_markdown_front_matter_gives_title_date_and_source(tmp_path: Path) -> None:
    content = "---\ntitle: 'A: title'\npublished: 2024-02-24\nsource: The Paper\n---\n# Other\n\nBody.\n"
    article = load_file(_write(tmp_path / "a.md", content))
    assert (article.title, article.published, article.source) == ("A: title", "2024-02-24", "The Paper")
    assert article.text == content
    assert article.text[article.boilerplate[0].end :].startswith("# Other")


def test_markdown_front_matter_gives_author_and_language_too(tmp_path: Path) -> None:
    content = "---\nauthors: [Ann Lee, Jo Brandt]\nlanguage: en-GB\ndate: Feb. 24, 2024\n---\n# Title\n\nBody.\n"
    article = load_file(_write(tmp_path / "a.md", content))
    assert (article.author, article.language, article.published) == ("Ann Lee, Jo Brandt", "en", "2024-02-24")


def test_front_matter_with_lists_within_lists_stays_small(tmp_path: Path) -> None:
    doubled = "".join(f"k{n}: &k{n} [*k{n - 1}, *k{n - 1}]\n" for n in range(1, 60))
    content = f"---\nk0: &k0 [x, x]\n{doubled}title: *k59\n---\n# The title\n"
    assert load_file(_write(tmp_path / "a.md", content)).title == "The title"


def test_front_matter_that_merges_itself_again_and_again_is_read_at_once(tmp_path: Path) -> None:
    """Merging would double it with every line; a thousandth of these lines would take longer than anybody waits."""
    doubled = "".join(f"k{n}: &k{n}\n  <<: [*k{n - 1}, *k{n - 1}]\n" for n in range(1, 500))
    content = f"---\nk0: &k0 {{x: 1}}\n{doubled}title: The ferry\n---\nBody.\n"
    assert load_file(_write(tmp_path / "a.md", content)).title == "The ferry"


def test_markdown_without_front_matter_is_named_by_its_heading(tmp_path: Path) -> None:
    assert load_file(_write(tmp_path / "a.md", "Hello\n\n# The title #\n\nBody.")).title == "The title"


@pytest.mark.parametrize(
    "data",
    ["naïve — “é”".encode("utf-8-sig"), "naïve — “é”".encode("utf-16"), "naïve — “é”".encode()],
    ids=["utf-8 with mark", "utf-16", "utf-8"],
)
def test_the_encoding_is_found_out(data: bytes) -> None:
    assert decode(data, "a.txt") == "naïve — “é”"


def test_latin_1_is_read_right() -> None:
    text = "Le café était fermé à cause de la grève générale; les élèves étaient désolés."
    assert decode(text.encode("latin-1"), "a.txt") == text


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("empty.txt", b"", "is empty"),
        ("blank.txt", b" \n\n", "is empty"),
        ("program.txt", b"MZ\x90\x00\x03\x00\x00\x00", "not a text file"),
        ("picture.png", b"\x89PNG", "unsupported format .png"),
        ("broken.md", b"---\ntitle: [unclosed\n---\nBody.\n", "front matter is not valid YAML"),
        ("endless.md", b"---\n" + b"a: b\n" * 10_000 + b"---\nBody.\n", "front matter has 50,000 characters"),
    ],
)
def test_a_bad_file_is_refused_with_a_reason_and_stops_none_of_the_others(
    tmp_path: Path, name: str, data: bytes, reason: str
) -> None:
    _write(tmp_path / name, data)
    _write(tmp_path / "good.txt", "A good article.")
    loaded = list(load([tmp_path]))
    assert [item.title for item in loaded if isinstance(item, Article)] == ["A good article."]
    assert [reason in item.reason for item in loaded if isinstance(item, Skipped)] == [True]


@pytest.mark.parametrize("text", ["\ufeff\u200b", "— … —\n***", "\u3164\u115f", "🚢🚢", "___"], ids=ascii)
def test_a_text_without_letters_or_digits_is_not_an_article(tmp_path: Path, text: str) -> None:
    (skipped,) = load([_write(tmp_path / "a.txt", text)])
    assert isinstance(skipped, Skipped)
    assert "contains no letters or digits" in skipped.reason


def test_a_title_without_a_visible_character_counts_as_missing(tmp_path: Path) -> None:
    front = _write(tmp_path / "a.md", '---\ntitle: "\\u200b\\u3164"\n---\n# The ferry\n\nIt sails.')
    assert load_file(front).title == "The ferry"
    assert load_file(_write(tmp_path / "b.txt", "\u200b\n\u3164\ufe0f\n\nThe ferry\n\nIt sails.")).title == "The ferry"


def test_an_unexpected_error_skips_one_file_and_is_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def failing(text: str, **options: Any) -> list[Span]:
        if "ferry" in text:
            raise IndexError("a bug")
        return boilerplate_spans(text, **options)

    monkeypatch.setattr(loader, "boilerplate_spans", failing)
    with ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("1.txt", "A good article.")
        archive.writestr("2.txt", "The ferry sails.")
        archive.writestr("3.txt", "Another good article.")
    _write(tmp_path / "a.txt", "The ferry sails at noon.")
    _write(tmp_path / "c.txt", "The last article.")
    loaded = list(load([tmp_path]))
    titles = [each.title for each in loaded if isinstance(each, Article)]
    assert titles == ["A good article.", "Another good article.", "The last article."]
    assert [each.reason for each in loaded if isinstance(each, Skipped)] == [
        f"Cannot read {name!r}: an unexpected error occurred."
        for name in (str(tmp_path / "a.txt"), f"{tmp_path / 'b.zip'}!2.txt")
    ]
    assert caplog.text.count("IndexError: a bug") == 2


def test_a_path_that_does_not_exist_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    _write(tmp_path / "good.txt", "A good article.")
    with pytest.raises(LoadError, match="no file or folder"):
        next(load([tmp_path / "good.txt", tmp_path / "missing.txt"]))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_without_permission_is_skipped_with_its_reason(tmp_path: Path) -> None:
    _write(tmp_path / "a.txt", "Text.").chmod(0)
    assert [item.reason for item in load([tmp_path]) if isinstance(item, Skipped)] == [
        f"Cannot read {str(tmp_path / 'a.txt')!r}: Permission denied."
    ]


def test_hidden_files_and_folders_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    _write(tmp_path / ".git" / "a.txt", "Text.")
    _write(tmp_path / ".b.txt", "Text.")
    assert list(load([tmp_path])) == []


def test_linked_folders_and_files_are_read_once(tmp_path: Path) -> None:
    real, docs = tmp_path / "real", tmp_path / "docs"
    real.mkdir()
    docs.mkdir()
    _write(real / "a.txt", "The ferry sails at noon.")
    _write(real / "b.txt", "The tea harvest began.")
    (docs / "folder").symlink_to(real)
    (docs / "again").symlink_to(real)
    (docs / "file.txt").symlink_to(real / "b.txt")
    articles = [each for each in load([docs]) if isinstance(each, Article)]
    assert sorted(each.path for each in articles) == [str(real / "a.txt"), str(real / "b.txt")]


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    _write(tmp_path / "a.txt", "The ferry sails at noon.")
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "outer").symlink_to(tmp_path)
    (tmp_path / "inner" / "self").symlink_to(tmp_path / "inner")
    assert len(list(load([tmp_path]))) == 1


@pytest.mark.parametrize("target", ["missing.txt", "dead.txt"])
def test_a_link_to_nothing_is_skipped_with_its_reason(tmp_path: Path, target: str) -> None:
    (tmp_path / "dead.txt").symlink_to(tmp_path / target)
    (skipped,) = load([tmp_path])
    assert isinstance(skipped, Skipped)
    assert skipped.reason.endswith("dead.txt': it is a link to a file that does not exist.")


def test_the_same_text_is_the_same_article(tmp_path: Path) -> None:
    first, second = _write(tmp_path / "a.txt", "Same text."), _write(tmp_path / "b.txt", "Same text.")
    assert load_file(first).id == load_file(second).id


GERMAN = (
    "Die Brücke über den Fluss ist seit Montag gesperrt. Ingenieure fanden einen Riss in einem Pfeiler, und die Stadt"
    " rechnet bis zum 3. Mai mit Arbeiten. Busse dürfen weiter fahren, aber Autos müssen die Fähre nehmen, die nun alle"
    " zehn Minuten fährt.\n"
)
FRENCH = (
    "Le pont sur la rivière est fermé depuis lundi. Des ingénieurs ont trouvé une fissure dans un pilier, et la ville"
    " prévoit trois semaines de travaux. Les autobus passent encore, mais les voitures doivent prendre le bac.\n"
)


@pytest.mark.parametrize(
    ("name", "content", "language"),
    [
        ("a.txt", GERMAN, "de"),
        ("b.txt", FRENCH, "fr"),
        ("c.html", f"<html lang=en><title>Brücke</title><body><article><p>{GERMAN}</p></article></body></html>", "de"),
        ("d.html", f"<html lang=fr><title>Pont</title><body><article><p>{FRENCH}</p></article></body></html>", "fr"),
        ("e.md", f"---\nlanguage: de-AT\n---\n{GERMAN}", "de"),
        ("f.md", "---\nlanguage: de\n---\nOK.\n", "de"),
        ("g.txt", "12, 13, 14\n", None),
    ],
)
def test_the_language_is_the_declared_one_or_detected(
    name: str, content: str, language: str | None, tmp_path: Path
) -> None:
    assert load_file(_write(tmp_path / name, content)).language == language
