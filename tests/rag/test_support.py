"""Does the passage say this?"""

from __future__ import annotations

import pytest

from index import Passage
from rag.support import check

TEXT = (
    "Among OpenAI’s 1,677 associated members on LinkedIn, 23 of them studied at China’s Tsinghua University. "
    "Lu Yanxia said tech giants such as Baidu will be among the first. "
    "The watchdog did not name the selected companies."
)
PASSAGE = Passage("a", 100, 100 + len(TEXT), TEXT)


@pytest.mark.parametrize(
    ("sentence", "support"),
    [
        ("The watchdog did not name the selected companies.", "quoted"),
        ("“Lu Yanxia said tech giants such as Baidu will be among the first.”", "quoted"),
        (
            "Among OpenAI's 1,677 associated members on LinkedIn,\n23 of them studied at China's Tsinghua University.",
            "quoted",
        ),
        ("On LinkedIn, 23 of OpenAI's 1,677 members studied at Tsinghua University in China.", "supported"),
        ("Among members on LinkedIn, 24 of them studied at Tsinghua University.", "unsupported"),
        ("Among members on LinkedIn, 23 of them studied at Peking University.", "unsupported"),
        ("The watchdog did name the selected companies.", "unsupported"),
        ("The weather in Oslo was mild.", "unsupported"),
    ],
)
def test_a_sentence_is_judged_against_its_passage(sentence: str, support: str) -> None:
    assert check(sentence, PASSAGE).support == support


def test_the_supporting_span_is_in_the_offsets_of_the_article() -> None:
    sentence = "The watchdog did not name the selected companies."
    span = check(sentence, PASSAGE).span
    assert TEXT[span.start - 100 : span.end - 100] == sentence


def test_the_span_of_a_paraphrase_is_the_sentence_that_says_it() -> None:
    span = check("On LinkedIn, 23 of OpenAI's members studied at Tsinghua.", PASSAGE).span
    assert TEXT[span.start - 100 : span.end - 100].startswith("Among OpenAI’s")


@pytest.mark.parametrize("sentence", ["", "…", "[]", "(((", "\\"])
def test_a_sentence_without_words_is_not_supported_and_breaks_nothing(sentence: str) -> None:
    assert check(sentence, PASSAGE).support in {"unsupported", "weak"}
