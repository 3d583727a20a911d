"""The product's regular expressions, attacks on them, and how their work grows with the length of an attack.

As a program, it attacks every pattern and prints one JSON line for each, with the attack that does superlinear work, if
there is one. A pattern that never ends is ended by a limit of CPU time; the last line names the pattern before it.
"""

from __future__ import annotations

import ast
import importlib
import json
import re
import resource
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise, product
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = ("index", "rag", "ui")
FILES = sorted(path for package in PACKAGES for path in (REPOSITORY / package).rglob("*.py"))

SCANS = frozenset({"search", "sub", "subn", "split", "findall", "finditer"})
ANCHORED = frozenset({"match", "fullmatch"})
ANY = SCANS | ANCHORED

BOUNDED = {
    "index.parsers.encoding._DECLARED": 4096,
    "index.text.boilerplate._BOILERPLATE": 300,
    "index.text.boilerplate._HASH": 300,
    "index.text.bylines:107": 150,
    "rag.evaluate.drafting.quotations._PATTERNS": 4000,
    "rag.evaluate.drafting.rules.RULES": 1000,
    "rag.evaluate.drafting.swaps.": 110,
    "rag.generation.claims._COMPLETE": 40,
    "rag.generation.refusals._": 500,
    "rag.llms.retry._REPETITION": 600,
    "rag.questions.classify.": 400,
    "rag.reading.speakers_zh._BEFORE_FOREIGN": 30,
}
"""The patterns whose callers pass only texts of at most this length, in characters, by name."""

_CPU = 120  # seconds that the program may use
_SMALL = (12, 16, 20, 24, 28, 32, 48, 96, 256)  # characters; an exponential pattern shows before it is too late
_MEDIUM, _LONG, _LONGEST = 1_024, 65_536, 1_000_000  # lengths of attacks, in characters
_NOTICED = 3.0  # times the work of a plain scan from which on the growth is measured
_EXPLODES = 2.0  # times the growth of quadratic work, from one small attack to the next
_LINEAR = 2.7  # ratio of the work of an attack of twice the length: 2 if it is linear, 4 if it is quadratic
_CHEAP = 0.001  # seconds of a long attack up to which the longest is tried too
_CHECKS = 3  # of a pattern, each of which must find an attack
_REPEATED = 5  # measurements, of which the least is kept
_VARIANTS = 3  # characters of a class that an attack is built from
_UNBOUNDED = 20  # repetitions
_WORST = 5  # attacks that are tried in full length
_MOST_PARTS = 80  # for one pattern, made of it, and as many others
_PLAIN = re.compile(r"(?:\w|\s)c")

_ATTACKS = (
    *(
        " ",
        "\n",
        "\t",
        " \n",
        "\r\n",
        "a",
        "A",
        "1",
        "Aa ",
        "A a",
        "a ",
        "a, ",
        "1 ",
        "1, ",
        "1,",
        "a.",
        "a-",
        "A.",
        "中",
        "é",
    ),
    *(
        "\n\n[1] a: “b: “c”",
        "“",
        "”",
        "(",
        "[",
        "[1]",
        "{",
        "<",
        "**",
        "*a",
        "`",
        "``a",
        "#",
        "# a\n",
        "- a\n",
        "\\",
        "/a",
    ),
    *(
        "A of ",
        "A and ",
        "the A ",
        "of the ",
        "one hundred ",
        "and ",
        "a said ",
        "“a” said A ",
        "by A ",
        "\n---",
        "1:1 ",
    ),
)


@dataclass(frozen=True)
class Found:
    """A pattern, the place where it is, and the methods that the product calls on it."""

    name: str
    pattern: re.Pattern[Any]
    methods: frozenset[str]

    def runs(self) -> list[Callable[[Any], object]]:
        """The ways in which the product applies it; `search`, `sub` and others do the work of `finditer`."""
        scan = [lambda text: deque(self.pattern.finditer(text), maxlen=0)] if self.methods & SCANS else []
        anchored = self.methods & ANCHORED - ({"match"} if scan else set())  # a scan begins with a match
        return scan + [getattr(self.pattern, name) for name in sorted(anchored)]


