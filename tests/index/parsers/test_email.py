"""Messages are read as a mail program shows them."""

from __future__ import annotations

from email.message import EmailMessage, MIMEPart
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from index import Article, LoadError
from index.ingest.loader import load
from index.parsers import email, extract
from index.parsers.email import html_text, members_of_mbox
from index.parsers.packages.zip_file import Allowance

PAGE = "<p>The offsite takes place in Lauterbach.</p><p>Gunnar Weil books the rooms for eighteen people.</p>"
SHOWN = "The offsite takes place in Lauterbach.\n\nGunnar Weil books the rooms for eighteen people."


def message(text: str | None = None, page: str | None = None) -> EmailMessage:
    sent = EmailMessage()
    sent["From"], sent["Subject"], sent["Date"] = (
        "Ida Berg <ida@example.org>",
        "Offsite",
        "Tue, 4 Mar 2025 09:12:00 +0100",
    )
    if text is not None:
        sent.set_content(text)
    if page is not None:
        sent.add_alternative(page, subtype="html") if text is not None else sent.set_content(page, subtype="html")
    return sent


def read(sent: MIMEPart) -> str:
    return extract(sent.as_bytes(), ".eml", "a.eml").text.strip()


def article(tmp_path: Path, sent: EmailMessage) -> Article:
    (tmp_path / "a.eml").write_bytes(sent.as_bytes())
    (found,) = load([tmp_path])
    assert isinstance(found, Article)
    return found


@pytest.mark.parametrize(
    "stub",
    ["", "\n \n", "This message is in HTML. Please use an HTML mail reader to view it.", "View in browser: x.example"],
)
def test_the_html_is_read_if_the_plain_text_says_nothing_of_it(stub: str) -> None:
    assert read(message(stub, PAGE)) == SHOWN


def test_the_plain_text_is_read_if_it_says_the_same() -> None:
    assert read(message("The offsite takes place in Lauterbach. Gunnar Weil books rooms.", PAGE)).endswith(
        "books rooms."
    )


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<p>The keys are with Zoé Lefèvre, room 14.</p>", "The keys are with Zoé Lefèvre, room 14."),
        ("The keys are<br>in room&nbsp;14.", "The keys are\nin room 14."),
        ("<div>One</div><div>Two</div><ul><li>a</li></ul>", "One\nTwo\n* a"),
        ("<html><head><title>T</title><style>p{}</style></head><body><p>Text</p></body></html>", "Text"),
        ("<table><tr><td>Hall</td><td>4</td></tr></table>", "Hall  4"),
    ],
)
def test_all_that_the_html_shows_is_read(page: str, text: str) -> None:
    assert read(message(page=page)).replace("\xa0", " ") == text


def test_text_parts_are_read_in_order_and_attachments_are_not() -> None:
    sent = message("Part one: the boiler is serviced in May.")
    sent.add_attachment("Part two: the lift is inspected.", disposition="inline")
    sent.add_attachment("<p>Part three: the roof.</p>", subtype="html", disposition="inline")
    sent.add_attachment("Not shown.", filename="notes.txt")
    text = "Part one: the boiler is serviced in May.\n\nPart two: the lift is inspected.\n\nPart three: the roof."
    assert read(sent) == text


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_attached_messages_are_read_with_their_sender(depth: int) -> None:
    sent = message("The contract ends on 31 August 2026.")
    for _ in range(depth):
        outer = message("See the mail below.")
        outer.add_attachment(sent)
        sent = outer
    shown = read(sent)
    assert shown.count("See the mail below.") == depth
    assert (
        "From: Ida Berg <ida@example.org>\nDate: Tue, 04 Mar 2025 09:12:00 +0100\nSubject: Offsite\n\nThe con" in shown
    )


def test_a_message_without_text_is_rejected() -> None:
    with pytest.raises(LoadError, match="the message has no text"):
        read(message("", "<p> </p>"))


QUOTED = "On Mon, 3 Mar 2025, Otto Falk wrote:\n> I would rather take the Brook 900.\n>> What printer do we buy?"


