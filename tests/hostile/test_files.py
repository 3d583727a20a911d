"""Files that mean harm: each is read as what it is, or refused with its reason, and the file beside it is read."""

from __future__ import annotations

import gzip
import io
import os
import socket
import struct
import sys
import tarfile
import threading
import zipfile
import zlib
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from mutants import originals

from index import Article, LoadError, Skipped
from index.ingest.loader import load, load_file
from index.parsers import FORMATS, extract

SENTENCE = "The ferry sails at nine."


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[bytes]]:
    return originals(tmp_path_factory.mktemp("originals"))


@pytest.fixture
def beside(tmp_path: Path) -> Iterator[Path]:
    """A folder with a good article; it is read whatever else lies there."""
    (tmp_path / "good.txt").write_text("A good article.")
    yield tmp_path
    assert "A good article." in [item.text for item in load([tmp_path]) if isinstance(item, Article)]


def _reasons(path: Path) -> list[str]:
    return [item.reason for item in load([path]) if isinstance(item, Skipped)]


def _texts(path: Path) -> list[str]:
    return [item.text for item in load([path]) if isinstance(item, Article)]


def _read(data: bytes, suffix: str) -> str:
    return extract(data, suffix, f"a{suffix}").text


def _packed(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def _replaced(package: bytes, name: str, data: bytes) -> bytes:
    """An office document with one of its parts exchanged."""
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        members = {each: archive.read(each) for each in archive.namelist()}
    assert name in members
    return _packed({**members, name: data})


# Archives


def test_of_two_members_with_one_name_each_is_read_as_what_it_is(beside: Path) -> None:
    (beside / "a.zip").write_bytes(
        _packed({"a.txt": b"The first.", "b.txt": b"The second."}).replace(b"b.txt", b"a.txt")
    )
    assert sorted(_texts(beside / "a.zip")) == ["The first.", "The second."]


def test_a_member_that_is_larger_than_it_says_gives_no_byte_more(beside: Path) -> None:
    data = bytearray(_packed({"a.txt": b"x" * 5_000_000 + SENTENCE.encode()}))
    place = data.index(b"PK\x01\x02") + 24
    data[place : place + 4] = struct.pack("<I", 100)
    (beside / "a.zip").write_bytes(data)
    items = list(load([beside / "a.zip"]))
    assert all(isinstance(item, Skipped) or len(item.text) <= 100 for item in items)


def test_members_that_lie_over_each_other_are_refused(beside: Path) -> None:
    data = _packed({"a.txt": b"A" * 3000, "b.txt": b"B" * 3000})
    second = data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 1)
    changed = bytearray(data)
    changed[second + 42 : second + 46] = struct.pack("<I", 0)  # the second begins where the first does
    (beside / "a.zip").write_bytes(changed)
    assert all("b.txt" not in item.path or isinstance(item, Skipped) for item in load([beside / "a.zip"]))


def test_an_encrypted_archive_inside_an_archive_says_that_it_needs_a_password(beside: Path) -> None:
    inner = bytearray(_packed({"a.txt": SENTENCE.encode()}))
    inner[inner.index(b"PK\x01\x02") + 8] |= 1
    (beside / "a.zip").write_bytes(_packed({"inner.zip": bytes(inner)}))
    assert ["needs a password" in reason for reason in _reasons(beside / "a.zip")] == [True]


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_way_of_packing_that_has_no_bound_is_refused(beside: Path, method: int) -> None:
    with zipfile.ZipFile(beside / "a.zip", "w", method) as archive:
        archive.writestr("a.txt", SENTENCE)
    assert "unsupported compression" in _reasons(beside / "a.zip")[0]


def test_an_archive_in_an_archive_in_an_archive_ends_though_it_holds_itself(beside: Path) -> None:
    data = _packed({"a.txt": SENTENCE.encode()})
    for _ in range(8):
        data = _packed({"0.zip": data, "1.zip": data})
    (beside / "a.zip").write_bytes(data)
    reasons = _reasons(beside / "a.zip")
    assert 1 <= len(reasons) <= 4
    assert all("nested too deeply" in reason for reason in reasons)


def test_links_devices_and_packed_bombs_of_other_archives_are_never_unpacked(beside: Path) -> None:
    with tarfile.open(beside / "a.tar", "w") as archive:
        for kind, target in ((tarfile.SYMTYPE, "/etc/passwd"), (tarfile.LNKTYPE, "good.txt"), (tarfile.CHRTYPE, "")):
            member = tarfile.TarInfo(f"{kind!r}.txt")
            member.type, member.linkname = kind, target
            archive.addfile(member)
    (beside / "b.gz").write_bytes(gzip.compress(bytes(10_000_000)))
    (beside / "c.zip").write_bytes(_packed({"inner.gz": gzip.compress(bytes(10_000_000)), "a.tar": b"x"}))
    reasons = _reasons(beside)
    assert len(reasons) == 4
    assert all("unsupported format" in reason for reason in reasons)


