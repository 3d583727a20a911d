"""Readers add articles and remove them; what they send is kept under names of our own and does no harm."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from drawings import drawn, picture, text_at
from filelock import FileLock
from pytest_httpserver import HTTPServer

from index import Index, StoreError, UploadBudget
from index.ingest import limited, loader, public_addresses
from index.ingest.limited import MOST_LINES
from ui.chat import library as module
from ui.chat.library import (
    KNOWN_TEXT,
    LARGEST_FILE,
    LONGEST_TEXT,
    MOST_FILES,
    STOPPED,
    Library,
    UploadResult,
    safe_name,
)

SHIPS = "The harbour reopened on Monday. Ships came back."
PUBLIC = "93.184.216.34"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "kept"


@pytest.fixture
def library(index: Index, folder: Path) -> Library:
    return Library(index, folder)


@pytest.fixture
def sent(tmp_path: Path) -> Path:
    """The temporary folder of a web framework."""
    path = tmp_path / "sent"
    path.mkdir()
    return path


def write(path: Path, text: str = SHIPS) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def zipped(path: Path, **members: str) -> Path:
    import zipfile

    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(f"{name}.txt", text)
    return path


def compressed(path: Path, text: str) -> Path:
    import zipfile

    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", text)
    return path


def last(states: Iterable[tuple[UploadResult, ...]]) -> tuple[UploadResult, ...]:
    return list(states)[-1]


def kept(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


# Files


def test_the_rows_tell_how_far_each_file_is(library: Library, sent: Path) -> None:
    states = list(library.add_files([write(sent / "a.txt"), write(sent / "b.txt", "Tea is late.")]))
    assert [[row.state for row in rows] for rows in states] == [
        ["waiting", "waiting"],
        ["reading", "waiting"],
        ["added", "waiting"],
        ["added", "reading"],
        ["added", "added"],
    ]
    assert [(row.name, row.articles) for row in states[-1]] == [("a.txt", 1), ("b.txt", 1)]
    assert [row.title for row in library.listing()] == ["Tea is late.", SHIPS]


@pytest.mark.parametrize(
    ("pages", "skipped", "count"),
    [("TPTP", "2, 4", 2), ("PPT", "1–2", 2), ("TT", "", 0)],
    ids=["scans between texts", "scanned covers", "no scans"],
)
def test_the_row_and_the_list_tell_which_pages_have_no_text(
    library: Library, sent: Path, pages: str, skipped: str, count: int
) -> None:
    draws = {"T": text_at(60, 700, [SHIPS]), "P": picture}
    (sent / "a.pdf").write_bytes(drawn(*(draws[page] for page in pages)))
    (row,) = last(library.add_files([sent / "a.pdf"]))
    assert (row.state, row.skipped_pages) == ("added", skipped)
    assert [entry.skipped_pages for entry in library.listing()] == [count]
    (again,) = last(library.add_files([sent / "a.pdf"]))
    assert (again.state, again.skipped_pages) == ("unchanged", skipped)


def test_pages_of_documents_in_an_archive_are_named_with_their_document(library: Library, sent: Path) -> None:
    import zipfile

    with zipfile.ZipFile(sent / "a.zip", "w") as archive:
        archive.writestr("port.pdf", drawn(text_at(60, 700, [SHIPS]), picture))
        archive.writestr("tea.pdf", drawn(text_at(60, 700, ["Tea is late."])))
    (row,) = last(library.add_files([sent / "a.zip"]))
    assert (row.articles, row.skipped_pages) == (2, "a.zip!port.pdf: 2")


def test_an_article_outlives_the_file_that_was_sent(library: Library, index: Index, sent: Path, folder: Path) -> None:
    file = write(sent / "port.txt")
    last(library.add_files([file]))
    file.unlink()
    (article,) = index.articles()
    assert Path(article.path).read_text() == SHIPS
    assert Path(article.path).is_relative_to(folder)
    assert kept(folder)[0].endswith("/port.txt")
    assert index.search("harbour")[0].passage.text == SHIPS


def test_one_bad_file_never_stops_the_rest(library: Library, sent: Path, folder: Path) -> None:
    (sent / "empty.txt").write_text("")
    (sent / "a.exe").write_bytes(b"MZ")
    (sent / "b.pdf").write_bytes(b"no pdf")
    (sent / "large.txt").write_bytes(b"x" * (LARGEST_FILE + 1))
    names = ["empty.txt", "a.exe", "b.pdf", "large.txt", "gone.txt", "good.txt"]
    write(sent / "good.txt")
    rows = last(library.add_files([sent / name for name in names]))
    assert [row.state for row in rows] == ["failed"] * 5 + ["added"]
    told = [row.detail for row in rows]
    assert told[0] == "Cannot index 'empty.txt': it is empty."
    assert told[1] == "Cannot read 'a.exe': unsupported format .exe."
    assert told[2].startswith("Cannot read 'b.pdf' as PDF")
    assert told[3] == "The file is larger than 20 MB."
    assert told[4] == "The upload is incomplete."
    assert all("/" not in each for each in told), "where the server keeps files is not told"
    assert [name.partition("/")[2] for name in kept(folder)] == ["good.txt"]
    assert len(list(folder.iterdir())) == 1, "nothing is left of the others"


def test_too_many_files_are_told_which_were_not_read(
    library: Library, sent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MOST_FILES == 200
    monkeypatch.setattr(module, "MOST_FILES", 2)
    rows = last(library.add_files([write(sent / f"{n}.txt", f"Report {n}.") for n in range(4)]))
    assert [row.state for row in rows] == ["added", "added", "failed", "failed"]
    assert rows[3].detail == "More than 200 files in one upload."
    assert rows[3].hint


def test_the_same_file_again_is_known_under_any_name(library: Library, sent: Path, folder: Path) -> None:
    last(library.add_files([write(sent / "a.txt")]))
    (row,) = last(library.add_files([write(sent / "b.txt")]))
    assert (row.name, row.state, row.detail) == ("b.txt", "unchanged", KNOWN_TEXT)
    assert len(kept(folder)) == 1


def test_a_text_that_is_known_from_elsewhere_is_told_to_be(library: Library, index: Index, sent: Path) -> None:
    index.sync([write(sent / "of-the-command-line.txt")])
    (row,) = last(library.add_files([write(sent / "a.txt")]))
    assert (row.state, row.detail) == ("unchanged", KNOWN_TEXT)
    assert [each.outlets for each in library.listing()] == [("of-the-command-line.txt", "a.txt")]


def test_an_archive_says_how_many_articles_were_in_it_and_what_was_not_read(library: Library, sent: Path) -> None:
    (row,) = last(library.add_files([zipped(sent / "a.zip", one=SHIPS, two="Tea is late.", three="")]))
    assert (row.state, row.articles) == ("added", 2)
    assert row.detail == "Cannot index 'a.zip!three.txt': it is empty."
    (row,) = last(library.add_files([zipped(sent / "b.zip")]))
    assert (row.state, row.detail) == ("failed", "The file contains no article.")


def test_a_file_that_cannot_be_indexed_now_leaves_no_copy_but_one_that_was_there_stays(
    library: Library, index: Index, sent: Path, folder: Path
) -> None:
    last(library.add_files([write(sent / "a.txt")]))
    with FileLock(index.path / ".lock"):
        rows = last(library.add_files([sent / "a.txt", write(sent / "b.txt", "Tea is late.")]))
    assert [row.state for row in rows] == ["failed", "failed"]
    assert "is writing to the index" in rows[0].detail
    assert "Wait until it has finished" in rows[0].hint
    assert [name.partition("/")[2] for name in kept(folder)] == ["a.txt"]
    assert last(library.add_files([sent / "b.txt"]))[0].state == "added"


@pytest.mark.parametrize(
    "error", [OSError("no space left"), RuntimeError("a bug"), StoreError("it is damaged", "Mend.")]
)
def test_whatever_goes_wrong_is_told_and_the_next_file_is_read(
    library: Library, index: Index, sent: Path, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync = index.sync

    def failing(paths: list[Path], **options: Any) -> object:
        if paths[0].name == "a.txt":
            raise error
        return sync(paths, **options)

    monkeypatch.setattr(index, "sync", failing)
    rows = last(library.add_files([write(sent / "a.txt"), write(sent / "b.txt", "Tea is late.")]))
    assert [row.state for row in rows] == ["failed", "added"]
    assert rows[0].detail
    assert rows[0].hint
    assert "bug" not in rows[0].detail


def test_a_disk_that_takes_no_file_is_told(library: Library, sent: Path, folder: Path) -> None:
    folder.write_text("this is no folder")
    (row,) = last(library.add_files([write(sent / "a.txt")]))
    assert (row.state, row.detail) == ("failed", "The server could not save the file.")


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("report.pdf", "report.pdf"),
        ("港口.txt", "港口.txt"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\windows\\system.ini", "system.ini"),
        ("C:\\fakepath\\a.txt", "a.txt"),
        ("..", "article"),
        ("", "article"),
        ("/", "article"),
        (".htaccess", "htaccess"),
        ("...a.txt", "a.txt"),
        ("a.txt. . ", "a.txt"),
        ("a\x00b\nc\x1b[2J\u202e.txt", "abc[2J.txt"),
        ("a\ud800.txt", "a.txt"),
        ("<b>.txt", "_b_.txt"),
        ("a.zip!b.txt", "a.zip_b.txt"),
        ("a.txt:stream", "a.txt_stream"),
        ("con.txt", "_con.txt"),
        ("CON", "_CON"),
        ("nul.tar.gz", "_nul.tar.gz"),
        ("COM1.md", "_COM1.md"),
        ("lpt¹.md", "_lpt¹.md"),
        ("console.txt", "console.txt"),
        ("   .txt", "txt"),
        ("x" * 300 + ".pdf", "x" * 96 + ".pdf"),
        ("a." + "x" * 300, "a." + "x" * 98),
        ("a.p\u202edf", "a.pdf"),
    ],
)
def test_a_name_that_a_stranger_chose_does_no_harm(name: str, safe: str) -> None:
    assert safe_name(name) == safe


def test_a_long_name_in_another_script_fits_a_file_system(library: Library, sent: Path, folder: Path) -> None:
    name = safe_name("港" * 300 + ".txt")
    assert name.endswith("港.txt")
    assert len(name.encode()) <= 200
    assert library._store(b"x", name)[0].is_file()


def test_a_name_with_hostile_parts_is_kept_inside_the_folder(library: Library, sent: Path, folder: Path) -> None:
    hostile = write(sent / "..\\..\\<img src=x>\n!con.txt")
    (row,) = last(library.add_files([hostile]))
    assert (row.name, row.state) == ("_img src=x__con.txt", "added")
    assert [name.partition("/")[2] for name in kept(folder)] == [row.name]
    library.remove([library.listing()[0].id])
    assert kept(folder) == []


# Text


def test_a_pasted_text_is_an_article_with_its_title(library: Library, index: Index) -> None:
    (row,) = last(library.add_text(" The port\nis open ", SHIPS))
    assert (row.name, row.state) == ("The port is open", "added")
    (article,) = index.articles()
    assert (article.title, article.text) == ("The port is open", f"The port is open\n\n{SHIPS}")
    assert library.listing()[0].outlets == ("The port is open.txt",)


def test_a_pasted_text_without_a_title_is_called_by_its_first_line(library: Library, index: Index) -> None:
    (row,) = last(library.add_text("  ", "\n\nThe port\n\nIt is open.\ud800"))
    assert (row.name, row.state) == ("The port", "added")
    assert index.articles()[0].title == "The port"


@pytest.mark.parametrize("title", ["A/B ../../etc", "x" * 5000, "con", "..", "<b>", "\u202e"])
def test_any_title_will_do(library: Library, title: str, folder: Path) -> None:
    (row,) = last(library.add_text(title, SHIPS))
    assert row.state == "added"
    assert kept(folder)[0].count("/") == 1


@pytest.mark.parametrize(
    ("text", "why"),
    [("", "The text is empty"), (" \n", "The text is empty"), ("x" * (LONGEST_TEXT + 1), "longer than 2,000,000 char")],
)
def test_no_text_or_far_too_much_is_refused(library: Library, text: str, why: str, folder: Path) -> None:
    (row,) = last(library.add_text("Title", text))
    assert row.state == "failed"
    assert why in row.detail
    assert not folder.exists()


# Links


@pytest.fixture
def internet(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The beginning of addresses of a public server, which is one of this machine."""
    connect, resolve = public_addresses._connect, public_addresses._resolve
    monkeypatch.setattr(
        public_addresses, "_resolve", lambda host, port: [PUBLIC] if "news" in host else resolve(host, port)
    )
    monkeypatch.setattr(public_addresses, "_connect", lambda ip, port, timeout: connect("127.0.0.1", port, timeout))
    page = "<html><body><article><p>The ferry sails at nine.</p></article></body></html>"
    httpserver.expect_request("/a").respond_with_data(page, content_type="text/html")
    return f"http://news.example:{httpserver.port}"


