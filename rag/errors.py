"""Errors that can occur when a user asks a question.

CitechatError
├── SettingsError      a setting has an invalid value
├── QuestionError      the question is empty or too long
├── TestSetError       a test set cannot be read: file, line, field, reason
└── LLMError           the LLM did not answer; `retryable` says whether a retry may help
"""

from __future__ import annotations

from index import CitechatError


class SettingsError(CitechatError):
    """An invalid value for a setting."""


class QuestionError(CitechatError):
    """An empty question, or one that is too long."""


class TestSetError(CitechatError):
    """A test set that cannot be read."""

    __test__ = False  # the name starts with "Test"; pytest must not collect it


class LLMError(CitechatError):
    """A missing LLM, a request that it rejected, or a missing reply."""

    def __init__(
        self, message: str, hint: str = "", *, retryable: bool = False, kind: str = "other", wait: float = 0.0
    ) -> None:
        """Store the `kind` of failure, see `llms.failures`, and `wait`, the delay before a retry that the server asks
        for, in seconds."""
        super().__init__(message, hint)
        self.retryable = retryable
        self.kind = kind
        self.wait = wait
