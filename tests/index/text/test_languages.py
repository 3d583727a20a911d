"""The language of a text is detected, and a plausible declaration counts more."""

from __future__ import annotations

import pytest
from paragraphs import PARAGRAPHS

from index import likely_language
from index.text import languages
from index.text.languages import language_of

ARTICLES = {language: "\n\n".join(" ".join(marked) for marked in some) for language, some in PARAGRAPHS.items()}
ARTICLES["en"] = (
    "The bridge over the river has been closed since Monday. Engineers found a crack in one of its pillars, and the"
    " city says that repairs will take three weeks.\n\nBuses may still cross, but cars have to use the ferry, which"
    " now runs every ten minutes."
)
ARTICLES["ru"] = (
    "Мост через реку закрыт с понедельника. Инженеры нашли трещину в одной из опор, и ремонт займёт три недели."
)
ARTICLES["zh"] = (
    "这座桥从星期一开始关闭。工程师在一根桥墩上发现了裂缝，市政府说维修需要三个星期。公共汽车仍然可以通过。"
)


@pytest.mark.parametrize("language", ARTICLES)
def test_the_language_of_an_article_is_detected(language: str) -> None:
    assert language_of(ARTICLES[language]) == language
    assert language_of(ARTICLES[language] * 500) == language


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2021, 2022, 2023",
        "x" * 5000,
        "12.5;13;14\n" * 300,
        "\ud800",
        "Angela Merkel, Emmanuel Macron, Mario Draghi, Pedro Sánchez",
        "def f(x):\n    return self.x + 1\n" * 20,
    ],
)
def test_numbers_names_and_code_have_no_language(text: str) -> None:
    assert language_of(text) is None
    assert language_of(text, "en") == "en"


@pytest.mark.parametrize(
    "text",
    [
        "Angela Merkel met Emmanuel Macron.",
        "Paris Saint-Germain signed Kylian Mbappé.",
        "In de Kuip, Feyenoord drew.",
        "The No. 5 won.",
        "Yes.",
    ],
)
def test_a_short_english_text_is_not_taken_for_another_language(text: str) -> None:
    assert language_of(text) in (None, "en")


def test_a_declared_language_is_replaced_only_if_the_text_is_clearly_in_another_one() -> None:
    assert language_of(ARTICLES["de"], "en") == "de", "many templates declare English"
    assert language_of(ARTICLES["fr"], "fr") == "fr"
    assert language_of(ARTICLES["cs"], "sk") in ("cs", "sk")
    assert language_of("Das ist kurz.", "en") == "en", "the text is too short to be sure"
    assert language_of(ARTICLES["de"], "gsw") == "gsw", "the detector does not know this language"


@pytest.mark.parametrize(
    ("language", "beginning"),
    [
        ("de", "Die Frist läuft bis zum 31."),
        ("de", "Kinder bis zum 6."),
        ("fr", "Selon l'art. 3, les mineurs"),
        ("nl", "De omzet steeg"),
        ("en", "According to the U.S."),
        (None, "M. D"),
        (None, "Am 3."),
    ],
)
def test_a_few_words_have_a_likely_language(language: str | None, beginning: str) -> None:
    assert likely_language(beginning) == language


def test_without_room_for_the_model_articles_have_their_declared_language(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> object:
        raise OSError("No space left on device")

    monkeypatch.setattr("py3langid.langid.LanguageIdentifier.from_model_file", fail)
    languages._identifier.cache_clear()
    try:
        assert language_of("Die Fähre nach Lindau legte am Dienstag wieder ab, sagte der Hafenmeister.") is None
        assert language_of("Die Fähre nach Lindau legte am Dienstag wieder ab.", "de") == "de"
        assert likely_language("Die Fähre") is None
        assert "Cannot detect the languages of articles: No space left on device" in caplog.text
    finally:
        languages._identifier.cache_clear()
