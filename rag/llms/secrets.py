"""Secrets that the environment contains, and their removal from errors, log records and the replies of an LLM.

They are the values of variables for keys, tokens and passwords, and the passwords and tokens in URLs.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from urllib.parse import unquote

MASK = "***"

_KEYS = ("_API_KEY", "_TOKEN", "_SECRET")
_OTHERS = ("_ACCESS_KEY", "_PASSWORD", "PGPASSWORD")
_SHORTEST_KEY = 6  # a shorter value is not a secret, and would mask half the message
_SHORTEST, _SHORTEST_WITH_DIGIT = 12, 8  # a shorter value may be a word, such as "ollama" for a server without keys
_SHORTEST_PART = 8  # minimum length of the beginning of a secret that is masked at the end of a reply
_USER_INFO = re.compile(r"(?<=://)[^/@\s]+(?=@)")
_SECRETS = re.compile(
    r"(?<=://)[^/@\s]+(?=@)|(?i:bearer)\s+[^\s'\",]+|\b(?:sk|pk|rk|gsk|lsv2)[-_][\w*.-]{3,}|\bAIza[\w*-]{6,}"
    r"|(?i:(?<=api[-_]key[=:])|(?<=[?&]key=))[^\s&'\",]+"
)

_INPUT_VALUE = re.compile(r"(\binput_value=)[^\n]{1,200}?(?=, input_type=)")


def scrub(text: str) -> str:
    """Return an error or a log message without the known secrets and without anything that looks like a key.

    Values in messages of pydantic are removed, too: it shortens them, so they may contain most of a secret.
    """
    text = _INPUT_VALUE.sub(rf"\1{MASK}", text)
    for value in _longest_first(each for each, is_key in _values() if is_key or _is_distinctive(each)):
        text = text.replace(value, MASK)
    return _SECRETS.sub(MASK, text)


def known_secrets() -> tuple[str, ...]:
    """Return the known secrets that cannot be words of an answer, the longest first."""
    return _longest_first(value for value, _ in _values() if _is_distinctive(value))


class SecretMask:
    """A filter for a text that arrives in pieces, which masks the known secrets, also if they are split."""

    def __init__(self) -> None:
        self._secrets = known_secrets()
        self._longest = max(map(len, self._secrets), default=0)
        self._held = ""  # the end of the text, if a secret may begin there

    def feed(self, piece: str) -> str:
        """Return the text that is complete with this piece, which may be empty."""
        done, rest = "", self._held + piece
        while True:
            held = self._open_end(rest)
            found = [(at, -len(secret)) for secret in self._secrets if 0 <= (at := rest.find(secret)) < held]
            if not found:
                self._held = rest[held:]
                return done + rest[:held]
            at, length = min(found)
            done, rest = f"{done}{rest[:at]}{MASK}", rest[at - length :]

    def close(self) -> str:
        """Return the rest of the text; a long beginning of a secret at its end is masked, too."""
        rest, self._held = self._held, ""
        for secret in self._secrets:
            rest = rest.replace(secret, MASK)
        at = self._open_end(rest)
        return rest[:at] + MASK if len(rest) - at >= _SHORTEST_PART else rest

    def _open_end(self, text: str) -> int:
        """Return where a secret may begin that the end of the text does not complete, or the length of the text."""
        for at in range(max(0, len(text) - self._longest + 1), len(text)):
            end = text[at:]
            if any(len(secret) > len(end) and secret.startswith(end) for secret in self._secrets):
                return at
        return len(text)


def mask_secrets(text: str) -> str:
    """Return a complete text from an LLM with the known secrets masked."""
    mask = SecretMask()
    return mask.feed(text) + mask.close()


def _values() -> Iterator[tuple[str, bool]]:
    """Yield the values of variables and parts of URLs that are secret, and whether each is an API key or a token."""
    for name, value in os.environ.items():
        if name.endswith(_KEYS) and len(value.strip()) >= _SHORTEST_KEY:
            yield value.strip(), True
        elif name.endswith(_OTHERS):
            yield value.strip(), False
        elif found := _USER_INFO.search(value):
            secret = found[0].partition(":")[2] or found[0]
            yield secret, False
            yield unquote(secret), False


def _is_distinctive(value: str) -> bool:
    shortest = _SHORTEST_WITH_DIGIT if any(map(str.isdigit, value)) else _SHORTEST
    return len(value) >= shortest


def _longest_first(values: Iterator[str]) -> tuple[str, ...]:
    return tuple(sorted(set(values), key=lambda value: (-len(value), value)))
