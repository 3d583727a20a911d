"""Remove what LLMs wrap around an answer while it streams: reasoning, introductions, JSON, code fences, sources. Pure.

The text is read one character at a time, so token boundaries cannot change the result. A line that may have to be
removed is held back until it is decided.
"""

from __future__ import annotations

import json
from typing import Any

import regex

__all__ = ["Unwrapper", "split_reasoning"]

_TAG = regex.compile(
    r"<(?P<end>/?)(?:(?P<reasoning>think(?:ing)?|reasoning|thoughts?)|answer|final_answer|response)>"
    r"|<\|(?:im_end|im_start|eot_id|end_of_text|endoftext|end|assistant)\|>",
    regex.IGNORECASE,
)
_END_OF_REASONING = regex.compile(r"</(?:think(?:ing)?|reasoning|thoughts?)>", regex.IGNORECASE)
_ANSWER_KEYS = (
    *("answer", "final_answer", "response", "text", "sentence", "statement", "claim", "content", "reply", "result"),
    *("output", "summary", "sentences", "answers", "statements", "claims", "items", "points", "答案"),
)
_CITATION_KEYS = (
    *("citations", "citation", "sources", "source", "passages", "passage", "references", "reference", "refs", "ids"),
    *("id", "passage_ids", "source_ids", "cited", "numbers", "number", "evidence", "引用"),
)
_KNOWN_KEYS = frozenset(_ANSWER_KEYS + _CITATION_KEYS)
_ANSWER = (
    r"(?:(?:the |my |your )?(?:(?:final|short|direct|brief|complete) )?(?:answer|response|reply)"
    r"|最终答案|回答|答案|答|(?:la )?respuesta|(?:la )?réponse|(?:die )?antwort|(?:a )?resposta|(?:la )?risposta)"
)
_POLITE = (
    r"(?:sure(?: thing)?|certainly|of course|absolutely|okay|ok|alright|great question|good question|happy to help"
    r"|here you go|当然|好的|¡?claro|bien sûr|natürlich|gerne|certo)"
)
_HERE = r"(?:here(?:[’']s| is| are)|以下是|aquí está|voici|hier ist|aqui está|ecco)"
_INTRODUCTION = regex.compile(
    # "Answer:" and "**Answer:**", alone or before the answer; "## Answer" alone
    rf"(?:#{{1,6}} |> )?(?P<bold>\*\*|__|\*|){_ANSWER}(?:(?P=bold) ?[:：]| ?[:：](?P=bold))[ \t]*(?:\n|(?=\S))"
    rf"|(?:#{{1,6}} |\*\*){_ANSWER}[ \t*]*\n"
    # "Sure!", alone or before the answer
    rf"|{_POLITE}(?:[!.！。]+[ \t]*(?:\n|(?=[^\s!.！。]))|[,，:：]?[ \t]*\n)"
    # With "here is": "Based on the provided passages, here is the answer:"
    rf"|(?:#{{1,6}} |\*\*)?(?:{_POLITE}[,，!.！] ?)?"
    rf"(?:(?:based on|according to|from|using|根据)[^\n,，:：]{{1,80}}[,，] ?)?"
    rf"{_HERE}(?:[^\n:：]{{0,120}}[:：][ \t*]*\n|[^\n:：]{{0,60}} {_ANSWER}[^\n:：]{{0,60}}[:：][ \t*]*(?=[^\s*]))"
    rf"|(?:#{{1,6}} |\*\*)?(?:based on|according to|根据)[^\n,，:：]{{1,80}}[:：][ \t*]*\n",
    regex.IGNORECASE,
)
_FENCE = regex.compile(
    r"(?:`{3,}|~{3,})[ \t]*(?:markdown|md|text|txt|plaintext|plain|json|html)?[ \t]*\n", regex.IGNORECASE
)
_END_OF_FENCE = regex.compile(r"[ \t]*(?:`{3,}|~{3,})[ \t]*\n")
_JSON = regex.compile(r"\{\s*[\"'}]|\[\s*\{")
_SOURCES = regex.compile(
    r"[ \t>*_#-]*(?:sources?|references?|citations?|footnotes?|works cited|bibliography"
    r"|来源|來源|参考(?:资料|文献|来源)"
    r"|资料来源|引用(?:来源)?|fuentes?|referencias?|quellen?(?:angaben)?|références?|fontes?|referências?|fonti|riferimenti)"
    r"(?: used| cited| consulted)?[ \t*_]*(?:[:：][ \t*_]*(?P<rest>[^\n]*))?\n",
    regex.IGNORECASE,
)
_FOOTNOTE = regex.compile(r"[ \t>]*\[(?:\^\d{1,3}\]:[^\n]*|\d{1,3}\]:[^\n]*[^\n.!?。！？])\n")
_LINE = regex.compile(r"[^\n]*\n")
_ITEM = regex.compile(
    r"[ \t>]*(?:\n|[-*+•·] |[*_]*\(?\d{1,3}[.):、]|[\[【(（^]|[¹²³⁴-⁹]|<|https?:|passage|source"
    r"|[^\n]*[^\n.!?。！？]\n)",
    regex.IGNORECASE,
)
_STARTS_LIKE_A_SOURCE = regex.compile(r"[\[【(（^¹²³⁴-⁹<]|\d|https?:|passage|source", regex.IGNORECASE)
_QUOTED_ANSWER = regex.compile(
    r"[\"'](?:final_)?(?:answer|response|text|答案)[\"']\s*:\s*\"((?:[^\"\\]|\\.)*+)", regex.DOTALL
)
_ONE_NUMBER = regex.compile(r"[^\W\d]*[\W_]*(\d{1,3})\W*")
_HAS_MARKER = regex.compile(r"[\[【(]\^?\d{1,3}[\]】†)]")
_LONGEST_TAG = 20  # in characters
_LONGEST_LINE = 1000  # maximum length of a line that is held back, in characters