def test_a_link_in_an_archive_is_the_text_that_it_holds_and_leads_nowhere(beside: Path) -> None:
    member = zipfile.ZipInfo("passwd.txt")
    member.create_system, member.external_attr = 3, 0o120777 << 16
    with zipfile.ZipFile(beside / "a.zip", "w") as archive:
        archive.writestr(member, "/etc/passwd")
    assert _texts(beside / "a.zip") == ["/etc/passwd"]


def test_an_archive_that_is_cut_off_or_has_something_before_it_harms_nothing(beside: Path) -> None:
    data = _packed({"a.txt": SENTENCE.encode()})
    (beside / "cut.zip").write_bytes(data[:-10])
    (beside / "before.zip").write_bytes(b"MZ" + bytes(5000) + data)
    assert "damaged, or not a zip archive" in _reasons(beside / "cut.zip")[0]
    assert _texts(beside / "before.zip") == [SENTENCE]


# PDF


def _pdf(*objects: bytes, trailer: bytes = b"<< /Size 9 /Root 1 0 R >>") -> bytes:
    """A document of these objects, numbered from 1, with a table of where they stand."""
    data, places = b"%PDF-1.7\n", []
    for number, each in enumerate(objects, start=1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, each)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    start = len(data)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    return data + head + table + b"trailer\n" + trailer + b"\nstartxref\n%d\n%%%%EOF" % start


def _streamed(content: bytes, extra: bytes = b"") -> bytes:
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(content), extra, content)


CATALOG, ONE_PAGE = b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>"
PAGE = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>"
FONT = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"


def test_a_pdf_of_ones_own_is_read() -> None:
    content = _streamed(b"BT /F 9 Tf (The ferry sails at nine.) Tj ET")
    assert SENTENCE in _read(_pdf(CATALOG, ONE_PAGE, PAGE, content, FONT), ".pdf")


def test_a_pdf_that_unpacks_without_end_is_refused(beside: Path) -> None:
    bomb = zlib.compress(zlib.compress(bytes(300_000_000), 9), 9)
    content = _streamed(bomb, b"/Filter [/FlateDecode /FlateDecode]")
    (beside / "a.pdf").write_bytes(_pdf(CATALOG, ONE_PAGE, PAGE, content, FONT))
    assert len(_reasons(beside / "a.pdf")) == 1


def test_a_pdf_whose_tables_lead_in_a_circle_is_refused(beside: Path) -> None:
    data = _pdf(CATALOG, ONE_PAGE, PAGE, _streamed(b""), FONT)
    start = data.index(b"xref\n")
    trailer = b"<< /Size 9 /Root 1 0 R /Prev %d >>" % start
    (beside / "a.pdf").write_bytes(_pdf(CATALOG, ONE_PAGE, PAGE, _streamed(b""), FONT, trailer=trailer))
    assert len(_reasons(beside / "a.pdf")) == 1


@pytest.mark.parametrize("kids", [b"[2 0 R]", b"[3 0 R 2 0 R 3 0 R]", b"2 0 R"])
def test_a_pdf_whose_pages_hold_themselves_is_refused(beside: Path, kids: bytes) -> None:
    pages = b"<< /Type /Pages /Kids %s /Count 9 >>" % kids
    (beside / "a.pdf").write_bytes(_pdf(CATALOG, pages, PAGE, _streamed(b""), FONT))
    assert len(_reasons(beside / "a.pdf")) == 1


def test_a_form_that_draws_itself_ends(beside: Path) -> None:
    form = _streamed(
        b"/X Do", b"/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X 4 0 R >> >>"
    )
    page = PAGE.replace(b"/Font << /F 5 0 R >>", b"/XObject << /X 4 0 R >>")
    (beside / "a.pdf").write_bytes(_pdf(CATALOG, ONE_PAGE, page, form, FONT))
    assert len(_reasons(beside / "a.pdf")) == 1


def test_a_pdf_of_ten_thousand_pages_is_refused(beside: Path) -> None:
    pages = b"<< /Type /Pages /Kids [%s] /Count 10000 >>" % (b"3 0 R " * 10_000)
    (beside / "a.pdf").write_bytes(_pdf(CATALOG, pages, PAGE, _streamed(b"BT ET"), FONT))
    (reason,) = _reasons(beside / "a.pdf")
    assert "more than 5,000 pages" in reason or "Cannot read" in reason


