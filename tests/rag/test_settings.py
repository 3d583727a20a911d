"""Settings: former names still work, with a warning; a wrong value is named, a secret is not."""

from __future__ import annotations

import pytest

from rag import SettingsError, load_settings

FORMER_NAMES = [
    ("min_score", "abstention_threshold", "0.25", 0.25),
    ("llm_patience", "llm_total_timeout", "30", 30.0),
    ("links", "allow_web_links", "true", True),
]


@pytest.mark.parametrize(("former", "name", "text", "value"), FORMER_NAMES)
class TestAFormerName:
    def test_of_a_variable_is_read_with_a_warning(
        self,
        former: str,
        name: str,
        text: str,
        value: object,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        monkeypatch.setenv(f"CITECHAT_{former.upper()}", text)
        assert getattr(load_settings(), name) == value
        assert f"use CITECHAT_{name.upper()}" in caplog.text

    def test_of_a_keyword_is_accepted_with_a_warning(
        self, former: str, name: str, text: str, value: object, caplog: pytest.LogCaptureFixture
    ) -> None:
        assert getattr(load_settings(**{former: text}), name) == value
        assert f"use {name!r}" in caplog.text

    def test_loses_against_the_current_one(
        self,
        former: str,
        name: str,
        text: str,
        value: object,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        monkeypatch.setenv(f"CITECHAT_{former.upper()}", "wrong")
        monkeypatch.setenv(f"CITECHAT_{name.upper()}", text)
        assert getattr(load_settings(), name) == value
        assert not caplog.text


def test_an_empty_variable_of_a_former_name_is_ignored(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("CITECHAT_MIN_SCORE", "")
    assert load_settings().abstention_threshold is None
    assert not caplog.text


def test_a_wrong_value_is_named_with_its_variable() -> None:
    with pytest.raises(SettingsError, match="'top_k' cannot be 0: ") as refused:
        load_settings(top_k=0)
    assert "CITECHAT_TOP_K" in refused.value.hint


def test_a_secret_is_not_repeated() -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings(chroma_url="ftp://user:s3cr3t@host")
    assert "s3cr3t" not in str(refused.value)


@pytest.mark.parametrize("key", ["s3cr3t\nX-Other: 1", "my s3cr3t", "s3cr3t\u00e9", " "])
def test_a_key_for_a_server_fits_into_a_header(key: str) -> None:
    with pytest.raises(SettingsError, match="'server_api_key' cannot be its value") as refused:
        load_settings(server_api_key=key)
    assert "s3cr3t" not in str(refused.value)
    assert "s3cr3t" not in repr(load_settings(server_api_key="s3cr3t"))