def test_links_are_off_until_they_are_switched_on(library: Library, internet: str, httpserver: HTTPServer) -> None:
    (row,) = last(library.add_link(f"{internet}/a"))
    assert (row.name, row.state) == (f"{internet}/a", "failed")
    assert "CITECHAT_ALLOW_WEB_LINKS=1" in row.hint
    assert httpserver.log == []


def test_a_public_page_is_added_under_its_address(index: Index, folder: Path, internet: str) -> None:
    library = Library(index, folder, allow_web_links=True)
    (row,) = last(library.add_link(f" {internet.replace('http', 'HTTP')}/a "))
    assert row.state == "added"
    assert index.articles()[0].path == f"{internet}/a"
    assert len(library.remove([library.listing()[0].id])) == 1


@pytest.mark.parametrize("address", ["http://127.0.0.1:{port}/a", "http://localhost:{port}/a", "http://[::1]:{port}/a"])
def test_a_page_of_a_private_network_is_not(
    index: Index, folder: Path, internet: str, httpserver: HTTPServer, address: str
) -> None:
    (row,) = last(Library(index, folder, allow_web_links=True).add_link(address.format(port=httpserver.port)))
    assert row.state == "failed"
    assert "it is not a public web page" in row.detail
    assert httpserver.log == []


@pytest.mark.parametrize(
    "address", ["", "news", "/etc/passwd", "file:///etc/passwd", "http://", "javascript:x", "http://" + "x" * 3000]
)
def test_what_is_no_address_is_refused(index: Index, folder: Path, address: str) -> None:
    (row,) = last(Library(index, folder, allow_web_links=True).add_link(address))
    assert (row.state, row.detail) == ("failed", "This is not a web address.")
    assert len(row.name) <= 130


