"""Read plain text, Markdown with front matter, and rich text with striprtf."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Any

from ..errors import LoadError
from ..models import public_name
from ..text.boilerplate import front_matter
from ..text.notes import is_note, shown
from .base import Extract, cannot_read
from .encoding import decode
from .metadata import first_line, iso_date, iso_language, one_line

_HEADING = re.compile(r"^#[ \t]+([^\s#][^\r\n]*)", re.MULTILINE)
_OPENING = re.compile(r"\s*#{2,6}[ \t]+([^\s#][^\r\n]*)")  # a heading of a lower level above the text
_PROPERTY = re.compile(r"([^\W\d][^:\r\n]{0,60}): ([^\r\n]{1,1000})")
_MEANINGS = {
    **dict.fromkeys(("created", "created time", "date", "published"), "date"),
    **dict.fromkeys(("author", "authors", "created by"), "author"),
}
_DAY = re.compile(r"[^\W\d]{3,12} \d{1,2}, \d{4}|\d{4}[/-]\d\d[/-]\d\d")
_MOST_VALUES, _LONGEST_VALUE = 50, 1_000  # values in a list, and characters of a value
_LONGEST_FRONT_MATTER = 20_000  # characters


def read_text(data: bytes, name: str) -> Extract:
    """Decode the file without changing the text."""
    return Extract(decode(data, name))


def read_markdown(data: bytes, name: str) -> Extract:
    """Decode the file without changing the text; author, source and date come from the front matter."""
    text = decode(data, name)
    fields = _fields(text, name)
    body = front_matter(text)[1]
    story = text[body.end if body else 0 :]
    top = shown(story[:_LONGEST_FRONT_MATTER])
    heading = _HEADING.search(story) or _OPENING.match(story)
    named = heading[1].rstrip(" \t#") if heading else first_line(top)
    if is_note(story) and not _HEADING.match(top.lstrip()):
        named = _name_of_note(name)
    fields = (_properties(story, heading) if public_name(name) != _last_part(name) else {}) | fields
    return Extract(
        text,
        title=one_line(fields.get("title")) or one_line(named),
        author=_unlinked(one_line(fields.get("author") or fields.get("authors"))),
        published=iso_date(fields.get("published") or fields.get("date") or fields.get("created")),
        source=one_line(fields.get("source")),
        language=iso_language(fields.get("language") or fields.get("lang")),
        has_front_matter=True,
    )


def _name_of_note(name: str) -> str:
    """Return the title that note-taking programs show for a file, which may be in an archive."""
    return PurePosixPath(public_name(name).rpartition(".zip!")[2]).stem


def _last_part(name: str) -> str:
    return name.replace("\\", "/").rpartition("/")[2]


def _properties(story: str, heading: re.Match[str] | None) -> dict[str, str]:
    """Return the properties that Notion writes in lines below the heading of a page: "Created: March 3, 2024"."""
    found: dict[str, str] = {}
    for line in story[heading.end() if heading else 0 :][:_LONGEST_FRONT_MATTER].strip().splitlines():
        written = _PROPERTY.fullmatch(line)
        if written is None:
            break
        key, value = _MEANINGS.get(written[1].strip().lower()), written[2].strip()
        if key == "date":
            day = _DAY.search(value)
            value = day[0].replace("/", "-") if day else ""
        if key and value:
            found.setdefault(key, value)
    return found


def _unlinked(name: str | None) -> str | None:
    """Return a name without the brackets of a link to another note."""
    return name.replace("[[", "").replace("]]", "") if name else None


def _fields(text: str, name: str) -> dict[str, Any]:
    import tomllib

    import yaml

    written, span = front_matter(text)
    if span is None:
        return {}
    if len(written) > _LONGEST_FRONT_MATTER:
        why = f"its front matter has {len(written):,} characters, more than {_LONGEST_FRONT_MATTER:,}"
        raise cannot_read(name, why, "Check the text between the two --- lines; the second may be missing.")
    mark = text[:3]
    try:
        load = tomllib.loads if mark == "+++" else _load_yaml
        fields = load(written)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = str(error).splitlines()[0]
        raise LoadError(
            f"Cannot read {name!r}: its front matter is not valid {'TOML' if mark == '+++' else 'YAML'}: {reason}",
            f"Correct the text between the two {mark} lines; put values with a colon in quotes.",
        ) from None
    return {key: _cut(value) for key, value in fields.items() if _is_flat(value)} if isinstance(fields, dict) else {}


def _load_yaml(written: str) -> Any:
    import yaml

    return _without_merging(yaml.SafeLoader)(written).get_single_data()


def _without_merging(loader: Any) -> Any:
    """Return a loader that treats `<<` as an ordinary key: with nested merge keys, a few lines could exhaust memory."""

    class Loader(loader):  # type: ignore[misc]
        def flatten_mapping(self, node: Any) -> None:
            """Do nothing."""

    Loader.add_constructor("tag:yaml.org,2002:merge", loader.construct_yaml_str)
    return Loader


def _cut(value: object) -> object:
    """Return the beginning of a long text or list: aliases may repeat a long text thousands of times."""
    if isinstance(value, list):
        return [_cut(part) for part in value[:_MOST_VALUES]]
    return value[:_LONGEST_VALUE] if isinstance(value, str) else value


def _is_flat(value: object) -> bool:
    """Return whether the value has no nested lists: with aliases, a few lines may expand beyond available memory."""
    parts = value if isinstance(value, list) else [value]
    return not any(isinstance(part, list | dict | set | tuple) for part in parts)
