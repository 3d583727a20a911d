"""Files that are nearly right: real ones of every format, with parts flipped, cut, doubled, put in and mixed."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path
from random import Random

from hashing import HashingEncoder
from writers import write_all

from index import Article, Skipped, sentences
from index.ingest.loader import load
from index.text.chunker import chunk

_PACKED = (".docx", ".pptx", ".odt", ".xlsx", ".epub", ".zip")
_STOPPED = ("it takes more than", "it needs more than", "it makes the parser crash", "could not be parsed safely")
_OFFICE = (".docx", ".pptx", ".odt", ".rtf", ".csv", ".xlsx")
_SUFFIXES = (".txt", ".md", ".html", ".pdf", *_OFFICE, ".eml", ".mbox", ".epub", ".zip")
_TOKENS = (
    *(
        b"\x00",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"\r",
        b"\n\n",
        b"\\",
        b"{",
        b"}",
        b"<",
        b">",
        b"&",
        b"(",
        b")",
        b"<<" * 300,
    ),
    *(b"---\n", b"- - - - ", b"&a [*a, *a]", b"<<: *a", b"[" * 500, b"{\\" * 500, b"{\\*\\x " * 500, b"<div>" * 2000),
    *(b"<!DOCTYPE x [<!ENTITY a 'a'>]>", b"<![CDATA[", b"<!--", b"&a;&a;", b"<w:p><w:r>" * 500, b"<text:p>" * 500),
    *(b"&#x110000;", b"\\u55357?", b"\\bin99999999 ", b"\\'ff", b"\\ansicpg99999", b"=?utf-8?q?=FF?=", b" " * 3000),
    *(b"Content-Type: multipart/mixed; boundary=x\n\n--x\n", b"Content-Transfer-Encoding: base64\n", b"charset=utf-7"),
    *(b"From \n", b"From: \xff\n", b"Date: 99999\n", b"Subject: " + b"a" * 5000 + b"\n", b"=?punycode?q?x?=" * 50),
    *(b"obj", b"endobj", b"stream\n", b"/Length 999999999", b"/Kids [1 0 R]", b"/Prev 0", b"/Count -1", b"xref"),
    *(b"trailer", b"%%EOF", b"1 0 R", b"9" * 5000, "\u202e".encode(), "\u0301".encode() * 300, "𝕳".encode()),
    *("👩\u200d👩\u200d👧".encode() * 30, "\ufeff".encode()),
)


def originals(folder: Path) -> dict[str, list[bytes]]:
    """Real files by their suffixes, small ones of every format that is read."""
    write_all(folder)
    found: dict[str, list[bytes]] = {suffix: [] for suffix in _SUFFIXES}
    for path in sorted(folder.rglob("*")):
        if path.suffix in found:
            found[path.suffix].append(path.read_bytes())
    assert all(found.values()), [suffix for suffix, files in found.items() if not files]
    return found


def mutant(random: Random, files: dict[str, list[bytes]]) -> tuple[str, bytes]:
    """One file, and the suffix that it goes by."""
    suffix = random.choice(_SUFFIXES)
    if random.random() < 0.05:
        return suffix, random.randbytes(random.randrange(2000))
    data = random.choice(files[suffix])
    if suffix in _PACKED and random.random() < 0.8:
        data = _repacked(random, data, files)
    elif suffix == ".pdf" and random.random() < 0.6:
        data = _unpacked_pdf(data)
        data = _changed(random, data, files)
    else:
        data = _changed(random, data, files)
    if random.random() < 0.1:
        return _nested(random, suffix, data)
    return (random.choice(_SUFFIXES) if random.random() < 0.05 else suffix), data


def what_is_wrong_with(path: Path) -> str:
    """What is wrong with how a file is read; nothing where it gives whole articles, or reasons why not."""
    return outcome_of(path)[0]


def outcome_of(path: Path) -> tuple[str, str]:
    """The same, and what came of the file: nothing, an article, or a refusal."""
    outcome = "nothing"
    for item in load([path]):
        if isinstance(item, Skipped):
            outcome = "refused"
            if not item.reason or any(sign in item.reason for sign in _STOPPED):
                return item.reason or "no reason", outcome
            continue
        outcome = "read"
        if wrong := _wrong_with(item):
            return wrong, outcome
    return "", outcome


def _wrong_with(article: Article) -> str:
    text = article.text
    for what in (text, article.title, article.source, article.path, article.author or "", article.published or ""):
        what.encode()
    if not article.title or any(not 0 <= span.start < span.end <= len(text) for span in article.boilerplate):
        return "no title, or noise outside the text"
    for passage in chunk(article, HashingEncoder().tokenize):
        if text[passage.start : passage.end] != passage.text or not passage.text.strip():
            return "a passage that is not where it says"
        if any(not 0 <= span.start < span.end <= len(passage.text) for span in sentences(passage.text)):
            return "a sentence outside its passage"
    return ""


def _changed(random: Random, data: bytes, files: dict[str, list[bytes]]) -> bytes:
    for _ in range(random.choice((1, 1, 1, 2, 3, 8))):
        data = random.choice(_CHANGES)(random, data, files)[:400_000]
    return data


def _flip(random: Random, data: bytes, _: object) -> bytes:
    changed = bytearray(data)
    for _ in range(random.choice((1, 3, 30))):
        if changed:
            changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def _cut(random: Random, data: bytes, _: object) -> bytes:
    start, end = _part(random, data)
    return data[:start] if random.random() < 0.2 else data[:start] + data[end:]


def _insert(random: Random, data: bytes, _: object) -> bytes:
    at = random.randint(0, len(data))
    return data[:at] + random.choice(_TOKENS) * random.choice((1, 1, 1, 3, 50)) + data[at:]


def _double(random: Random, data: bytes, _: object) -> bytes:
    start, end = _part(random, data)
    return data[:end] + data[start:end] * random.choice((1, 2, 40)) + data[end:]


def _splice(random: Random, data: bytes, files: dict[str, list[bytes]]) -> bytes:
    other = random.choice(random.choice(list(files.values())))
    start, end = _part(random, other)
    at = random.randint(0, len(data))
    return data[:at] + other[start:end] + data[at:]


def _renumber(random: Random, data: bytes, _: object) -> bytes:
    """A number in the file becomes another one."""
    places = [at for at, byte in enumerate(data[:100_000]) if 48 <= byte <= 57]
    if not places:
        return data
    at = random.choice(places)
    return data[:at] + random.choice((b"0", b"-1", b"65536", b"2147483648", b"99999999999999999999")) + data[at + 1 :]


_CHANGES: tuple[Callable[[Random, bytes, dict[str, list[bytes]]], bytes], ...] = (
    _flip,
    _cut,
    _insert,
    _double,
    _splice,
    _renumber,
)


def _part(random: Random, data: bytes) -> tuple[int, int]:
    start = random.randint(0, len(data))
    return start, min(len(data), start + random.choice((1, 10, 200, 5000)))


def _repacked(random: Random, data: bytes, files: dict[str, list[bytes]]) -> bytes:
    """An archive that is whole, with what is in it changed: a change to packed bytes only spoils their sum."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    chosen = random.randrange(len(members))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, (name, content) in enumerate(members):
            if number == chosen and random.random() < 0.1:
                continue
            archive.writestr(name, _changed(random, content, files) if number == chosen else content)
    return buffer.getvalue()