# Removing


def test_removing_takes_the_article_and_our_copy_and_nothing_else(
    library: Library, index: Index, sent: Path, folder: Path
) -> None:
    elsewhere = write(sent / "mine.txt")
    index.sync([elsewhere])
    last(library.add_files([write(sent / "a.txt"), write(sent / "b.txt", "Tea is late.")]))
    tea, port = library.listing()
    ((article, passages),) = library.remove([port.id])
    assert (article.id, passages) == (port.id, 1)
    assert library.listing() == (tea,)
    assert elsewhere.is_file(), "files elsewhere stay"
    assert [name.partition("/")[2] for name in kept(folder)] == ["b.txt"]
    assert len(list(folder.iterdir())) == 1


def test_an_archive_is_kept_until_the_last_of_its_articles_is_removed(
    library: Library, sent: Path, folder: Path
) -> None:
    last(library.add_files([zipped(sent / "a.zip", one=SHIPS, two="Tea is late.")]))
    one, two = library.listing()
    library.remove([one.id])
    assert len(kept(folder)) == 1
    library.remove([two.id])
    assert kept(folder) == []


def test_only_whole_ids_of_articles_that_are_there_count(library: Library, sent: Path) -> None:
    last(library.add_files([write(sent / "a.txt")]))
    (row,) = library.listing()
    assert library.remove([row.id[:8], "", "*", "../..", None, 7, [row.id], {"id": row.id}]) == ()
    assert library.remove([]) == ()
    assert library.listing() == (row,)
    assert [article.id for article, _ in library.remove(["0" * 16, row.id, row.id])] == [row.id]
    assert library.remove([row.id]) == (), "it is gone already"