# Office documents


SECRET = "the secret of the machine"


@pytest.fixture
def secret(tmp_path: Path) -> str:
    (tmp_path / "secret").write_text(SECRET)
    return (tmp_path / "secret").as_uri()


def test_a_word_document_takes_in_no_file_and_no_page(files: dict[str, list[bytes]], secret: str, beside: Path) -> None:
    (package,) = files[".docx"]
    space = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    body = f"<w:document {space}><w:body><w:p><w:r><w:t>{SENTENCE} &x;</w:t></w:r></w:p></w:body></w:document>"
    for entity in (f'SYSTEM "{secret}"', 'SYSTEM "http://127.0.0.1:1/x"', 'PUBLIC "x" "file:///etc/passwd"'):
        document = f"<!DOCTYPE d [<!ENTITY x {entity}>]>{body}".encode()
        (beside / "a.docx").write_bytes(_replaced(package, "word/document.xml", document))
        assert SECRET not in str(list(load([beside / "a.docx"])))
    outside = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" '
        'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/attachedTemplate" '
        'Target="http://127.0.0.1:1/x" TargetMode="External"/></Relationships>'
    )
    (beside / "a.docx").write_bytes(_replaced(package, "word/_rels/document.xml.rels", outside.encode()))
    assert len(list(load([beside / "a.docx"]))) == 1


def test_an_open_document_takes_in_no_file(files: dict[str, list[bytes]], secret: str, beside: Path) -> None:
    (package,) = files[".odt"]
    names = 'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"'
    names += ' xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"'
    body = f"<office:body><office:text><text:p>{SENTENCE} &x;</text:p></office:text></office:body>"
    content = f'<!DOCTYPE d [<!ENTITY x SYSTEM "{secret}">]><office:document-content {names}>{body}'
    data = _replaced(package, "content.xml", f"{content}</office:document-content>".encode())
    (beside / "a.odt").write_bytes(data)
    assert SECRET not in str(list(load([beside / "a.odt"])))


OFFICE = [(".docx", "word/document.xml"), (".odt", "content.xml"), (".xlsx", "xl/worksheets/sheet1.xml")]


@pytest.mark.parametrize(("suffix", "part"), OFFICE)
def test_entities_that_multiply_are_not_multiplied(
    files: dict[str, list[bytes]], suffix: str, part: str, beside: Path
) -> None:
    entities = '<!ENTITY a0 "x">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    data = _replaced(files[suffix][0], part, f"<!DOCTYPE x [{entities}]><x>&a11;</x>".encode())
    (beside / f"a{suffix}").write_bytes(data)
    assert len(_reasons(beside / f"a{suffix}")) == 1


@pytest.mark.parametrize(("suffix", "part"), OFFICE)
def test_an_office_document_that_is_nested_without_end_is_refused(
    files: dict[str, list[bytes]], suffix: str, part: str, beside: Path
) -> None:
    data = _replaced(files[suffix][0], part, b"<a>" * 100_000 + b"</a>" * 100_000)
    (beside / f"a{suffix}").write_bytes(data)
    assert len(_reasons(beside / f"a{suffix}")) == 1


def test_rich_text_in_a_hundred_thousand_groups_is_read_or_refused(beside: Path) -> None:
    (beside / "a.rtf").write_bytes(b"{\\rtf1 " + b"{" * 100_000 + SENTENCE.encode() + b"}" * 100_000 + b"}")
    (beside / "b.rtf").write_bytes(b"{\\rtf1 " + b"{\\*\\x" * 100_000)
    (beside / "c.rtf").write_bytes(b"{\\rtf1 {\\title " + b"\\\\" * 200_000)
    assert len(list(load([beside / f"{name}.rtf" for name in "abc"]))) == 3


# Web pages and mail


@pytest.mark.parametrize("tag", ["b", "table><tr><td", "ul><li", "blockquote"])
def test_a_page_that_is_nested_a_hundred_thousand_deep_is_no_danger(beside: Path, tag: str) -> None:
    page = f"<html><body><p>{SENTENCE}</p>" + f"<{tag}>" * 100_000 + "x"
    (beside / "a.html").write_text(page)
    assert len(list(load([beside / "a.html"]))) == 1


