"""The report for `citechat doctor`: installed packages, settings, the index, and problems, each with a hint."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

from index import (
    Article,
    CitechatError,
    SkippedPage,
    describe_skipped_pages,
    is_gone,
    is_unreachable,
)
from rag import Settings, open_index, open_reader, ping_llm, warm_up_reader

from ..plain_text import printable

_PARTS = ("citechat", "chromadb", "gradio", "langchain", "onnxruntime", "sentence-transformers", "torch")
_MOST_PATHS = 5  # maximum number of missing files that are named
_MOST_LISTED = 20  # maximum number of articles with skipped pages that the text lists
_EXTRAS = {
    "openai": "langchain-openai",
    "anthropic": "langchain-anthropic",
    "ollama": "langchain-ollama",
    "google": "langchain-google-genai",
    "gguf": "llama-cpp-python",
    "local": "accelerate",
}


def examine(settings: Settings, *, ask_llm: bool = False) -> dict[str, Any]:
    """Run all checks and return a report, with problems as `{message, hint}` instead of raised errors.

    With `ask_llm`, a short request is sent to the configured LLM, which costs a few tokens. `answers` is False if a
    problem prevents questions from being answered; an empty index does not count as such a problem.
    """
    problems: list[Any] = []  # each has a `message` and a `hint`
    damaged = open_index(settings).damaged_segments()  # read first: a search replaces them
    indexed = _examine_index(settings, problems)
    reader = _examine_reader(settings, problems)
    ping = ping_llm(settings) if ask_llm else None
    is_failed = bool(problems) or (ping is not None and not ping.answers)
    if not problems and indexed["built_by"] is None:
        problems.append(CitechatError("The index is empty.", "Add articles with `citechat index PATH`."))
    if ping and not ping.answers:
        problems.append(ping)
    access = _examine_access(settings, problems)
    if damaged:
        message = f"Damaged folders of the keyword index: {_listed(damaged)}."
        problems.append(CitechatError(message, "They are built again from the index. Check the disk."))
    if not is_failed and indexed["built_by"] is not None:
        indexed |= _examine_files(settings, problems)
    return {
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in _PARTS},
        "extras": {extra: _version(package) for extra, package in _EXTRAS.items()},
        "settings": settings.model_dump(mode="json"),
        "indexed": indexed,
        "reader": reader,
        "access": access,
        "llm": ping,
        "problems": [{"message": each.message, "hint": each.hint} for each in problems],
        "answers": not is_failed,
    }


def _examine_access(settings: Settings, problems: list[Any]) -> str:
    """Return whether a chat with these settings requires a key or a login; add access problems to `problems`."""
    from ..security.access import access_policy

    try:
        access = access_policy(settings)
        known = access.accounts.read()
    except CitechatError as error:
        problems.append(error)
        return "unknown"
    if not access.is_enforced(known):
        return "off: anyone on this machine can use the chat; other machines cannot"
    valid = sum(key.state == "good" for key in known.keys.values())
    proxy = f", {access.user_header} from a proxy is trusted" if access.user_header else ""
    return f"on: valid keys {valid}, users {len(known.users)}{proxy}"


def _examine_index(settings: Settings, problems: list[Any]) -> dict[str, Any]:
    """Return the index size; add problems to `problems`. Do not open a damaged index: it could crash Chroma."""
    indexed: dict[str, Any] = {
        **{"articles": 0, "passages": 0, "built_by": None},
        **{"gone": [], "unreachable": [], "partly_read": []},
    }
    try:
        index = open_index(settings)
        problems += index.problems()
        if not problems:
            indexed["articles"], indexed["passages"] = index.count()
            indexed["partly_read"] = [
                _partly_read(article) for article in index.article_metadata() if article.skipped_pages
            ]
            manifest = index.manifest()
            if manifest is not None:
                indexed["built_by"] = manifest.encoder
                index.searcher  # noqa: B018 - raises if the index was built with another model
    except CitechatError as error:
        problems.append(error)
    return indexed


def _examine_files(settings: Settings, problems: list[Any]) -> dict[str, list[str]]:
    """Return the indexed paths whose files no longer exist or cannot be found; add a problem for each kind.

    Uploads are left out: the library of the page keeps them.
    """
    library = settings.home.resolve() / "library"
    paths = [origin.path for article in open_index(settings).article_metadata() for origin in article.origins]
    paths = [path for path in paths if not Path(path).is_relative_to(library)]
    gone, unreachable = sorted(filter(is_gone, paths)), sorted(filter(is_unreachable, paths))
    if gone:
        message = f"Indexed files that no longer exist: {_listed(gone)}."
        problems.append(CitechatError(message, "Run `citechat index FOLDER --prune`, or `citechat remove ID`."))
    if unreachable:
        message = f"Indexed files whose folder is missing or empty: {_listed(unreachable)}."
        hint = (
            "If a disk is not mounted, mount it. Otherwise use `citechat remove ID`; `citechat articles` lists the ids."
        )
        problems.append(CitechatError(message, hint))
    return {"gone": gone, "unreachable": unreachable}


def _listed(paths: Sequence[str]) -> str:
    """Return the first paths, and the number of the others."""
    rest = len(paths) - _MOST_PATHS
    shown = ", ".join(map(repr, paths[:_MOST_PATHS]))
    return f"{shown} and {rest:,} more" if rest > 0 else shown


def _partly_read(article: Article) -> dict[str, Any]:
    """Return the JSON object for an article of which pages were skipped."""
    return {
        "id": article.id,
        "title": article.title,
        "source": article.source,
        "pages": len(article.pages),
        "skipped_pages": [asdict(page) for page in article.skipped_pages],
    }


def _pages_text(partly_read: list[dict[str, Any]]) -> list[str]:
    """Return the lines about articles of which pages were skipped."""
    if not partly_read:
        return []
    lines = ["", "Pages without text (see docs/formats.md for text recognition):"]
    for row in partly_read[:_MOST_LISTED]:
        pages = describe_skipped_pages(SkippedPage(**page) for page in row["skipped_pages"])
        lines.append(printable(f"  {row['source']} ({row['pages']} pages): {pages}"))
    rest = len(partly_read) - _MOST_LISTED
    return [*lines, f"  and {rest} more articles"] if rest > 0 else lines


def _examine_reader(settings: Settings, problems: list[Any]) -> str:
    """Load the reader and return its name; add the problem to `problems` if that fails."""
    try:
        reader = open_reader(settings)
        if reader is None:
            return "off"
        warm_up_reader(reader)
    except CitechatError as error:
        problems.append(error)
        return settings.reader
    return reader.name


def as_text(report: dict[str, Any]) -> str:
    """Return the report as text for a terminal."""
    lines = [f"Python {report['python']}"]
    lines += [f"{name} {version or 'not installed'}" for name, version in report["versions"].items()]
    lines += ["", "Settings (change them with CITECHAT_… in the environment):"]
    lines += [f"  {name} = {value}" for name, value in report["settings"].items()]
    indexed = report["indexed"]
    lines += ["", f"Indexed: {indexed['articles']} articles, {indexed['passages']} passages"]
    lines += _pages_text(indexed["partly_read"])
    lines += ["", f"Reader: {report['reader']}"]
    lines += ["", f"Access control {report['access']}"]
    lines += ["", "LLM packages:"]
    for extra, version in report["extras"].items():
        missing = f"not installed (pip install {_EXTRAS[extra]})"
        lines.append(f"  {extra}: {version or missing}")
    lines += [""]
    if report["llm"] and report["llm"].answers:
        lines += [str(report["llm"]), ""]
    lines += [f"Problem: {p['message']}\n  {p['hint']}" for p in report["problems"]] or ["No problems found."]
    return "\n".join(lines)


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