# What there is


@cache
def patterns() -> list[Found]:
    """Every pattern of the product: of its modules, also in collections and classes, and of its functions."""
    called = _called()
    found: dict[tuple[Any, int], Found] = {}

    def add(name: str, pattern: re.Pattern[Any], methods: frozenset[str]) -> None:
        key = (pattern.pattern, pattern.flags)
        known = found.get(key)
        found[key] = Found(known.name, pattern, known.methods | methods) if known else Found(name, pattern, methods)

    for path in FILES:
        if path.name == "__main__.py":
            continue
        module = importlib.import_module(_module_name(path))
        for name, value in vars(module).items():
            for at, pattern in _within(value):
                add(
                    f"{module.__name__}.{name}{at}",
                    pattern,
                    (None if at else called.get(_key(module.__name__, name))) or ANY,
                )
        for _, call in calls_of_re(path):
            if isinstance(call.args[0], ast.Constant):
                method = call.func.attr  # type: ignore[attr-defined]
                methods = ANY if method == "compile" else frozenset({method})
                add(f"{module.__name__}:{call.lineno}", re.compile(call.args[0].value, _flags(call)), methods)
    return sorted(found.values(), key=lambda each: each.name)


def calls_of_re(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """The calls of `re` with a pattern inside the functions of a file, with the name of the function."""
    for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and ast.unparse(node.func).removeprefix("re.") in ANY | {"compile"}:
                    yield function.name, node


def _module_name(path: Path) -> str:
    return ".".join(path.relative_to(REPOSITORY).with_suffix("").parts).removesuffix(".__init__")


def _within(value: object, depth: int = 4) -> Iterator[tuple[str, re.Pattern[Any]]]:
    if isinstance(value, re.Pattern):
        yield "", value
    elif isinstance(value, dict) and depth:
        yield from ((f"[{key!r}]{at}", each) for key in value for at, each in _within(value[key], depth - 1))
        yield from _within(list(value), depth - 1)
    elif isinstance(value, (list, tuple, set, frozenset)) and depth:
        yield from ((f"[{n}]{at}", each) for n, item in enumerate(value) for at, each in _within(item, depth - 1))
    elif depth and str(getattr(value, "__module__", "")).split(".")[0] in PACKAGES:  # a class, or an instance of one
        names = [*getattr(value, "__dict__", ()), *getattr(type(value), "__slots__", ())]
        values = ((name, getattr(value, name, None)) for name in names)
        yield from ((f".{name}{at}", each) for name, item in values for at, each in _within(item, depth - 1))


def _key(module: str, name: str) -> str:
    """A private name belongs to its module; another may be imported under it."""
    return f"{module}.{name}" if name.startswith("_") else name


def _called() -> dict[str, frozenset[str]]:
    """The methods that are called on each name, unless its value is also passed on, so that any could be called."""
    called: dict[str, set[str]] = {}
    passed: set[str] = set()
    for path in FILES:
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        receivers = {id(node.value): node.attr for node in nodes if isinstance(node, ast.Attribute)}
        for node in nodes:
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                method, key = receivers.get(id(node)), _key(_module_name(path), node.id)
                if method in ANY:
                    called.setdefault(key, set()).add(method)
                elif method is None:
                    passed.add(key)
    return {name: frozenset(methods) for name, methods in called.items() if name not in passed}


def _flags(call: ast.Call) -> int:
    written = [ast.unparse(each) for each in (*call.args[1:], *(each.value for each in call.keywords))]
    return sum(
        getattr(re, name[3:])
        for each in written
        for name in each.split(" | ")
        if name[3:].isupper() and name[:3] == "re."
    )


# Attacks


def attacks(pattern: re.Pattern[Any]) -> list[tuple[str, str, str]]:
    """A head, a repeated part and a tail for each attack, made of what the pattern looks for, and others."""
    tree = re._parser.parse(
        pattern.pattern, pattern.flags & ~re.UNICODE if isinstance(pattern.pattern, bytes) else pattern.flags
    )  # type: ignore[attr-defined]
    own: set[tuple[str, str]] = set()
    for variant in range(_VARIANTS):
        whole = _sample(tree, variant)
        own |= {("", whole), ("", whole[:-1]), ("", whole[1:])}
        for head, body in _repeats(tree, variant):
            # An unfinished part may go on with the beginning of the next one, such as an escape with a brace.
            own |= {(head, body), ("", head + body), (head, body + body[:1]), ("", head + body[:-1])}
    others = sorted({("", part) for part in (*sorted(_characters(tree))[:40], *_ATTACKS)} - own)
    others = others[:: -(-len(others) // _MOST_PARTS)]
    kept = [each for each in sorted(own) if each[1]][:_MOST_PARTS] + others
    return [(head, body, tail) for (head, body), tail in product(kept, ("\0", "\n"))]


def _characters(tree: Any) -> set[str]:
    """The characters that a pattern names, and one of each class."""
    found: set[str] = set()
    for operator, value in tree:
        name = str(operator)
        if name in ("LITERAL", "NOT_LITERAL"):
            found.add(chr(value))
        elif name == "RANGE":
            found.add(chr(value[0]))
        elif name == "CATEGORY":
            found |= set({"DIGIT": "1", "SPACE": " \n", "WORD": "aA"}.get(str(value).removeprefix("CATEGORY_"), "-"))
        elif name == "IN":
            found |= _characters(value)
        else:
            for each in _below(name, value):
                found |= _characters(each)
    return found


def _below(name: str, value: Any) -> list[Any]:
    """The parts of an operator."""
    if name == "BRANCH":
        return list(value[1])
    if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        return [value[2]]
    if name == "SUBPATTERN":
        return [value[3]]
    if name in ("ASSERT", "ASSERT_NOT"):
        return [value[1]]
    if name == "GROUPREF_EXISTS":
        return [each for each in value[1:] if each]
    return [value] if name == "ATOMIC_GROUP" else []


def _sample(tree: Any, variant: int) -> str:
    """A short text that the pattern matches, if it looks at nothing around it."""
    text = ""
    for operator, value in tree:
        name = str(operator)
        if name == "LITERAL":
            text += chr(value)
        elif name in ("IN", "NOT_LITERAL", "ANY"):
            text += _member(operator, value, variant)
        elif name == "BRANCH":
            text += _sample(value[1][variant % len(value[1])], variant)
        elif name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            text += _sample(value[2], variant) * max(value[0], min(1, value[1]))
        elif name not in ("ASSERT", "ASSERT_NOT"):
            text += "".join(_sample(each, variant) for each in _below(name, value))
    return text


def _member(operator: Any, value: Any, variant: int) -> str:
    single = re._compiler.compile(_alone(operator, value))  # type: ignore[attr-defined]
    members = [
        each for each in "a1A -中.,'“x\n" + "".join(sorted(_characters([(operator, value)]))) if single.fullmatch(each)
    ]
    return members[variant % len(members)] if members else ""


def _alone(operator: Any, value: Any) -> Any:
    state = re._parser.State()  # type: ignore[attr-defined]
    state.str = ""
    return re._parser.SubPattern(state, [(operator, value)])  # type: ignore[attr-defined]


def _repeats(tree: Any, variant: int) -> Iterator[tuple[str, str]]:
    """Each part that may be repeated without a bound, with what comes before it."""
    head = ""
    for operator, value in tree:
        name = str(operator)
        if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT") and value[1] >= _UNBOUNDED:
            yield head, _sample(value[2], variant)
        for each in _below(name, value):
            yield from ((head + inner, body) for inner, body in _repeats(each, variant))
        head += _sample([(operator, value)], variant)


# Work


def superlinear(found: Found) -> tuple[str, str, str] | None:
    """The first attack for which twice the length costs much more than twice the work."""
    noticed = _NOTICED * _work(_PLAIN.findall, "b" * _MEDIUM)
    slowest: tuple[float, Any, Any] = (0.0, None, None)
    for run in found.runs():
        for attack in attacks(found.pattern):
            build = _builder(found.pattern, attack)
            if _explodes(run, build, noticed):
                return attack
            medium = _work(run, build(_MEDIUM), 1)
            if medium > noticed and _grows(run, build, _MEDIUM // 2):
                return attack
            slowest = max(slowest, (medium, run, build), key=lambda each: each[0])
    _, run, build = slowest
    longest = _LONGEST if _work(run, build(_LONG), 1) <= _CHEAP else _LONG
    return ("long", "", "") if _grows(run, build, longest // 4) else None


def is_cheap(found: Found, length: int) -> bool:
    """Whether no attack of this length costs more than ten plain scans of the longest text."""
    most = 10 * _work(_PLAIN.findall, "b" * _LONGEST, 1)
    for run in found.runs():
        builds = [_builder(found.pattern, attack) for attack in attacks(found.pattern)[::2]]
        builds.sort(key=lambda build: _work(run, build(min(length, _SMALL[-1])), 1), reverse=True)
        if any(_work(run, build(length), 2) > most for build in builds[:_WORST]):
            return False
    return True


def _explodes(run: Callable[[Any], object], build: Callable[[int], Any], noticed: float) -> bool:
    """Whether slightly longer attacks cost many times more; stops at the first, since the next might never end."""
    for shorter, longer in pairwise(_SMALL):
        if (spent := _work(run, build(longer), 1)) > noticed:
            most = _EXPLODES * (longer / shorter) ** 2 * _work(run, build(shorter))
            if spent > 100 * most or (spent > most and _work(run, build(longer)) > max(most, noticed)):
                return True
    return False


def _grows(run: Callable[[Any], object], build: Callable[[int], Any], length: int) -> bool:
    """Whether the work grows more than linearly, twice in a row; measured again only if it seems to."""
    for repeated in (1, _REPEATED):
        spent = [_work(run, build(length << step), repeated) for step in range(3)]
        if any(longer <= _LINEAR * shorter for shorter, longer in pairwise(spent)):
            return False
    return True


def _builder(pattern: re.Pattern[Any], attack: tuple[str, str, str]) -> Callable[[int], Any]:
    head, body, tail = attack

    def build(length: int) -> Any:
        text = head + body * max(1, (length - len(head)) // len(body)) + tail
        return text.encode("latin-1", "replace") if isinstance(pattern.pattern, bytes) else text

    return build


def _work(run: Callable[[Any], object], text: Any, repeated: int = _REPEATED) -> float:
    """The CPU time of this thread, in seconds."""
    least = float("inf")
    for _ in range(repeated):
        began = time.thread_time()
        run(text)
        least = min(least, time.thread_time() - began)
    return least


def main() -> None:
    """Attack the patterns whose names contain the argument, or all."""
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU, _CPU))
    for each in patterns():
        if not sys.argv[1:] or sys.argv[1] in each.name:
            _tell(begins=each.name)
            length = next((most for name, most in BOUNDED.items() if each.name.startswith(name)), None)
            for _ in range(_CHECKS):  # another process may have disturbed a measurement
                attack = superlinear(each) if length is None else None if is_cheap(each, length) else ("bound", "", "")
                if attack is None:
                    break
            _tell(name=each.name, attack=attack)


def _tell(**values: object) -> None:
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.path.insert(0, str(REPOSITORY))
    main()
