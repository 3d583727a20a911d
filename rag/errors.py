"""Errors a user can meet while asking.

CitechatError
├── SettingsError      a setting has a value that cannot be used
├── QuestionError      a question that cannot be asked: empty, or too long
├── TestSetError       a test set that cannot be read: file, line, field, reason
└── LLMError           the language model did not answer; `retryable` says whether trying again may help
"""

from __future__ import annotations

from index import CitechatError


class SettingsError(CitechatError):
    """A setting has a value that cannot be used."""


class QuestionError(CitechatError):
    """A question that cannot be asked: empty, or too long."""


class TestSetError(CitechatError):
    """A test set that cannot be read."""

    __test__ = False  # the name starts with "Test"; pytest must not collect it


class LLMError(CitechatError):
    """The language model is missing, refused, or did not answer."""

    def __init__(
        self, message: str, hint: str = "", *, retryable: bool = False, kind: str = "other", wait: float = 0.0
    ) -> None:
        """`kind` names what went wrong, as `llm_failures` tells failures apart; `wait` is how many seconds the server
        asks to be left alone."""
        super().__init__(message, hint)
        self.retryable = retryable
        self.kind = kind
        self.wait = wait
