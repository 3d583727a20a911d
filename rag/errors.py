"""Errors that users can meet when they ask questions.

CitechatError
├── SettingsError      a setting has an invalid value
├── QuestionError      the question is empty or too long
├── TestSetError       a test set cannot be read: file, line, field, reason
└── LLMError           the LLM did not answer; `retryable` says whether a retry may help
"""

from __future__ import annotations

from index import CitechatError


class SettingsError(CitechatError):
    """A setting has an invalid value."""


class QuestionError(CitechatError):
    """The question is empty or too long."""


class TestSetError(CitechatError):
    """A test set cannot be read."""

    __test__ = False  # the name starts with "Test"; pytest must not collect it


class LLMError(CitechatError):
    """The LLM is missing, rejected the request, or did not answer."""

    def __init__(
        self, message: str, hint: str = "", *, retryable: bool = False, kind: str = "other", wait: float = 0.0
    ) -> None:
        """`kind` is the kind of failure, see `llms.failures`; `wait` is the number of seconds that the server asks to
        wait before a retry."""
        super().__init__(message, hint)
        self.retryable = retryable
        self.kind = kind
        self.wait = wait
