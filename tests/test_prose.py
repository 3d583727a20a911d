"""Documentation, docstrings, comments and messages use standard terms; pages have no broken references."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pytest

from rag import Settings

REPOSITORY = Path(__file__).resolve().parent.parent
PAGES = sorted({*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md"), *REPOSITORY.glob("examples/**/*.md")})
MODULES = sorted(
    path
    for folder in ("index", "rag", "ui", "bench", "deploy", "docs", "examples")
    for path in (REPOSITORY / folder).rglob("*.py")
)
PROMPTS = REPOSITORY / "rag" / "prompts.py"  # its strings are written for LLMs
TEMPLATES = sorted((REPOSITORY / "ui").rglob("templates/*.html"))
COMMENTED = [REPOSITORY / name for name in ("Makefile", "Dockerfile", "compose.yaml", "deploy/Caddyfile")]

# Expressions, which match in any case, with the words to use instead.
AVOID = [
    pytest.param(r"anew", "again; rebuild", id="anew"),
    pytest.param(r"mend(s|ed|ing)?", "repair, fix, correct", id="mend"),
    pytest.param(
        r"(is|are|was|were|be|been|being) told", "name the agent: the server reports, the user sees", id="is told"
    ),
    pytest.param(
        r"tells(?! (the|a|its) [\w' ]{1,30}(what|when|where|how|whether|to)\b)", "says, returns, shows", id="tells"
    ),
    pytest.param(r"stands?(?!-| for\b)", "is; standalone; proves", id="stands"),
    pytest.param(r"whoever", "user, caller, client", id="whoever"),
    pytest.param(r"who asks", "user, caller, client", id="who asks"),
    pytest.param(r"as far as may be|as \w+ as may be", "as far as possible", id="as far as may be"),
    pytest.param(
        r"(?<!there )(is|are|was|were) no (?!longer|more than|less than|\w+er\b|worse)", "is not a", id="is no"
    ),
    pytest.param(r"there (is|was) none", "name what is missing", id="there is none"),
    pytest.param(r"what (was|is) sent", "request, body, upload", id="what was sent"),
    pytest.param(r"is said to", "name the agent", id="is said to"),
    pytest.param(r"look(s|ed|ing)? at closely", "rerank, late interaction", id="looked at closely"),
    pytest.param(r"legs?", "retriever, ranking", id="leg"),
    pytest.param(r"(?<!characters )apart(?! from)", "sandbox, separate, isolated", id="apart"),
    pytest.param(r"silences?(?! the)", "abstention; timeout", id="silence"),
    pytest.param(r"bear(s|ing)? out", "supports", id="bears out"),
    pytest.param(r"that carr(y|ies) (the|a|its) (sentence|claim|answer)", "contains, supports", id="carries"),
    pytest.param(r"telephone", "phone", id="telephone"),
    pytest.param(r"(?<!with )(?<!random )(?<!\")noise", "boilerplate", id="noise"),
    pytest.param(r"is no mark|marks? between", "threshold", id="mark"),
    pytest.param(r"draws? the line", "abstention threshold", id="draws the line"),
    pytest.param(r"is cut short|was cut short|making was", "interrupted", id="cut short"),
    pytest.param(r"issue #?\d+|worktrees?|/work/\w+|/tmp/w/", "the project alone", id="tools"),
]
DEPRECATED_SETTINGS = {"CITECHAT_MIN_SCORE", "CITECHAT_LLM_PATIENCE", "CITECHAT_LINKS"}
OTHER_VARIABLES = {"CITECHAT_CHROMIUM"}
CODE_FENCE = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
CODE_SPAN = re.compile(r"`[^`]+`")
WORD_LIST = re.compile(r"(?:[a-z]+\s+){15,}[a-z]*")
LINK = re.compile(r"\]\(([^)\s]+)\)")
CREATED = {"deploy/secrets/metrics_key"}  # by the operator
TREE = ("index/", "rag/", "ui/", "tests/", "bench/", "docs/", "deploy/", "samples/", "examples/")


def _blank(match: re.Match[str]) -> str:
    """Return as many lines as the match has, so that line numbers stay right."""
    return "\n" * match[0].count("\n")


def _of_page(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the paragraphs of a Markdown page without code, with their line numbers."""
    text = CODE_SPAN.sub("`…`", CODE_FENCE.sub(_blank, path.read_text(encoding="utf-8")))
    for paragraph in re.finditer(r"(?:^.*\S.*\n?)+", text, re.MULTILINE):
        yield text.count("\n", 0, paragraph.start()) + 1, paragraph[0]


def _of_module(path: Path) -> Iterator[tuple[int, str]]:
    """Yield docstrings, comments and messages of a module; regular expressions and word lists are not messages."""
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    data: set[int] = set()
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in {"split", "splitlines"}:
            data.update(map(id, ast.walk(node.value)))
        elif isinstance(node, ast.Call) and ast.unparse(node.func).startswith(("re.", "_re.")):
            data.update(id(part) for argument in node.args for part in ast.walk(argument))
    for node in ast.walk(tree):
        if id(node) in data or (path == PROMPTS and id(node) not in docstrings):
            continue
        if isinstance(node, ast.JoinedStr):
            data.update(map(id, node.values))
            text = "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
        else:
            continue
        if " " in text and not re.search(r"\\[bswd]|\(\?", text) and not WORD_LIST.fullmatch(text):
            yield node.lineno, CODE_SPAN.sub("`…`", text)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], CODE_SPAN.sub("`…`", token.string)


def _of_template(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of a template outside its tags, with its comments."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        yield number, re.sub(r"<[^>]*>|\{\{.*?\}\}|\{%.*?%\}", " ", line)


def _of_commented(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the comments of a file in which they begin with a number sign."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if "#" in line:
            yield number, line.partition("#")[2]


KINDS = ((PAGES, _of_page), (MODULES, _of_module), (TEMPLATES, _of_template), (COMMENTED, _of_commented))


@lru_cache(maxsize=1)
def _prose() -> list[tuple[str, int, str]]:
    """Return all texts that people read, with file and line."""
    texts = [(path, line, text) for paths, read in KINDS for path in paths for line, text in read(path)]
    return [(str(path.relative_to(REPOSITORY)), line, " ".join(text.split())) for path, line, text in texts]


@pytest.mark.parametrize(("pattern", "better"), AVOID)
def test_prose_uses_standard_terms(pattern: str, better: str) -> None:
    words = re.compile(rf"(?<![\w/.-])({pattern})(?![\w/])", re.IGNORECASE)
    found = [
        f"{path}:{line}: …{text[max(0, match.start() - 40) : match.end() + 30]}…"
        for path, line, text in _prose()
        for match in words.finditer(text)
    ]
    assert not found, f"write {better!r} instead:\n" + "\n".join(found)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_a_page_names_only_files_that_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = {span.strip("`").partition("::")[0] for span in CODE_SPAN.findall(CODE_FENCE.sub("", text))}
    named = {name for name in named if name.startswith(TREE) and re.fullmatch(r"[\w./-]+", name)}
    assert not [name for name in sorted(named) if not (REPOSITORY / name).exists() and name not in CREATED]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        if re.match(r"https?:|mailto:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file) if file else page
        assert target.exists(), link
        if anchor:
            headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}, link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_a_page_names_only_settings_that_exist(page: Path) -> None:
    named = set(re.findall(r"\bCITECHAT_[A-Z_]+\b", page.read_text(encoding="utf-8")))
    known = {f"CITECHAT_{name.upper()}" for name in Settings.model_fields}
    assert named <= known | DEPRECATED_SETTINGS | OTHER_VARIABLES