def test_nothing_outside_the_folder_is_deleted_whatever_the_index_says(index: Index, tmp_path: Path) -> None:
    beside = tmp_path / "kept-too" / ("0" * 16)
    beside.mkdir(parents=True)
    inside = tmp_path / "kept" / "not-ours"
    inside.mkdir(parents=True)
    files = [
        write(beside / "a.txt"),
        write(inside / "b.txt", "Tea is late."),
        write(tmp_path / "kept" / "c.txt", "Rain."),
    ]
    index.sync(files)
    library = Library(index, tmp_path / "kept")
    assert len(library.remove([row.id for row in library.listing()])) == 3
    assert all(file.is_file() for file in files)


def test_an_empty_index_lists_nothing_and_removes_nothing(library: Library) -> None:
    assert library.listing() == ()
    assert library.remove(["0" * 16]) == ()


def test_the_list_tells_what_is_known_of_an_article(library: Library, sent: Path) -> None:
    head = "---\ntitle: The port\nsource: The Daily\nauthor: Ann Lee\ndate: 2024-02-24\n---\n"
    last(library.add_files([write(sent / "a.md", head + SHIPS)]))
    (row,) = library.listing()
    assert (row.title, row.outlets, row.published, row.author, row.passages) == (
        "The port",
        ("The Daily",),
        "2024-02-24",
        "Ann Lee",
        1,
    )


