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
    """An error for a setting with an invalid value."""


class QuestionError(CitechatError):
    """An error for a question that is empty or too long; `is_too_long` says which."""

    def __init__(self, message: str, hint: str = "", *, is_too_long: bool = False) -> None:
        super().__init__(message, hint)
        self.is_too_long = is_too_long


class TestSetError(CitechatError):
    """An error for a test set that cannot be read or written."""

    __test__ = False  # the name starts with "Test"; pytest must not collect it


class FullTestSetError(TestSetError):
    """An error for a test set to which no more answers can be added."""


class LLMError(CitechatError):
    """An error for an LLM that is missing, rejects a request, or does not answer."""

    def __init__(
        self,
        message: str,
        hint: str = "",
        *,
        retryable: bool = False,
        kind: str = "other",
        wait: float = 0.0,
        reported: str = "",
    ) -> None:
        """Store the `kind` of failure, see `llms.failures`, and `wait`, the delay before a retry that the server asks
        for, in seconds.

        `reported` is what the client or the server reported, on one line without keys. It may contain paths, addresses
        and markup: it is for the log and the operator, not for users.
        """
        super().__init__(message, hint)
        self.retryable = retryable
        self.kind = kind
        self.wait = wait
        self.reported = reported