class Unwrapper:
    """The answer inside a reply that arrives in pieces.

    `reasoning` is the text that the LLM wrote between tags such as `<think>`. `restarts` counts the tags `</think>`
    that nothing opened: the text before each was reasoning, and the text returned so far is not part of the answer.
    """

    def __init__(self) -> None:
        self.reasoning = ""
        self.restarts = 0
        self._held = ""  # text that may still be removed
        self._json = ""
        self._tail = ""  # the last characters of the current reasoning, in which its closing tag is found
        self._is_reasoning = False
        self._begin()

    def _begin(self) -> None:
        self._raw = ""  # everything since the last restart: it is reasoning if `</think>` follows
        self._has_text = False
        self._line_start = True
        self._in_fence = False
        self._in_json = False
        self._in_sources = False

    def feed(self, piece: str) -> str:
        """Read the next piece of the reply, and return the text that it adds to the answer (after the last restart)."""
        restarts, text = self.restarts, ""
        for character in piece:
            added = self._read(character)
            if self.restarts != restarts:
                restarts, text = self.restarts, ""
            text += added
        return text

    def close(self) -> str:
        """End the reply, and return the rest of the answer."""
        text = self._drain(final=True)
        if self._in_json:
            answer, self._json, self._in_json = _answer_in(self._json), "", False
            text += answer
        return text

    def _read(self, character: str) -> str:
        if self._is_reasoning:
            self.reasoning += character
            self._tail = (self._tail + character)[-_LONGEST_TAG:]
            if character == ">" and (tag := _END_OF_REASONING.search(self._tail)) and tag.end() == len(self._tail):
                self.reasoning = self.reasoning[: -len(tag[0])]
                self._is_reasoning = False
            return ""
        self._raw += character
        self._held += character
        return self._drain(final=False)

    def _drain(self, *, final: bool) -> str:
        text, restarts = "", self.restarts
        while self._held and not self._is_reasoning:
            taken, added = self._take(self._held, final)
            if not taken:
                break
            if self.restarts != restarts:
                restarts, text = self.restarts, ""
            text += added
            self._held = self._held[taken:]
            if added:
                self._line_start = added[-1] == "\n"
                self._has_text = self._has_text or not added.isspace()
        return text

    def _take(self, held: str, final: bool) -> tuple[int, str]:
        """Return the number of characters taken from the beginning of `held`, 0 if more are needed, and the text that
        they add to the answer."""
        if held[0] == "<" and (tag := _TAG.match(held, partial=not final)):
            return (0 if tag.partial else self._take_tag(tag)), ""
        if self._in_json:
            self._json += held[0]
            return 1, ""
        if not self._has_text and held[0].isspace():
            return 1, ""
        if self._line_start:
            taken = self._take_line(held, final) if self._has_text else self._take_beginning(held, final)
            if taken is not None:
                return taken, ""
        return 1, held[0]

    def _take_beginning(self, held: str, final: bool) -> int | None:
        """Return the length of an introduction or opening fence, 0 if more text is needed, None if there is neither."""
        if self._in_fence and (taken := _length(_END_OF_FENCE, held, final)) != -1:
            return taken
        waits = False
        for pattern in (_JSON, _FENCE, _INTRODUCTION):
            taken = _length(pattern, held, final)
            if taken > 0:
                self._in_fence = self._in_fence or pattern is _FENCE
                if pattern is _JSON:
                    self._in_json, self._json = True, held[0]
                    return 1
                return taken
            waits = waits or taken == 0
        return 0 if waits else None

    def _take_line(self, held: str, final: bool) -> int | None:
        """Return the length of a line to remove, such as a source; 0 if more text is needed, None if the line is
        part of the answer."""
        waits = False
        for pattern in (_END_OF_FENCE, _SOURCES, _FOOTNOTE, _LINE):
            if not (self._in_fence if pattern is _END_OF_FENCE else self._in_sources if pattern is _LINE else True):
                continue
            taken = _length(pattern, held, final)
            if taken > 0 and self._removes(pattern, f"{held[:taken]}\n" if final else held[:taken]):
                return taken
            waits = waits or taken == 0
        return 0 if waits else None

    def _removes(self, pattern: regex.Pattern[str], line: str) -> bool:
        if pattern is _END_OF_FENCE:
            self._in_fence = False
        elif pattern is _SOURCES:
            match = pattern.match(line)
            rest = (match["rest"] or "").strip() if match else ""
            is_prose = rest.endswith((".", "!", "?", "。", "！", "？")) and not _STARTS_LIKE_A_SOURCE.match(rest)
            self._in_sources = self._in_sources or not is_prose
            return not is_prose
        elif pattern is _LINE:
            self._in_sources = _ITEM.match(line) is not None
            return self._in_sources
        return True

    def _take_tag(self, tag: regex.Match[str]) -> int:
        if tag["reasoning"] and tag["end"]:
            self.reasoning += self._raw[: len(self._raw) - len(self._held)]
            self.restarts += 1
            self._json = ""
            self._begin()
        elif tag["reasoning"]:
            self._is_reasoning, self._tail = True, ""
            self._raw = self._raw[: len(self._raw) - len(tag[0])]
        return len(tag[0])