def test_entities_of_a_page_that_multiply_are_text(beside: Path) -> None:
    entities = '<!ENTITY a0 "x">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    page = f"<!DOCTYPE html [{entities}]><html><body><article><p>{SENTENCE} &a11;</p></article></body></html>"
    (beside / "a.html").write_text(page)
    assert all(len(text) < 10_000 for text in _texts(beside / "a.html"))


def test_what_a_page_hides_in_comments_scripts_and_styles_is_not_read(beside: Path) -> None:
    hidden = "<!-- hidden one --><script>hidden two</script><style>hidden three</style>"
    page = f"<html><body><article>{hidden}<p>{SENTENCE}</p></article></body></html>"
    (beside / "a.html").write_text(page)
    assert _texts(beside / "a.html") == [SENTENCE]


def test_a_message_of_ten_thousand_nested_parts_is_read_or_refused(beside: Path) -> None:
    head = b"Subject: Parts\nFrom: a@b.example\n"
    parts = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(10_000))
    (beside / "a.eml").write_bytes(head + parts + b"Content-Type: text/plain\n\n" + SENTENCE.encode())
    flat = head + b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 10_000 + b"--b--\n"
    (beside / "b.eml").write_bytes(flat)
    assert len(list(load([beside / "a.eml", beside / "b.eml"]))) == 2


def test_a_line_break_in_a_header_adds_no_other_one(beside: Path) -> None:
    head = b"Subject: =?utf-8?q?A=0D=0AFrom=3A_forged=40evil=2Eexample?=\nFrom: Ann <ann@b.example>\n\n"
    (beside / "a.eml").write_bytes(head + SENTENCE.encode())
    (article,) = (item for item in load([beside / "a.eml"]) if isinstance(item, Article))
    assert (article.author, "\n" in article.title) == ("Ann", False)


def test_what_is_attached_to_a_message_is_not_opened(beside: Path) -> None:
    mail = EmailMessage()
    mail["Subject"], mail["From"] = "A file", "ann@b.example"
    mail.set_content(SENTENCE)
    mail.add_attachment(_packed({"a.txt": b"x" * 9}), maintype="application", subtype="zip", filename="../a.zip")
    (beside / "a.eml").write_bytes(mail.as_bytes())
    assert [text.strip() for text in _texts(beside / "a.eml")] == [SENTENCE]


@pytest.mark.parametrize(
    "charset", ["punycode", "idna", "unicode_escape", "raw_unicode_escape", "utf-7", "zlib", "x\0"]
)
def test_an_encoding_that_is_none_of_text_is_not_believed(charset: str, beside: Path) -> None:
    page = f'<html><head><meta charset="{charset}"></head><body><p>{SENTENCE} +2AA- \\ud800</p></body></html>'
    (beside / "a.html").write_text(page)
    (beside / "a.eml").write_text(f"Subject: A\nContent-Type: text/plain; charset={charset}\n\n{SENTENCE} \\ud800\n")
    for path in (beside / "a.html", beside / "a.eml"):
        for item in load([path]):
            assert isinstance(item, Skipped) or "\\ud800" in item.text, path


# Texts


@pytest.mark.parametrize(
    "text",
    [
        "x" * 2_000_000,
        "\u0301" * 200_000 + SENTENCE,
        "👩\u200d👩\u200d👧\u200d👦" * 50_000 + SENTENCE,
        "\u202e\u2066\u2069\u202c" * 50_000 + SENTENCE,
        " ".join(str(number) for number in range(300_000)),
        "\u200b" * 100_000 + SENTENCE,
        "\r" * 200_000 + SENTENCE,
        "[" * 100_000 + "]" * 100_000 + SENTENCE,
    ],
    ids=["one line", "accents", "emoji", "overrides", "numbers", "zero width", "returns", "brackets"],
)
def test_a_text_of_anything_is_read_whole(beside: Path, text: str) -> None:
    (beside / "a.txt").write_bytes(text.encode())
    (item,) = load([beside / "a.txt"])
    assert isinstance(item, Article)
    assert item.text == text
    assert len(item.title) <= 200
    assert "\n" not in item.title


def test_a_title_that_turns_the_line_around_turns_nothing_else_around(beside: Path) -> None:
    (beside / "a.md").write_text('---\ntitle: "good\\u202Etxt.exe\\u2066"\n---\nBody.\n')
    assert [item.title for item in load([beside / "a.md"]) if isinstance(item, Article)] == ["good txt.exe"]


