"""Every format yields the text and metadata of its articles; no file does harm."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path, PurePath

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response
from writers import FERRY, HARBOUR, ORCHARD, TEA, TIDAL, Expectation, message, page, pdf, write_all

from index import Article, LoadError, Skipped
from index.ingest import fetch as web
from index.ingest.loader import load
from index.parsers import extract
from index.parsers.metadata import iso_date, iso_language

Written = tuple[Path, dict[str, Expectation]]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    folder = tmp_path_factory.mktemp("articles")
    return folder, write_all(folder)


@pytest.fixture(scope="module")
def articles(written: Written) -> dict[str, Article]:
    folder, _ = written
    loaded = list(load([folder]))
    assert [item for item in loaded if isinstance(item, Skipped)] == []
    return {str(Path(item.path).relative_to(folder)): item for item in loaded if isinstance(item, Article)}


def _only(loaded: list[Article | Skipped]) -> Article:
    (article,) = loaded
    assert isinstance(article, Article), article
    return article


def _reason(path: Path | str) -> str:
    """Why a file is skipped; it is the only thing that comes of it."""
    (skipped,) = load([path])
    assert isinstance(skipped, Skipped), skipped
    return skipped.reason


def _zip(path: Path, **members: bytes) -> Path:
    return _zip_of(path, members)


def _zip_of(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


# What is taken from each format


def test_every_article_in_a_folder_is_read_whatever_its_format(written: Written, articles: dict[str, Article]) -> None:
    assert articles.keys() == written[1].keys()
    assert len(articles) >= 12


def test_the_words_of_each_are_in_its_text(written: Written, articles: dict[str, Article]) -> None:
    for name, expected in written[1].items():
        assert expected.sentence in " ".join(articles[name].text.split()), name
        for words in expected.answer:
            assert words in articles[name].text, name


_TABLES = (".csv", ".tsv", ".xlsx")  # which have too few words for their language to be detected


def test_each_says_what_its_format_knows_of_it(written: Written, articles: dict[str, Article]) -> None:
    for name, expected in written[1].items():
        article = articles[name]
        facts = (article.title, article.author, article.published, article.language, len(article.pages))
        assert facts == (
            expected.title,
            expected.author,
            expected.published,
            expected.language or (None if name.endswith(_TABLES) else "en"),
            expected.pages,
        ), name
        assert article.source == (expected.source or PurePath(name).name), name


def test_what_is_on_a_page_beside_its_article_is_not_read(articles: dict[str, Article]) -> None:
    text = articles["tidal.html"].text
    assert text == "\n\n".join([TIDAL.title, *TIDAL.paragraphs])


def test_the_pages_of_a_pdf_are_offsets_into_its_text(articles: dict[str, Article]) -> None:
    article = articles["orchard.pdf"]
    starts = [article.text[offset:].split(maxsplit=1)[0] for offset in article.pages]
    assert starts == ["How", "The", "Bees"]


def test_a_sentence_that_goes_on_overleaf_stays_one(articles: dict[str, Article]) -> None:
    article = articles["orchard.pdf"]
    assert "\n\n" not in article.text[article.pages[1] - 2 :]


def test_a_heading_in_a_pdf_is_separated_from_the_text_after_it(articles: dict[str, Article]) -> None:
    assert articles["orchard.pdf"].text.startswith(ORCHARD.title + "\n\nKent lost")


def test_a_chinese_sentence_in_a_pdf_is_not_broken_where_its_line_ends(articles: dict[str, Article]) -> None:
    assert "载有香料和瓷器。" in articles["museum.pdf"].text


def test_a_word_parted_at_the_end_of_a_line_is_joined_where_the_document_has_it_elsewhere(tmp_path: Path) -> None:
    from reportlab.pdfgen.canvas import Canvas

    canvas = Canvas(str(tmp_path / "a.pdf"))
    for number, line in enumerate(["The inspec-", "tor came. An inspector is a long-", "term guest."]):
        canvas.drawString(72, 700 - 14 * number, line)
    canvas.save()
    assert _only(list(load([tmp_path]))).text == "The inspector came. An inspector is a long-term guest.\n"


def test_a_table_keeps_its_position_in_the_document(articles: dict[str, Article]) -> None:
    assert "and a cat.\n\nLamp: Skerry Light | Range: 23 miles\n\nThe lamp" in articles["lighthouse.docx"].text


def test_insertions_in_a_word_document_are_read_and_deletions_are_not(tmp_path: Path) -> None:
    from docx import Document
    from docx.oxml import parse_xml

    space = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    document = Document()
    paragraph = document.add_paragraph("The bridge is ")
    paragraph._p.append(parse_xml(f"<w:ins {space}><w:r><w:t>closed</w:t></w:r></w:ins>"))
    paragraph._p.append(parse_xml(f"<w:del {space}><w:r><w:delText>open</w:delText></w:r></w:del>"))
    document.save(str(tmp_path / "a.docx"))
    assert _only(list(load([tmp_path / "a.docx"]))).text == "The bridge is closed"


def test_a_file_that_says_nothing_of_itself_is_named_by_its_first_line(tmp_path: Path) -> None:
    from docx import Document

    document = Document()
    document.core_properties.title = ""
    document.add_paragraph("A bridge falls\nand nobody is hurt")
    document.save(str(tmp_path / "a.docx"))
    assert _only(list(load([tmp_path]))).title == "A bridge falls"


def test_the_author_and_date_of_a_template_are_not_those_of_a_document(tmp_path: Path) -> None:
    from docx import Document

    document = Document()
    assert document.core_properties.author == "python-docx", "its template has an author, and a date in 2013"
    document.add_paragraph("A bridge falls and nobody is hurt.")
    document.save(str(tmp_path / "a.docx"))
    article = _only(list(load([tmp_path])))
    assert (article.author, article.published) == (None, None)


def test_a_pdf_is_not_titled_by_the_file_it_was_made_from(tmp_path: Path) -> None:
    from dataclasses import replace

    path = tmp_path / "a.pdf"
    pdf(path, replace(HARBOUR, title="Microsoft Word - draft 3.doc"))
    assert _only(list(load([path]))).title.startswith("Microsoft Word - draft 3.doc")  # as its first line says
    pdf(path, replace(HARBOUR, title="draft-3.docx", paragraphs=("Ships wait.",)))
    assert _only(list(load([path]))).title == "draft-3.docx"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (page(TEA, "报", "zh", "utf-8"), TEA.paragraphs[0]),
        (page(TEA, "报", "zh", "gbk"), TEA.paragraphs[0]),
        (page(TEA, "报", "zh", "utf-8").replace(b'<meta charset="utf-8">', b""), TEA.paragraphs[0]),
        (page(TEA, "报", "zh", "utf-8").replace(b'"utf-8"', b'"ascii"'), TEA.paragraphs[0]),
        (page(TEA, "报", "zh", "utf-16"), TEA.paragraphs[0]),
        (b"\xef\xbb\xbf" + page(TEA, "报", "zh", "utf-8").replace(b'"utf-8"', b'"gbk"'), TEA.paragraphs[0]),
        (b'<?xml version="1.0" encoding="utf-8"?>\n' + page(TEA, "报", "zh", "utf-8"), TEA.paragraphs[0]),
        (page(TIDAL, "H", "en", "cp1252").replace(b'"cp1252"', b'"iso-8859-1"'), TIDAL.paragraphs[1]),
    ],
    ids=["declared utf-8", "declared gbk", "not declared", "declared wrongly", "utf-16", "mark", "xml", "latin-1"],
)
def test_the_encoding_of_a_page_is_found_out(tmp_path: Path, data: bytes, text: str) -> None:
    (tmp_path / "a.html").write_bytes(data)
    assert text in _only(list(load([tmp_path]))).text


def test_a_page_with_one_sentence_is_an_article(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("<html><body><p>The ferry sails at nine.</p></body></html>")
    assert _only(list(load([tmp_path]))).text == "The ferry sails at nine."


def test_where_the_source_of_a_page_is_wrapped_its_text_is_not(tmp_path: Path) -> None:
    body = "<p>The ferry to\n   <b>Gozo</b>\nsails at nine.</p>\n\n<p>It takes\nan hour.</p>"
    (tmp_path / "a.html").write_text(f"<html><body><article>\n{body}\n</article></body></html>")
    assert _only(list(load([tmp_path]))).text == "The ferry to Gozo sails at nine.\n\nIt takes an hour."


def test_the_items_of_a_list_stay_together_separated_from_the_prose(tmp_path: Path) -> None:
    body = "<p>The talks bring:</p><ul><li>Shorter shifts</li><li>More pay</li></ul><p>Nobody objected.</p>"
    (tmp_path / "a.html").write_text(f"<html><body><article>{body}</article></body></html>")
    text = "The talks bring:\n\n- Shorter shifts\n- More pay\n\nNobody objected."
    assert _only(list(load([tmp_path]))).text == text


def test_a_message_that_is_only_a_page_is_read_as_a_page(tmp_path: Path) -> None:
    mail = message(FERRY, with_page=True, with_text=False)
    (tmp_path / "a.eml").write_bytes(mail.as_bytes())
    assert _only(list(load([tmp_path]))).text == "\n\n".join(FERRY.paragraphs)


def test_a_message_of_very_many_nested_parts_is_not_parsed(tmp_path: Path) -> None:
    nested = b"--a\nContent-Type: multipart/mixed; boundary=a\n\n" * 10_000
    (tmp_path / "a.eml").write_bytes(b"Subject: Ships\nContent-Type: multipart/mixed; boundary=a\n\n" + nested)
    (error,) = load([tmp_path])
    assert "more than 100 nested parts" in str(error)


def test_a_message_in_an_unknown_encoding_is_read_by_what_its_bytes_look_like(tmp_path: Path) -> None:
    head = b"Subject: =?utf-8?b?5riv5Y+j?=\r\nContent-Type: text/plain; charset=x-none\r\n\r\n"
    (tmp_path / "a.eml").write_bytes(head + "“Ships wait,” he said.\r\n".encode())
    article = _only(list(load([tmp_path])))
    assert (article.title, article.text) == ("港口", "“Ships wait,” he said.\n")


def test_an_archive_inside_an_archive_is_read(tmp_path: Path) -> None:
    inner = _zip(tmp_path / "inner.zip", **{"a.txt": b"The ferry sails."}).read_bytes()
    _zip_of(tmp_path / "outer.zip", {"old/inner.zip": inner})
    (tmp_path / "inner.zip").unlink()
    article = _only(list(load([tmp_path])))
    assert article.path == f"{tmp_path}/outer.zip!old/inner.zip!a.txt"


def test_a_mailbox_inside_an_archive_is_read(tmp_path: Path, written: Written) -> None:
    _zip_of(tmp_path / "a.zip", {"courier.mbox": (written[0] / "courier.mbox").read_bytes()})
    assert [item.path for item in load([tmp_path])] == [
        f"{tmp_path}/a.zip!courier.mbox!1",
        f"{tmp_path}/a.zip!courier.mbox!2",
    ]


@pytest.mark.parametrize(
    ("written", "iso"),
    [
        ("24 February 2024", "2024-02-24"),
        ("Feb. 24, 2024", "2024-02-24"),
        ("Saturday, February 24th, 2024", "2024-02-24"),
        ("Sept. 3, 2023", "2023-09-03"),
        ("2024年2月24日", "2024-02-24"),
        ("2024/02/24", "2024-02-24"),
        ("2024-02-24", "2024-02-24"),
        ("20240224", "2024-02-24"),
        ("2024-02-24 08:30", "2024-02-24T08:30:00"),
        ("2024-02-24T08:30:00Z", "2024-02-24T08:30:00+00:00"),
        ("03/02/2024", "03/02/2024"),
        ("spring 2024", "spring 2024"),
        ("31 February 2024", "31 February 2024"),
        (2024, "2024"),
        ("", None),
        (None, None),
    ],
)
def test_a_date_is_put_in_iso_form_where_the_day_is_certain(written: object, iso: str | None) -> None:
    assert iso_date(written) == iso


@pytest.mark.parametrize(
    ("written", "code"),
    [("en", "en"), ("en-GB", "en"), ("zh_CN", "zh"), ("EN", "en"), ("English", None), ("", None), (None, None)],
)
def test_a_language_is_two_letters(written: object, code: str | None) -> None:
    assert iso_language(written) == code


# Files that are damaged, or mean harm


def _encrypted_pdf(path: Path, password: str, owner: str) -> Path:
    from pypdf import PdfReader, PdfWriter

    pdf(path, HARBOUR)
    writer = PdfWriter(PdfReader(path))
    writer.encrypt(password, owner, algorithm="AES-256")
    writer.write(path)
    return path


def test_a_pdf_that_needs_a_password_is_skipped_with_that_reason(tmp_path: Path) -> None:
    path = _encrypted_pdf(tmp_path / "a.pdf", "secret", "owner")
    assert _reason(path) == f"Cannot read {str(path)!r}: the file is encrypted."


def test_a_pdf_that_is_encrypted_but_opens_without_a_password_is_read(tmp_path: Path) -> None:
    article = _only(list(load([_encrypted_pdf(tmp_path / "a.pdf", "", "owner")])))
    assert HARBOUR.paragraphs[0] in " ".join(article.text.split())


def test_a_scanned_pdf_is_skipped_with_that_reason(tmp_path: Path) -> None:
    from reportlab.pdfgen.canvas import Canvas

    canvas = Canvas(str(tmp_path / "a.pdf"))
    canvas.rect(100, 100, 200, 200, fill=1)
    canvas.save()
    assert "its 1 page(s) contain no text" in _reason(tmp_path / "a.pdf")


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9])
def test_a_truncated_pdf_gives_an_article_or_a_reason(tmp_path: Path, share: float) -> None:
    pdf(tmp_path / "a.pdf", ORCHARD, page_breaks=True)
    data = (tmp_path / "a.pdf").read_bytes()
    (tmp_path / "a.pdf").write_bytes(data[: int(len(data) * share)])
    (item,) = load([tmp_path])
    assert isinstance(item, Article) or "a.pdf" in item.reason


def test_a_pdf_that_takes_too_long_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("index.parsers.pdf.content._TIME_LIMIT", -1.0)
    pdf(tmp_path / "a.pdf", ORCHARD)
    with pytest.raises(LoadError, match="takes more than"):
        extract((tmp_path / "a.pdf").read_bytes(), ".pdf", "a.pdf")


@pytest.mark.parametrize(
    "name",
    [
        *("orchard.pdf", "lighthouse.docx", "trams.pptx", "library.odt", "observatory.rtf", "dykes.epub", "week.zip"),
    ],
)
def test_a_file_with_bytes_changed_anywhere_never_stops_the_others(written: Written, tmp_path: Path, name: str) -> None:
    data = bytearray((written[0] / name).read_bytes())
    for at in range(0, len(data), 97):
        data[at] ^= 0x55
    (tmp_path / name).write_bytes(data)
    (tmp_path / "good.txt").write_text("A good article.")
    assert "A good article." in [item.title for item in load([tmp_path]) if isinstance(item, Article)]


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.pdf", b"no pdf at all", "as PDF"),
        ("a.docx", b"no zip at all", "it is not a .docx document"),
        ("a.docx", b"PK\x03\x04 and then nothing", "damaged, or not a zip archive"),
        ("a.odt", b"no zip at all", "it is not an OpenDocument text"),
        ("a.rtf", b"no rich text", "it is not rich text"),
        ("a.eml", b"no message", "it has no sender, subject or date"),
        ("a.mbox", b"no mailbox", "contains no messages"),
        ("a.mbox", b"", "contains no messages"),
        ("a.zip", b"no zip", "damaged, or not a zip archive"),
        ("a.zip", b"", "damaged, or not a zip archive"),
        ("a.html", b"", "is empty"),
        ("a.html", b"<html><script>" + b"x = 1;" * 100_000 + b"</script></html>", "has no text besides navigation"),
        ("a.html", b"<html><body>" + b"<div>" * 1_900_000, "has no text besides navigation"),
        ("a.html", b"<html><body>" + b"<p>x</p>" * 2_000_000, "larger than 10 MB"),
        ("a.html", b"\x00" * 1000, "is not a text file"),
        ("a.doc", b"\xd0\xcf\x11\xe0", "unsupported format .doc"),
        ("a", b"text", "it has no file extension"),
    ],
)
def test_a_hostile_file_is_skipped_with_its_reason(tmp_path: Path, name: str, data: bytes, reason: str) -> None:
    (tmp_path / name).write_bytes(data)
    assert reason in _reason(tmp_path / name)


def test_deep_nesting_is_handled(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_bytes(b"<html><body>" + b"<div><blockquote>" * 400_000 + b"The ferry sails at nine.")
    assert len(list(load([tmp_path]))) == 1


def test_a_zip_bomb_is_skipped_before_it_is_unpacked(tmp_path: Path) -> None:
    _zip_of(tmp_path / "a.zip", {"bomb.txt": b"0" * 30_000_000})
    assert "expands to more than 200 times its compressed size" in _reason(tmp_path / "a.zip")


def test_a_word_document_that_is_a_bomb_is_skipped(tmp_path: Path) -> None:
    _zip_of(tmp_path / "a.docx", {"word/document.xml": b"<w/>" + b" " * 30_000_000})
    assert "expands to more than 200 times its compressed size" in _reason(tmp_path / "a.docx")


def test_an_archive_of_too_many_files_is_skipped_as_a_whole(tmp_path: Path) -> None:
    _zip_of(tmp_path / "a.zip", {f"{number}.txt": b"x" for number in range(10_001)})
    assert "contains more than 10,000 files" in _reason(tmp_path / "a.zip")


def test_archives_inside_archives_end_at_the_second(tmp_path: Path) -> None:
    data = b"The ferry sails."
    name = "a.txt"
    for depth in range(3):
        data, name = _zip_of(tmp_path / "made", {name: data}).read_bytes(), f"{depth}.zip"
    (tmp_path / "a.zip").write_bytes(data)
    assert "nested too deeply" in _reason(tmp_path / "a.zip")


def test_a_member_whose_path_leads_out_of_its_archive_is_skipped_and_the_others_are_read(tmp_path: Path) -> None:
    names = ["../../escaped.txt", "/etc/absolute.txt", "C:\\windows.txt", "fine.txt"]
    _zip_of(tmp_path / "a.zip", dict.fromkeys(names, b"The ferry sails."))
    loaded = list(load([tmp_path / "a.zip"]))
    assert [Path(item.path).name for item in loaded if isinstance(item, Article)] == ["a.zip!fine.txt"]
    reasons = [item.reason for item in loaded if isinstance(item, Skipped)]
    assert len(reasons) == 3
    assert all("leads out of the archive" in reason for reason in reasons)
    assert all(".." not in item.path for item in loaded)


def test_a_member_without_a_name_is_passed_over(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(zipfile.ZipInfo(""), "The hen laid an egg.")
        archive.writestr("a.txt", "The ferry sails.")
    assert _only(list(load([tmp_path]))).text == "The ferry sails."


def test_a_file_whose_name_is_not_text_is_skipped(tmp_path: Path) -> None:
    try:
        (tmp_path / os.fsdecode(b"caf\xe9.txt")).write_text("The ferry sails.")
    except OSError:
        pytest.skip("this file system has no such names")
    reason = _reason(tmp_path)
    assert "its name is not valid UTF-8" in reason
    assert reason.encode()


def test_names_in_an_archive_cannot_control_a_terminal(tmp_path: Path) -> None:
    _zip_of(tmp_path / "a.zip", {"\x1b[2Ja.txt": b"The ferry sails."})
    assert _only(list(load([tmp_path]))).path.isprintable()


def test_an_archive_that_needs_a_password_says_so(tmp_path: Path) -> None:
    path = _zip_of(tmp_path / "a.zip", {"a.txt": b"The ferry sails."})
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1  # the mark of an encrypted member
    path.write_bytes(data)
    assert "needs a password" in _reason(path)


def test_a_bomb_of_entities_in_an_odt_stays_small(tmp_path: Path) -> None:
    entities = '<!ENTITY a0 "x">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    xml = f"<!DOCTYPE x [{entities}]><x>&a11;</x>".encode()
    _zip_of(tmp_path / "a.odt", {"content.xml": xml})
    assert "a.odt" in _reason(tmp_path / "a.odt")


def test_links_in_a_circle_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "outer").symlink_to(tmp_path)
    (tmp_path / "round.txt").symlink_to("round.txt")
    (tmp_path / "a.txt").write_text("The ferry sails.")
    article, skipped = load([tmp_path])
    assert isinstance(article, Article)
    assert article.title == "The ferry sails."
    assert "round.txt': it is a link to a file that does not exist" in str(skipped)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.txt")
    assert list(load([tmp_path])) == []
    assert "it is not a regular file" in _reason(tmp_path / "a.txt")


def test_libraries_print_nothing_to_the_terminal(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    import logging

    pdf(tmp_path / "a.pdf", ORCHARD)
    data = (tmp_path / "a.pdf").read_bytes()
    (tmp_path / "a.pdf").write_bytes(data[: len(data) // 2])
    (tmp_path / "b.html").write_text("<html></html>")
    root = logging.getLogger()
    handlers, root.handlers = root.handlers, []  # as where no logging was set up: warnings go to the terminal
    try:
        list(load([tmp_path]))
    finally:
        root.handlers = handlers
    assert capfd.readouterr() == ("", "")


def test_the_libraries_are_not_imported_until_a_file_needs_them() -> None:
    libraries = ("docx", "feedparser", "httpx", "lxml", "mailbox", "pptx", "pypdf", "striprtf", "trafilatura", "yaml")
    code = f"import sys, index; print([name for name in {libraries!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300)
    assert done.stdout.strip() == "[]"


# Web addresses


def test_a_web_address_is_fetched_and_read_as_a_page(httpserver: HTTPServer) -> None:
    body = page(TIDAL, "The Hebrides Herald", "en")
    httpserver.expect_request("/tide").respond_with_data(body, content_type="text/html")
    article = _only(list(load([httpserver.url_for("/tide")])))
    assert (article.title, article.source, article.published) == (TIDAL.title, "The Hebrides Herald", TIDAL.day)
    assert article.path == httpserver.url_for("/tide")


def test_the_server_says_what_format_it_sends(httpserver: HTTPServer, tmp_path: Path) -> None:
    pdf(tmp_path / "a.pdf", ORCHARD, page_breaks=True)
    httpserver.expect_request("/report").respond_with_data(
        (tmp_path / "a.pdf").read_bytes(), content_type="application/pdf"
    )
    article = _only(list(load([httpserver.url_for("/report")])))
    assert (article.title, len(article.pages), article.source) == (ORCHARD.title, 3, "127.0.0.1")


def test_the_encoding_that_the_server_names_holds(httpserver: HTTPServer) -> None:
    text = "港口三月创下纪录。"
    httpserver.expect_request("/a.txt").respond_with_data(text.encode("gbk"), content_type="text/plain; charset=gbk")
    assert _only(list(load([httpserver.url_for("/a.txt")]))).text == text


def test_a_page_that_is_sent_compressed_is_read(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/").respond_with_data(
        gzip.compress(page(TIDAL, "Herald", "en")), content_type="text/html", headers={"Content-Encoding": "gzip"}
    )
    assert _only(list(load([httpserver.url_for("/")]))).title == TIDAL.title


def test_a_redirect_is_followed_and_the_article_keeps_the_address_that_was_given(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/old").respond_with_response(Response(status=301, headers={"Location": "/new"}))
    httpserver.expect_request("/new").respond_with_data(page(TIDAL, "Herald", "en"), content_type="text/html")
    assert _only(list(load([httpserver.url_for("/old")]))).path == httpserver.url_for("/old")


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://example.org/a.txt", "/again"])
def test_a_redirect_to_anything_but_the_web_or_in_a_circle_is_refused(httpserver: HTTPServer, target: str) -> None:
    httpserver.expect_request("/again").respond_with_response(Response(status=302, headers={"Location": target}))
    assert "Cannot fetch" in _reason(httpserver.url_for("/again"))


@pytest.mark.parametrize(
    ("status", "kind", "data", "reason"),
    [
        (404, "text/html", b"<p>Not here</p>", "the server answered 404"),
        (500, "text/html", b"", "the server answered 500"),
        (200, "image/png", b"\x89PNG", "unsupported content type 'image/png'"),
        (200, "text/html", b"", "is empty"),
        (200, "application/pdf", b"<html>", "as PDF"),
    ],
)
def test_an_address_that_gives_no_article_says_why(
    httpserver: HTTPServer, status: int, kind: str, data: bytes, reason: str
) -> None:
    httpserver.expect_request("/a").respond_with_data(data, status=status, content_type=kind)
    assert reason in _reason(httpserver.url_for("/a"))


def test_an_unreachable_address_is_skipped() -> None:
    assert "Cannot fetch" in _reason("http://127.0.0.1:1/a.html")
    assert "Cannot fetch" in _reason("http://nowhere.invalid/a.html")
    assert "Cannot fetch" in _reason("http://[::bad/a.html")


def test_what_is_too_large_is_not_taken_in(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "_LARGEST", 100_000)
    httpserver.expect_request("/large").respond_with_data(b"x" * 200_000, content_type="text/plain")
    httpserver.expect_request("/bomb").respond_with_data(
        gzip.compress(b"x" * 2_000_000), content_type="text/plain", headers={"Content-Encoding": "gzip"}
    )
    assert "larger than" in _reason(httpserver.url_for("/large"))
    assert "larger than" in _reason(httpserver.url_for("/bomb"))


def test_a_server_that_drips_is_left_in_time(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "TIME_LIMIT", 0.3)

    def drip(_: Request) -> Response:
        import time

        def parts() -> object:
            for _ in range(3000):
                time.sleep(0.05)
                yield b"x"

        return Response(parts(), content_type="text/plain")  # type: ignore[arg-type]

    httpserver.expect_request("/drip").respond_with_handler(drip)
    assert "no complete response within 0.3 seconds" in _reason(httpserver.url_for("/drip"))


def test_one_dead_address_does_not_stop_the_rest(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("The ferry sails.")
    loaded = list(load(["http://127.0.0.1:1/", tmp_path]))
    assert [type(item) for item in loaded] == [Skipped, Article]


def test_a_member_is_read_from_memory_alone(tmp_path: Path) -> None:
    """An archive that is truncated in a member loses that member, not the rest."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.txt", "The ferry sails.")
        archive.writestr("b.txt", "The hen laid an egg.")
    data = bytearray(buffer.getvalue())
    data[data.index(b"ferry")] ^= 0xFF  # its checksum no longer fits
    (tmp_path / "a.zip").write_bytes(data)
    loaded = list(load([tmp_path]))
    assert [type(item) for item in loaded] == [Skipped, Article]
