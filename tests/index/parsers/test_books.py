"""A book is read chapter by chapter, as its table of contents says."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from books import METADATA, chapter, nav, ncx, write_book

from index import Article, Index, Skipped
from index.ingest.loader import ReadLimits, load, read
from index.parsers.packages.zip_file import Allowance

QUAY = "<h1>The quay</h1><p>The quay of Harrow is 410 metres long.</p>"
CRANE = "<h1>The crane</h1><p>The crane was bought in Gdańsk.</p>"
THREE_WAYS = {
    "EPUB 3": ("nav.xhtml", nav('<li><a href="a.xhtml">The quay</a></li><li><a href="b.xhtml">The crane</a></li>')),
    "EPUB 2": ("toc.ncx", ncx([("The quay", "a.xhtml"), ("The crane", "b.xhtml")])),
    "no table of contents": None,
}


def _articles(path: Path) -> list[Article]:
    return [each for each in load([path]) if isinstance(each, Article)]


def _reasons(path: Path) -> list[str]:
    return [each.reason for each in load([path]) if isinstance(each, Skipped)]


@pytest.mark.parametrize("contents", THREE_WAYS.values(), ids=THREE_WAYS)
def test_each_chapter_is_an_article_with_the_metadata_of_its_book(
    tmp_path: Path, contents: tuple[str, str] | None
) -> None:
    book = write_book(tmp_path / "a.epub", {"a.xhtml": chapter(QUAY), "b.xhtml": chapter(CRANE)}, contents=contents)
    quay, crane = _articles(book)
    assert quay.title == "The Tides of Harrow: The quay"
    assert crane.title == "The Tides of Harrow: The crane"
    assert quay.text == "The quay\n\nThe quay of Harrow is 410 metres long."
    assert crane.text == "The crane\n\nThe crane was bought in Gdańsk."
    for each in (quay, crane):
        assert (each.author, each.source, each.published, each.language) == (
            "Ann Lee",
            "Quay Press",
            "2019-05-04",
            "en",
        )
    assert [each.path for each in (quay, crane)] == [f"{book}!OEBPS/a.xhtml", f"{book}!OEBPS/b.xhtml"]


def test_chapters_follow_the_spine_and_not_the_names_of_their_files(tmp_path: Path) -> None:
    files = {"a.xhtml": chapter(QUAY), "b.xhtml": chapter(CRANE)}
    book = write_book(tmp_path / "a.epub", files, spine=["b.xhtml", "a.xhtml"])
    assert [each.title.partition(": ")[2] for each in _articles(book)] == ["The crane", "The quay"]


def test_a_chapter_in_several_files_is_one_article(tmp_path: Path) -> None:
    files = {"a.xhtml": chapter(QUAY), "a2.xhtml": chapter("<p>It was built in 1904.</p>"), "b.xhtml": chapter(CRANE)}
    book = write_book(tmp_path / "a.epub", files, contents=THREE_WAYS["EPUB 2"])
    assert [each.text.count("built in 1904") for each in _articles(book)] == [1, 0]


def test_chapters_in_one_file_are_several_articles(tmp_path: Path) -> None:
    whole = "<p>A preface.</p><h2 id='q'>The quay</h2><p>It is long.</p><h2><a id='c'/>The crane</h2><p>It is tall.</p>"
    points = [("The quay", "a.xhtml#q"), ("The crane", "a.xhtml#c")]
    book = write_book(tmp_path / "a.epub", {"a.xhtml": chapter(whole)}, contents=("toc.ncx", ncx(points)))
    assert [each.text for each in _articles(book)] == [
        "A preface.",
        "The quay\n\nIt is long.",
        "The crane\n\nIt is tall.",
    ]


def test_a_section_below_a_chapter_does_not_begin_an_article_and_a_part_does_not_either(tmp_path: Path) -> None:
    entries = (
        '<li><a href="p.xhtml">Part One</a><ol><li><a href="a.xhtml">The quay</a>'
        '<ol><li><a href="a.xhtml#s">Its length</a></li></ol></li></ol></li>'
    )
    files = {
        "p.xhtml": chapter("<h1>PART ONE</h1>"),
        "a.xhtml": chapter("<h1>The quay</h1><p>It is old.</p><h2 id='s'>Its length</h2><p>It is 410 metres long.</p>"),
    }
    (article,) = _articles(write_book(tmp_path / "a.epub", files, contents=("nav.xhtml", nav(entries))))
    assert article.title == "The Tides of Harrow: The quay"
    assert article.text == "PART ONE\n\nThe quay\n\nIt is old.\n\nIts length\n\nIt is 410 metres long."


def test_covers_title_pages_and_tables_of_contents_are_not_text(tmp_path: Path) -> None:
    links = "".join(f'<p><a href="a.xhtml#{n}">Chapter the {n}th</a></p>' for n in range(4, 9))
    files = {
        "cover.xhtml": chapter("<p>The cover</p>", kind="cover"),
        "title.xhtml": chapter('<section epub:type="titlepage"><p>A title page</p></section>'),
        "front.xhtml": chapter("<p>A second cover</p>"),
        "old.xhtml": chapter(f"<h1>Contents</h1>{links}"),
        "a.xhtml": chapter(QUAY),
    }
    guide = '<reference type="cover" href="front.xhtml"/>'
    contents = ("nav.xhtml", nav('<li><a href="a.xhtml">The quay</a></li>'))
    book = write_book(tmp_path / "a.epub", files, contents=contents, guide=guide, spine=["nav.xhtml", *files])
    assert [each.text for each in _articles(book)] == ["The quay\n\nThe quay of Harrow is 410 metres long."]


def test_notes_lists_tables_and_exponents_are_kept(tmp_path: Path) -> None:
    body = (
        "<h1>Loads</h1><p>A load of 10<sup>3</sup>&nbsp;kg of CO<sub>2</sub><a epub:type='noteref' href='#n'>1</a>."
        "<br/>It is <b>heavy</b>.</p><ul><li>One <ul><li>Inner</li></ul></li><li><p>Two</p></li></ul>"
        "<table><tr><th>Ship</th><th>Load</th></tr><tr><td><p>Ann</p></td><td>3 t</td></tr></table>"
        "<pre>a  b\n c</pre><aside epub:type='footnote' id='n'><p>1. Measured in May.</p></aside>"
        "<script>hidden()</script><p>AT&amp;T &copy; caf&eacute;</p>"
    )
    (article,) = _articles(write_book(tmp_path / "a.epub", {"a.xhtml": chapter(body)}))
    assert article.text == (
        "Loads\n\nA load of 10³ kg of CO₂[1].\nIt is heavy.\n\n- One\n- Inner\n- Two\n\nShip: Ann | Load: 3 t\n\n"
        "a  b\n c\n\n1. Measured in May.\n\nAT&T © café"
    )


@pytest.mark.parametrize(
    ("metadata", "author", "published"),
    [
        ('<dc:creator opf:role="aut" xmlns:opf="http://www.idpf.org/2007/opf">Ann</dc:creator>', "Ann", None),
        ("<dc:creator>Ann</dc:creator><dc:creator>Jo</dc:creator><dc:date>1851</dc:date>", "Ann, Jo", "1851"),
        ("<dc:date>0101-01-01T00:00:00+00:00</dc:date>", None, None),
        (
            '<dc:date xmlns:o="http://www.idpf.org/2007/opf" o:event="modification">2020-01-01</dc:date>'
            '<dc:date xmlns:o="http://www.idpf.org/2007/opf" o:event="publication">1999-02-03</dc:date>',
            None,
            "1999-02-03",
        ),
    ],
    ids=["role", "two authors", "Calibre's unknown date", "two dates"],
)
def test_authors_and_dates_are_those_of_the_publication(
    tmp_path: Path, metadata: str, author: str | None, published: str | None
) -> None:
    book = write_book(tmp_path / "sea.epub", {"a.xhtml": chapter(QUAY)}, metadata=metadata)
    (article,) = _articles(book)
    assert (article.title, article.source) == ("The quay", "a.xhtml")
    assert (article.author, article.published) == (author, published)


def test_a_page_that_is_not_well_formed_is_read_as_a_browser_reads_it(tmp_path: Path) -> None:
    files = {"a.xhtml": "<html><body><h1>The quay</h1><p>It is <b>long.<p>It is old.</body></html>"}
    (article,) = _articles(write_book(tmp_path / "a.epub", files))
    assert article.text == "The quay\n\nIt is long.\n\nIt is old."


def test_a_book_is_read_in_an_archive_and_by_its_own_name(tmp_path: Path) -> None:
    book = write_book(tmp_path / "a.epub", {"a.xhtml": chapter(QUAY)})
    with zipfile.ZipFile(tmp_path / "week.zip", "w") as archive:
        archive.write(book, "books/a.epub")
    book.unlink()
    assert [each.path for each in _articles(tmp_path / "week.zip")] == [
        f"{tmp_path}/week.zip!books/a.epub!OEBPS/a.xhtml"
    ]


def test_chapters_are_found_and_a_chapter_that_is_gone_is_pruned(index: Index, tmp_path: Path) -> None:
    book = write_book(tmp_path / "a.epub", {"a.xhtml": chapter(QUAY), "b.xhtml": chapter(CRANE)})
    assert index.sync([book]).added == 2
    (hit, *_) = index.search("Where was the crane bought?")
    article = index.article(hit.passage.article_id)
    assert article is not None
    assert article.text[hit.passage.start : hit.passage.end] == hit.passage.text
    assert "Gdańsk" in hit.passage.text
    write_book(book, {"b.xhtml": chapter(CRANE)})
    report = index.sync([book], prune=True)
    assert (report.unchanged, report.pruned) == (1, (f"{book}!OEBPS/a.xhtml",))


# Books that are damaged or mean harm


def test_a_file_that_the_spine_names_and_the_book_lacks_is_skipped_with_its_name(tmp_path: Path) -> None:
    files = {"a.xhtml": chapter(QUAY)}
    book = write_book(tmp_path / "a.epub", files, spine=["gone.xhtml", "a.xhtml", "a.xhtml", "../../etc/passwd"])
    assert len(_articles(book)) == 1
    gone, outside = _reasons(book)
    assert "a.epub!gone.xhtml" in gone
    assert "the book does not contain it" in gone
    assert "…/…/etc/passwd" in outside or "etc/passwd" in outside


def test_entities_that_multiply_or_name_a_file_are_not_resolved(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("the secret")
    many = '<!ENTITY a0 "x">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    page = (
        f'<!DOCTYPE html [{many}<!ENTITY f SYSTEM "file://{secret}">]><html><body><p>Quay &a11; &f;</p></body></html>'
    )
    book = write_book(tmp_path / "a.epub", {"a.xhtml": page, "b.xhtml": chapter(CRANE)})
    texts = [each.text for each in _articles(book)]
    assert any("Gdańsk" in text for text in texts)
    assert all(len(text) < 1_000 and "the secret" not in text for text in texts)


def test_a_book_that_unpacks_to_an_excessive_size_is_refused(tmp_path: Path) -> None:
    bomb = write_book(
        tmp_path / "a.epub", {"a.xhtml": chapter(f"<p>{'x' * 20_000_000}</p>"), "b.xhtml": chapter(CRANE)}
    )
    assert [each.title.partition(": ")[2] for each in _articles(bomb)] == ["The crane"]
    assert "expands to more than 200 times" in _reasons(bomb)[0]
    (skipped,) = read(bomb, limits=ReadLimits(Allowance(10, 1_000_000)))
    assert isinstance(skipped, Skipped)
    assert "more than 1 MB when unpacked" in skipped.reason


def test_a_page_that_is_nested_without_end_is_read_or_refused(tmp_path: Path) -> None:
    deep = "<div>" * 50_000 + "x" + "</div>" * 50_000
    book = write_book(tmp_path / "a.epub", {"a.xhtml": chapter(deep), "b.xhtml": chapter(CRANE)})
    assert "The Tides of Harrow: The crane" in [each.title for each in _articles(book)]


def test_tables_in_tables_are_read_once(tmp_path: Path) -> None:
    deep = "<table><tr><td>a</td><td>" * 60 + "The last cell." + "</td></tr></table>" * 60
    (article,) = _articles(write_book(tmp_path / "a.epub", {"a.xhtml": chapter(deep)}))
    assert article.text == "a | " + "a / " * 59 + "The last cell."


@pytest.mark.parametrize(
    ("others", "reason"),
    [
        ({"META-INF/container.xml": "<container/>"}, "it has no list of its files"),
        ({"META-INF/container.xml": "no XML"}, "as an EPUB book"),
        (
            {
                "META-INF/encryption.xml": '<e><CipherData><CipherReference URI="OEBPS/a.xhtml"/></CipherData></e>',
            },
            "encrypted (DRM)",
        ),
    ],
    ids=["no package", "damaged", "copy protection"],
)
def test_a_book_that_cannot_be_read_is_skipped_with_its_reason(
    tmp_path: Path, others: dict[str, str], reason: str
) -> None:
    whole = write_book(tmp_path / "whole.epub", {"a.xhtml": chapter(QUAY)}, metadata=METADATA)
    with zipfile.ZipFile(whole) as archive, zipfile.ZipFile(tmp_path / "a.epub", "w") as changed:
        parts = {name: archive.read(name) for name in archive.namelist()} | others
        for name, data in parts.items():
            changed.writestr(name, data)
    assert [reason in each for each in _reasons(tmp_path / "a.epub")] == [True]


@pytest.mark.parametrize(
    ("data", "reason"), [(b"no zip", "not a zip archive"), (b"", "not a zip archive")], ids=["text", "empty"]
)
def test_a_file_that_is_not_a_book_is_skipped(tmp_path: Path, data: bytes, reason: str) -> None:
    (tmp_path / "a.epub").write_bytes(data)
    assert [reason in each for each in _reasons(tmp_path / "a.epub")] == [True]