@pytest.mark.parametrize(
    ("text", "boilerplate"),
    [
        (f"We take the Brook 500.\n\n{QUOTED}\n", QUOTED),
        (
            "Am 3. März 2025 schrieb Otto Falk:\n\n> Brook 900?\n\nNein, 500.",
            "Am 3. März 2025 schrieb Otto Falk:\n\n> Brook 900?",
        ),
        (
            "No.\n\n-----Original Message-----\nFrom: Otto\nBrook 900?",
            "-----Original Message-----\nFrom: Otto\nBrook 900?",
        ),
        ("We take the Brook 500.\n\n-- \nIda Berg | Tel 555-0102", "-- \nIda Berg | Tel 555-0102"),
        ("See below.\n--\nIda Berg\nExample Org\n\nP.S. It is the 500.", "--\nIda Berg\nExample Org"),
    ],
)
def test_quoted_text_and_signatures_are_marked(tmp_path: Path, text: str, boilerplate: str) -> None:
    found = article(tmp_path, message(text))
    assert [found.text[span.start : span.end] for span in found.boilerplate] == [boilerplate]


def test_text_that_is_all_quoted_is_not_marked(tmp_path: Path) -> None:
    assert article(tmp_path, message("> The stand has number 17.\n")).boilerplate == ()


def test_quotations_in_html_are_marked(tmp_path: Path) -> None:
    page = "<p>We take the 500.</p><div class='gmail_quote'>Otto wrote:<blockquote><p>The 900?</p></blockquote></div>"
    found = article(tmp_path, message(page=page))
    assert [found.text[span.start : span.end] for span in found.boilerplate] == ["> Otto wrote:\n>\n> The 900?"]


def test_quotations_of_other_formats_are_not_marked() -> None:
    assert html_text("<p>a</p><blockquote>b</blockquote>", "a.eml") == "a\n\n> b"


HEAD = "From ida@example.org Tue Mar  4 09:12:00 2025\nFrom: Ida <ida@example.org>\nSubject: Fair\n\n"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    "line", ["From now on the stand is open until nine.", ">From now on it is open.", "From 9:00 on"]
)
def test_a_line_that_begins_with_from_does_not_end_a_message(end: str, line: str) -> None:
    written = f"{HEAD}The stand has number 17.\n\n{line}\n\n{HEAD}The van is behind hall four.\n".replace("\n", end)
    first, second = (each.read() for each in members_of_mbox(BytesIO(written.encode()), "a.mbox"))
    assert line.lstrip(">") in extract(first, ".eml", "1").text
    assert extract(second, ".eml", "2").text.strip() == "The van is behind hall four."


@pytest.mark.parametrize(
    "header",
    [
        "Content-Type: text/plain; " + 'a="b";' * 6_000,
        "From: " + "(a)" * 13_000,
        "Subject: a\n" + " =?x?q?a?=\n" * 900,
        "Subject:" + "\n " * 6_000,
    ],
)
def test_a_header_that_takes_quadratic_time_is_cut(header: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lengths: list[int] = []
    parse = email._LimitedPolicy.header_fetch_parse

    def counting(policy: email._LimitedPolicy, name: str, value: str) -> Any:
        lengths.append(0 if hasattr(value, "name") else len(value))  # a header that is parsed already
        return parse(policy, name, value)

    monkeypatch.setattr(email._LimitedPolicy, "header_fetch_parse", counting)
    data = f"Date: Tue, 4 Mar 2025 09:12:00 +0100\n{header}\n\nText.\n".encode()
    assert extract(data, ".eml", "a.eml").text.strip() == "Text."
    assert max(lengths) <= 5_000


def test_the_cells_of_a_huge_table_are_read_without_their_layout() -> None:
    cells = "".join(f"<td>b{number}" for number in range(6_000))
    assert read(message(page=f"<table><tr>{cells}</table>")).split("\n")[:2] == ["b0", "b1"]


def test_the_messages_of_a_mailbox_are_counted_as_files() -> None:
    allowance = Allowance(files=2)
    found = allowance.counted(members_of_mbox(BytesIO(f"{HEAD}a\n\n".encode() * 3), "a.mbox"), "a.mbox")
    with pytest.raises(LoadError, match="more than 2 files"):
        list(found)
