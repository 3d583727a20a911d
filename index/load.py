"""Files and folders become articles. One reader per format."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from .clean import front_matter, noise_spans
from .errors import LoadError
from .records import Article

_LONGEST_TITLE = 200  # characters; a longer first line is a paragraph, not a title
_LARGEST_FILE = 50_000_000  # bytes; far beyond any article, small enough to be read whole


@dataclass(frozen=True, slots=True)
class Skipped:
    """A path that did not become an article, and why."""

    path: str
    reason: str


def load(paths: Sequence[Path | str]) -> Iterator[Article | Skipped]:
    """The articles under `paths` (files, or folders searched deeply), in sorted order.

    One bad file never stops the rest: it comes as `Skipped` with its reason, as do files of other formats. A path that
    does not exist raises `LoadError` before anything is read.
    """
    given = [Path(path) for path in paths]
    for path in given:
        if not path.exists():
            raise LoadError(
                f"there is no file or folder {str(path)!r}",
                f"Check the path; relative paths start at {str(Path.cwd())!r}.",
            )
    for path in given:
        for file in _files_under(path) if path.is_dir() else [path]:
            try:
                yield load_file(file)
            except LoadError as error:
                yield Skipped(str(file), error.message)


def _files_under(folder: Path) -> list[Path]:
    if not os.access(folder, os.R_OK | os.X_OK):
        raise LoadError(
            f"no permission to read the folder {str(folder)!r}", "Change its permissions, or choose another."
        )
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]


def load_file(path: Path) -> Article:
    """Read one file.

    Raises `LoadError` when the format is unknown, the file cannot be read, is not text, or has nothing in it.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise LoadError(
            f"{str(path)!r} has a format that is not read: {path.suffix or 'no extension'}",
            f"Formats: {', '.join(sorted(_READERS))}.",
        )
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise LoadError(
                f"{str(path)!r} is larger than {_LARGEST_FILE // 1_000_000} MB",
                "Split it into articles, one file each.",
            )
        data = path.read_bytes()
    except OSError as error:
        raise LoadError(f"{str(path)!r} cannot be read: {error.strerror}", "Check its permissions.") from None
    article = reader(decode(data, str(path)), str(path.resolve()))
    if not article.text.strip():
        raise LoadError(f"{str(path)!r} is empty", "Nothing was indexed from it.")
    return article


def decode(data: bytes, name: str) -> str:
    """The text in `data`: UTF-8, UTF-16 with its mark, or what its bytes look like; line ends are left as they are."""
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        text = _detect(data, name)
    if "\x00" in text:  # a program, a picture: some of them decode without complaint
        raise LoadError(f"{name!r} is not a text file", "Convert it to text first.")
    return text


def _detect(data: bytes, name: str) -> str:
    from charset_normalizer import from_bytes

    best = from_bytes(data).best()
    if best is None:
        raise LoadError(f"{name!r} is not a text file", "Convert it to text first, in UTF-8.")
    # The bytes are decoded here: the library's own text may differ in its line ends.
    return data.decode(best.encoding)


def _read_text(text: str, path: str) -> Article:
    return Article(
        id=article_id(text),
        title=_first_line(text) or Path(path).stem,
        source=path,
        path=path,
        text=text,
        noise=tuple(noise_spans(text)),
    )


def _read_markdown(text: str, path: str) -> Article:
    fields = _front_matter_fields(text, path)
    body = front_matter(text)[1]
    heading = re.search(r"^#[ \t]+(.+?)[ \t#]*$", text, re.MULTILINE)
    title = fields.get("title") or (heading[1] if heading else _first_line(text[body.end if body else 0 :]))
    return Article(
        id=article_id(text),
        title=str(title or Path(path).stem).strip(),
        source=str(fields.get("source") or path),
        path=path,
        text=text,
        published=_iso_date(fields.get("published") or fields.get("date")),
        noise=tuple(noise_spans(text, has_front_matter=True)),
    )


def _front_matter_fields(text: str, path: str) -> dict[str, Any]:
    import yaml

    written, span = front_matter(text)
    if span is None:
        return {}
    try:
        fields = yaml.safe_load(written)
    except (yaml.YAMLError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise LoadError(
            f"{path!r} has front matter that is not YAML: {reason}",
            "Mend the lines between the two --- lines; put values that hold a colon in quotes.",
        ) from None
    return fields if isinstance(fields, dict) else {}


def _iso_date(value: object) -> str | None:
    """A date as written, if it is one; in ISO form where it already is a date."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value).strip() or None if value is not None else None


def _first_line(text: str) -> str:
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return line if len(line) <= _LONGEST_TITLE else line[: _LONGEST_TITLE - 1].rstrip() + "…"


def article_id(text: str) -> str:
    """The identity of a text: the same text from two places is one article."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


_READERS: dict[str, Callable[[str, str], Article]] = {
    ".txt": _read_text,
    ".md": _read_markdown,
    ".markdown": _read_markdown,
}