@pytest.mark.parametrize(
    "front",
    [
        "title: " + "[" * 9_000,
        "title: " + "{a: " * 4_000,
        "title: " + "9" * 19_000,
        "title: " + ":".join(["59"] * 6_000),
        "title: !!python/object/apply:os.system ['true']",
        "? " * 9_000,
        "title: &a [*a]",
        "- " * 9_000,
        "title: 1.0e999999999",
        "date: 9999-99-99",
    ],
)
def test_front_matter_that_means_harm_does_none(front: str, beside: Path) -> None:
    (beside / "a.md").write_text(f"---\n{front}\n---\n{SENTENCE}\n")
    (item,) = load([beside / "a.md"])
    assert isinstance(item, Skipped) or len(item.title) <= 200


# Folders


def test_a_link_in_a_folder_is_followed_and_to_nothing_is_told(beside: Path) -> None:
    elsewhere = beside.parent / f"{beside.name}-elsewhere"
    elsewhere.mkdir()
    (elsewhere / "inner.txt").write_text("Inner.")
    (beside / "folder").symlink_to(elsewhere)
    (beside / "broken.txt").symlink_to(beside / "nowhere.txt")
    paths = [item.path for item in load([beside])]
    assert sorted(paths) == sorted(map(str, (beside / "broken.txt", beside / "good.txt", elsewhere / "inner.txt")))


def test_pipes_sockets_and_devices_in_a_folder_are_passed_over(beside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(beside / "pipe.zip")
    (beside / "zero.txt").symlink_to("/dev/zero")
    monkeypatch.chdir(beside)  # the name of a socket must be short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket.txt")
        assert [item.path for item in load([beside])] == [str(beside / "good.txt")]
    for name in ("pipe.zip", "zero.txt", "socket.txt"):
        assert len(_reasons(beside / name)) == 1


def test_a_pipe_that_takes_the_place_of_a_file_is_not_waited_for(beside: Path) -> None:
    os.mkfifo(beside / "a.txt")
    with pytest.raises(LoadError, match="it is not a regular file"):
        load_file(beside / "a.txt")


def test_a_file_that_goes_while_its_folder_is_read_is_told(beside: Path) -> None:
    (beside / "zz.txt").write_text("Gone.")
    (beside / "zz.zip").write_bytes(_packed({"a.txt": b"x"}))
    items = load([beside])
    next(items)
    (beside / "zz.txt").unlink()
    (beside / "zz.zip").unlink()
    reasons = [item.reason for item in items if isinstance(item, Skipped)]
    assert ["No such file" in reason for reason in reasons] == [True, True]


def test_a_file_that_grows_while_it_is_read_is_read_no_further_than_its_limit(
    beside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (beside / "a.txt").write_bytes(b"x" * 2000)
    monkeypatch.setattr(os, "fstat", _smaller(os.fstat))
    from dataclasses import replace

    monkeypatch.setitem(FORMATS, ".txt", replace(FORMATS[".txt"], largest=1000))
    assert "larger than" in _reasons(beside / "a.txt")[0]
    monkeypatch.undo()


def _smaller(fstat: object) -> object:
    """File sizes as they were before somebody wrote more."""

    def told(number: int) -> os.stat_result:
        state = fstat(number)  # type: ignore[operator]
        return os.stat_result((*state[:6], 10, *state[7:]))

    return told


@pytest.mark.parametrize("suffix", [".txt", ".pdf", ".mbox", ".zip", ".html"])
def test_a_file_of_ten_gigabytes_of_nothing_is_refused_unread(beside: Path, suffix: str) -> None:
    with (beside / f"a{suffix}").open("wb") as file:
        try:
            file.truncate(10_000_000_000)
        except OSError:
            pytest.skip("this file system has no files with holes")
    assert len(_reasons(beside / f"a{suffix}")) == 1


@pytest.mark.parametrize("name", ["con.txt", "a:b.txt", "x" * 240 + ".txt", "<b>.txt", "a\nb.txt", "\u202etxt.txt"])
def test_a_file_of_any_name_is_read_and_its_name_is_one_line(beside: Path, name: str) -> None:
    if sys.platform == "win32":
        pytest.skip("this system refuses such names itself")
    (beside / name).write_text(SENTENCE)
    (article,) = (item for item in load([beside / name]) if isinstance(item, Article))
    assert article.title == SENTENCE


def test_several_readers_of_one_hostile_folder_do_not_disturb_each_other(beside: Path) -> None:
    (beside / "a.pdf").write_bytes(b"%PDF-1.7 nothing")
    (beside / "a.zip").write_bytes(_packed({"a.html": f"<p>{SENTENCE}</p>".encode(), "b.pdf": b"%PDF"}))
    counts: list[int] = []
    threads = [threading.Thread(target=lambda: counts.append(len(list(load([beside]))))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [4] * 4