def test_only_an_indexed_file_that_no_longer_exists_is_gone_and_never_an_upload(
    library: Library, index: Index, folder: Path, sent: Path, tmp_path: Path
) -> None:
    last(library.add_files([write(sent / "ship.txt", "The ship left the port.")]))
    (tmp_path / "own").mkdir()
    files = [write(tmp_path / "own" / f"{name}.txt", f"The {name} came back to the port.") for name in ("gull", "crew")]
    index.sync([tmp_path / "own"])
    (copy,) = folder.rglob("ship.txt")
    write(copy.parent / "other.txt")
    for file in (copy, files[0]):
        file.unlink()
    assert {row.outlets[0]: row.is_gone for row in library.listing()} == {
        "ship.txt": False,
        "gull.txt": True,
        "crew.txt": False,
    }


# Many readers


def test_readers_wait_for_each_other(
    library: Library, index: Index, sent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing, may_go_on = threading.Event(), threading.Event()
    sync = index.sync

    def slowly(paths: list[Path], **options: Any) -> object:
        writing.set()
        assert may_go_on.wait(300)
        return sync(paths, **options)

    monkeypatch.setattr(index, "sync", slowly)
    first: list[UploadResult] = []
    reader = threading.Thread(target=lambda: first.extend(last(library.add_files([write(sent / "a.txt")]))))
    reader.start()
    assert writing.wait(300)
    others = library.add_files([write(sent / "b.txt", "Tea is late.")])
    assert next(others)[0].state == "waiting"
    seen: list[UploadResult] = []
    other = threading.Thread(target=lambda: seen.extend(row for rows in others for row in rows))
    other.start()
    other.join(0.2)
    assert seen == [], "it waits"
    may_go_on.set()
    reader.join(300)
    other.join(300)
    assert first[0].state == "added"
    assert [row.state for row in seen] == ["reading", "added"]


def test_a_reader_who_goes_away_keeps_nobody_waiting(library: Library, sent: Path) -> None:
    gone = library.add_files([write(sent / "a.txt")])
    assert [next(gone)[0].state, next(gone)[0].state] == ["waiting", "reading"]
    assert last(library.add_files([write(sent / "b.txt", "Tea is late.")]))[0].state == "added"


def test_an_index_that_cannot_be_read_is_an_error_of_the_list(library: Library, index: Index) -> None:
    index.path.mkdir()
    (index.path / "chroma.sqlite3").write_text("no database")
    with pytest.raises(StoreError):
        library.listing()
    assert last(library.add_text("", SHIPS))[0].state == "failed"


# Limits of an upload


@pytest.mark.parametrize(
    ("budget", "told"),
    [
        (UploadBudget(articles=2), "it contains more than 2 files"),
        (UploadBudget(unpacked=1_000_000), "it contains more than 1 MB when unpacked"),
        (UploadBudget(characters=10), "The texts of one upload may have 10 characters."),
        (UploadBudget(seconds=0), "The upload was stopped after 0 seconds."),
    ],
)
def test_an_archive_is_limited(library: Library, sent: Path, budget: UploadBudget, told: str) -> None:
    archive = zipped(sent / "a.zip", a=SHIPS, b="Tea is late.", c="Rain. " * 200_000)
    (row,) = last(library.add_files([archive], budget))
    assert row.state == "failed"
    assert told in row.detail
    assert library.listing() == ()


@pytest.mark.parametrize("words", ["Rain fell. ", "The ferry sails at nine. ", "é" * 40 + " "])
def test_the_text_of_a_small_upload_is_limited(
    library: Library, sent: Path, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    monkeypatch.setattr(limited, "MOST_EXPANDED", 5_000)
    text = words * (9_000 // len(words))
    packed = compressed(sent / "a.zip", text)
    (row,) = last(library.add_files([packed]))
    size = packed.stat().st_size
    assert (row.state, row.detail) == ("failed", f"The texts of an upload of {size:,} bytes may have 5,000 characters.")
    assert last(library.add_files([write(sent / "a.txt", text)]))[0].state == "added"


def test_the_text_of_an_upload_is_limited_for_all_its_files(
    library: Library, sent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limited, "MOST_EXPANDED", 5_000)
    files = [compressed(sent / f"{number}.zip", f"Rain {number} fell. " * 140) for number in range(4)]
    assert [row.state for row in last(library.add_files(files))] == ["added", "added", "failed", "failed"]


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"], ids=repr)
def test_the_lines_of_an_upload_are_limited_before_they_are_examined(
    library: Library, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    monkeypatch.setattr(loader, "boilerplate_spans", None)
    (row,) = last(library.add_text("A list", f"a{end}" * MOST_LINES))
    assert (row.state, row.detail) == ("failed", "The texts of one upload may have 200,000 lines.")
    monkeypatch.undo()
    assert last(library.add_text("", f"Tea is late.{end}" * 9, UploadBudget(lines=10)))[0].state == "added"


def test_an_upload_without_letters_and_a_title_without_visible_characters_are_missing(library: Library) -> None:
    (row,) = last(library.add_text("Title", "\ufeff\u200b"))
    assert (row.state, row.detail) == ("failed", "The text contains no letters or digits.")
    (row,) = last(library.add_text("\u200b\u3164", SHIPS))
    assert (row.state, row.name) == ("added", SHIPS)
    assert [(entry.title, entry.passages) for entry in library.listing()] == [(SHIPS, 1)]


def test_a_file_that_fails_does_not_stop_the_others_of_an_archive(
    library: Library, sent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(text: str) -> str | None:
        if "Tea" in text:
            raise ValueError("a bug")
        return None

    monkeypatch.setattr(loader, "byline", failing)
    (row,) = last(library.add_files([zipped(sent / "a.zip", a=SHIPS, b="Tea is late.", c="Rain fell.")]))
    assert (row.state, row.articles) == ("added", 2)
    assert row.detail == "Cannot read 'a.zip!b.txt': an unexpected error occurred."


def test_names_with_quotation_marks_are_quoted_once(library: Library, sent: Path) -> None:
    archive = zipped(sent / "a'b%22 c.zip", **{"/abs": "Rain fell.", "ok": SHIPS})
    (row,) = last(library.add_files([archive]))
    assert row.detail == "Cannot read '/abs.txt' in \"a'b%22 c.zip\": its path leads out of the archive."


def test_the_limits_are_for_all_files_of_an_upload_and_what_was_added_stays(library: Library, sent: Path) -> None:
    files = [write(sent / f"{number}.txt", f"Report {number}.") for number in range(4)]
    rows = last(library.add_files(files, UploadBudget(articles=2)))
    assert [row.state for row in rows] == ["added", "added", "failed", "failed"]
    assert rows[2].detail == "One upload may contain at most 2 articles."
    assert "What was added remains." in rows[3].hint
    assert len(library.listing()) == 2


def test_an_upload_that_is_stopped_keeps_what_was_added(library: Library, index: Index, sent: Path) -> None:
    """It is stopped in the middle of an archive, while the second batch of articles is encoded."""
    budget = UploadBudget()
    archive = zipped(sent / "a.zip", **{f"{number:03}": f"Report {number}." for number in range(200)})
    encode, texts = index.encoder.encode, []

    def stopping(given: Sequence[str]) -> Any:
        texts.extend(given)
        if len(texts) > 128:
            budget.cancellation.request(*STOPPED)
        return encode(given)

    index.encoder.encode = stopping  # type: ignore[method-assign]
    rows = last(library.add_files([archive, write(sent / "b.txt")], budget))
    assert [(row.state, row.articles, row.detail) for row in rows] == [
        ("added", 128, STOPPED[0]),
        ("failed", 0, STOPPED[0]),
    ]
    assert len(library.listing()) == 128
    assert index.search("Report 7.")[0].title == "Report 7."