def split_reasoning(reply: str) -> tuple[str, str]:
    """Return a whole reply without the reasoning in tags at its beginning, and the reasoning."""
    ends = list(_END_OF_REASONING.finditer(reply))
    if not ends:
        return reply.strip(), ""
    return reply[ends[-1].end() :].strip(), _TAG.sub("", reply[: ends[-1].start()]).strip()


def _length(pattern: regex.Pattern[str], held: str, final: bool) -> int:
    """Return the length of the match at the beginning of `held`, 0 if more text decides, -1 if it does not match."""
    match = pattern.match(f"{held}\n" if final else held, partial=not final and len(held) < _LONGEST_LINE)
    if match is None:
        return -1
    return 0 if match.partial else min(match.end(), len(held))


def _answer_in(text: str) -> str:
    """Return the answer in a reply that is JSON, with markers for its citations; the text itself if it has none."""
    try:
        value, end = json.JSONDecoder(strict=False).raw_decode(text)
        answer = _words(value)
    except (ValueError, RecursionError):
        found = _QUOTED_ANSWER.search(text)
        return _unescaped(found[1]) if found else text
    rest = text[end:].strip("`~ \t\n")
    return f"{answer}\n{rest}".strip() if answer else text


def _unescaped(text: str) -> str:
    try:
        return str(json.loads(f'"{text.removesuffix(chr(92))}"', strict=False))
    except ValueError:
        return text


def _words(value: Any) -> str:
    """Return the words of a JSON value, with a marker for each number that its citations contain."""
    if isinstance(value, list):
        items = [words for item in value if (words := _words(item))]
        is_prose = all(item.endswith((".", "!", "?", "。", "]")) for item in items)
        return " ".join(items) if is_prose or len(items) == 1 else "\n".join(f"- {item}" for item in items)
    if not isinstance(value, dict):
        return "" if value is None or isinstance(value, bool) else str(value).strip()
    values = {str(key).lower(): item for key, item in value.items()}
    answer = next((words for key in _ANSWER_KEYS if key in values and (words := _words(values[key]))), "")
    if not answer:
        # The values of `_ANSWER_KEYS` are empty; reading them again would take exponential time if they are nested.
        others = {key: _words(item) for key, item in value.items() if str(key).lower() not in _KNOWN_KEYS}
        answer = "\n".join(f"- {key}: {words}" for key, words in others.items() if words)
    if answer and not _HAS_MARKER.search(answer):
        cited = [number for key in _CITATION_KEYS for number in _cited(values.get(key))]
        answer += " " * bool(cited) + "".join(f"[{number}]" for number in dict.fromkeys(cited))
    return answer


def _cited(value: Any) -> list[int]:
    """Return the numbers of passages in the JSON value of a key such as "citations"."""
    if isinstance(value, list):
        return [number for item in value for number in _cited(item)]
    if isinstance(value, dict):
        return [number for key in _CITATION_KEYS for number in _cited(value.get(key))]
    if isinstance(value, int) and not isinstance(value, bool):
        return [value]
    match = _ONE_NUMBER.fullmatch(value) if isinstance(value, str) else None
    return [int(match[1])] if match else []
