"""What is installed, which settings are in force, what is indexed, what is missing and how to mend it."""

from __future__ import annotations

import platform
from importlib import metadata
from typing import Any

from index import CitechatError
from rag import Settings, open_index, ping_llm

_PARTS = ("citechat", "chromadb", "gradio", "langchain", "onnxruntime", "sentence-transformers", "torch")
_EXTRAS = {
    "openai": "langchain-openai",
    "anthropic": "langchain-anthropic",
    "ollama": "langchain-ollama",
    "google": "langchain-google-genai",
    "gguf": "llama-cpp-python",
}


def examine(settings: Settings, *, ask_llm: bool = False) -> dict[str, Any]:
    """Look at everything once; problems come as `{message, hint}` and never as exceptions.

    `ask_llm` has the LLM of the settings say a word, which costs a few tokens. `answers` is False where a problem
    stops questions from being answered; that nothing is indexed yet is none of those.
    """
    indexed, problems = _indexed(settings)
    is_stopped = bool(problems)
    if not problems and indexed["built_by"] is None:
        problems.append({"message": "nothing is indexed yet", "hint": "Index something: `citechat index PATH`."})
    trial = ping_llm(settings) if ask_llm else None
    if trial and not trial.answers:
        problems.append({"message": trial.message, "hint": trial.hint})
        is_stopped = True
    access, troubles = _access(settings)
    problems += troubles
    return {
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in _PARTS},
        "extras": {extra: _version(package) for extra, package in _EXTRAS.items()},
        "settings": settings.model_dump(mode="json"),
        "indexed": indexed,
        "access": access,
        "llm": trial,
        "problems": problems,
        "answers": not is_stopped,
    }


def _access(settings: Settings) -> tuple[str, list[dict[str, str]]]:
    """Whether a chat with these settings asks who wants to use it, and what stops it from asking."""
    from ..security.access import access_policy

    try:
        access = access_policy(settings)
        known = access.accounts.read()
    except CitechatError as error:
        return "unknown", [{"message": error.message, "hint": error.hint}]
    if not access.is_enforced(known):
        return "off: this machine alone is served, and anybody on it", []
    good = sum(key.state == "good" for key in known.keys.values())
    named = f", {access.user_header} of a proxy is believed" if access.user_header else ""
    return f"on: keys that are good {good}, users {len(known.users)}{named}", []


def _indexed(settings: Settings) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """What is indexed, and what stops it from being searched. A damaged index is not opened: it may crash this one."""
    indexed: dict[str, Any] = {"articles": 0, "passages": 0, "built_by": None}
    try:
        index = open_index(settings)
        problems = [{"message": problem.message, "hint": problem.hint} for problem in index.problems()]
        if not problems:
            indexed["articles"], indexed["passages"] = index.count()
            manifest = index.manifest()
            if manifest is not None:
                indexed["built_by"] = manifest.encoder
                index.searcher  # noqa: B018 - refuses an index that another model built
    except CitechatError as error:
        problems = [{"message": error.message, "hint": error.hint}]
    return indexed, problems


def as_text(report: dict[str, Any]) -> str:
    """The report for a terminal."""
    lines = [f"Python {report['python']}"]
    lines += [f"{name} {version or 'not installed'}" for name, version in report["versions"].items()]
    lines += ["", "Settings in force (change them with CITECHAT_… in the environment):"]
    lines += [f"  {name} = {value}" for name, value in report["settings"].items()]
    indexed = report["indexed"]
    lines += ["", f"Indexed: {indexed['articles']} articles, {indexed['passages']} passages"]
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