def _unpacked_pdf(data: bytes) -> bytes:
    """A document whose streams are plain, so that a change reaches what is in them."""
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(PdfReader(io.BytesIO(data)))
    for page in writer.pages:
        content = page.get_contents()
        if content is not None:
            plain = content.get_data()
            page.replace_contents(content.__class__.initialize_from_dictionary({"__streamdata__": plain, "/Length": 0}))
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


def _nested(random: Random, suffix: str, data: bytes) -> tuple[str, bytes]:
    kind = random.choice((".zip", ".eml", ".mbox"))
    if kind == ".zip":
        for _ in range(random.choice((1, 2, 3))):
            buffer = io.BytesIO()
            with zipfile.ZipFile(buffer, "w", random.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
                archive.writestr(f"inner{suffix}", data)
            data, suffix = buffer.getvalue(), ".zip"
        return kind, data
    mail = EmailMessage()
    mail["Subject"] = "A file"
    mail.set_content(data[:50_000].decode("latin-1"), subtype="html" if suffix == ".html" else "plain")
    mail.add_attachment(zlib.compress(data), maintype="application", subtype="octet-stream", filename=f"a{suffix}")
    whole = mail.as_bytes()
    return kind, whole if kind == ".eml" else b"From here\n" + whole + b"\nFrom there\n" + data
