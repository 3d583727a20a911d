"""What a claim must have exactly right: numbers and their units, names, denials, and what a near copy changed."""

from __future__ import annotations

import pytest

from rag.grounding.consistency import copy_inconsistency, find_copy, inconsistency, negation_doubt
from rag.text.entities import names, unknown_names
from rag.text.quantities import Quantity, quantities


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1,677 members", ["1677"]),
        ("twenty-three of them", ["23"]),
        ("two hundred and five", ["205"]),
        ("5.3 million, five million three hundred thousand", ["5300000", "5300000"]),
        ("the 21st century and the twenty-first", ["21", "21"]),
        ("between 1914–1918", ["1914", "1918"]),
        ("3.50 and version 2.0.", ["3.5", "2"]),
        ("a dozen eggs, half a loaf", ["12", "half"]),
        ("one of them, one another", []),
        ("三百二十人，23.5亿美元，十二家，一个", ["320", "2350000000", "12"]),
        ("二〇二四年 ３％", ["2024", "3"]),
        ("no number, someone, often, tend", []),
        ("", []),
    ],
)
def test_numbers_are_read_however_they_are_written(text: str, values: list[str]) -> None:
    assert [quantity.value for quantity in quantities(text)] == values


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("23%", "percent"),
        ("23 per cent", "percent"),
        ("$23", "dollar"),
        ("23 million dollars", "dollar"),
        ("23 km", "kilometre"),
        ("a 23-year-old", "year"),
        ("23公里", "kilometre"),
        ("23 men", None),
        ("23 monkeys", None),
    ],
)
def test_a_number_knows_its_unit(text: str, unit: str | None) -> None:
    (quantity,) = quantities(text)
    assert quantity.unit == unit


def test_a_number_without_a_unit_has_none() -> None:
    assert quantities("Seven.") == [Quantity("7")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("In March, Mr. Zhou met U.S. officials.", ["march", "zhou", "us"]),
        ("Baidu won.", []),
        ("OpenAI won, NASA lost.", ["openai", "nasa"]),
        ("Lu Yanxia said so.", ["lu", "yanxia"]),
        ("However, the firm of Jean-Paul’s left.", ["jean", "paul"]),
        ("Although Baidu won, I left.", ["baidu"]),
    ],
)
def test_names_are_told_by_their_capitals(text: str, expected: list[str]) -> None:
    assert names(text) == expected


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("Chinese", "a firm from China"),
        ("Russian", "the government of Russia"),
        ("UN", "a vote of the United Nations"),
        ("United Nations", "a vote of the UN"),
        ("January", "on 3 Jan. 1943"),
        ("U.S.", "in the US"),
    ],
)
def test_a_name_may_take_another_form(name: str, source: str) -> None:
    claim = f"It is {name}"
    assert unknown_names(claim, source, names(claim)) == set()


@pytest.mark.parametrize(
    ("name", "source"), [("John", "by Johnson"), ("Austria", "in Australia"), ("Tsinghua", "at Peking University")]
)
def test_a_name_that_looks_alike_is_another(name: str, source: str) -> None:
    claim = f"It is {name}"
    assert unknown_names(claim, source, names(claim)) == {name.lower()}


@pytest.mark.parametrize(
    ("claim", "source"),
    [
        ("It grew by 5 km.", "It grew by 5 miles, and 3 km of road."),
        ("It cost 5 percent.", "It cost 5 dollars."),
        ("It cost $5.", "It cost 5 yuan."),
    ],
)
def test_a_number_with_another_unit_is_another(claim: str, source: str) -> None:
    assert inconsistency(claim, source, source)


@pytest.mark.parametrize(
    ("claim", "source"),
    [
        ("It cost $410 million.", "It cost $410m."),
        ("It cost 2.3 billion dollars.", "It cost $2.3b."),
        ("It sold 410 million.", "It sold 410m."),
        ("It rose by half.", "It rose by 50%."),
        ("It rose by 50 percent.", "It rose by half."),
        ("It doubled to double that.", "It is twice that."),
        ("At first it was the one.", "It was initially."),
        ("They came in three boats.", "They came in 3 boats."),
        ("It sits no longer.", "It has stopped sitting."),
        ("Instead it sits.", "It sits."),
        ("It was in the Far Eastern port.", "It was in the Far East."),
    ],
)
def test_the_same_fact_may_be_written_another_way(claim: str, source: str) -> None:
    assert inconsistency(claim, source, source) == ""


@pytest.mark.parametrize(
    ("claim", "source"),
    [
        ("It cost $410 million.", "It cost $410."),
        ("It rose by half.", "It rose by 50 metres."),
        ("It was 410 miles long.", "It was 410m long."),
        ("It rose by a quarter.", "It rose by half."),
    ],
)
def test_a_number_that_looks_alike_is_another(claim: str, source: str) -> None:
    assert inconsistency(claim, source, source)


def test_a_negation_in_other_words_is_a_doubt_and_in_the_same_words_a_contradiction() -> None:
    assert inconsistency("The centre is to be spared.", "No redundancies are planned there.", "") == ""
    assert negation_doubt("The centre is to be spared.", "No redundancies are planned there.") == (
        "The passage contains a negation that this sentence does not."
    )
    assert negation_doubt("It was not spared.", "It was lost.") == (
        "This sentence contains a negation that the passage does not."
    )
    said = "Microsoft bought Activision."
    assert inconsistency("Microsoft never bought Activision.", said, said) == "The passage does not deny this."
    assert negation_doubt("It was spared.", "It was saved.") == ""


def _is_true_copy(claim: str, sentence: str, around: str = "") -> bool:
    copy = find_copy(claim, [sentence])
    assert copy is not None, "it should be near enough to be a copy"
    return not copy_inconsistency(claim, copy, sentence, around)


@pytest.mark.parametrize(
    ("claim", "sentence"),
    [
        ("He was born in Smiljan in 1856.", "He was born in Smiljan in 1856 and died in New York in 1943."),
        ("He did not win but he came back.", "He did not win, but he came back."),
        ("He came back the next year.", "He did not win that year, but he came back the next year."),
        ("The firm paid 5 dollars for it.", "The firm paid $5 for it."),
        ("It is not only big but also fast here.", "It is big but also fast here."),
        (
            "On Sunday it fell into the public domain.",
            "On Sunday it (though not the films, shows, music and the other things) fell into the public domain.",
        ),
    ],
)
def test_a_copy_may_leave_out_and_say_otherwise_what_changes_nothing(claim: str, sentence: str) -> None:
    assert _is_true_copy(claim, sentence)


@pytest.mark.parametrize(
    ("claim", "sentence"),
    [
        ("He was born in New York in 1856.", "He was born in Smiljan in 1856 and died in New York in 1943."),
        ("He was born in Smiljan in 1943.", "He was born in Smiljan in 1856 and died in New York in 1943."),
        ("The company sold data to third parties.", "He denied that the company sold data to third parties."),
        ("He did win, but he came back.", "He did not win, but he came back."),
        ("He did not win, but he did not come back.", "He did not win, but he did come back."),
        (
            "Microsoft bought Activision in 2022 for a lot of cash.",
            "Activision bought Microsoft in 2022 for a lot of cash.",
        ),
        ("It rose from 12 to 10 percent in one year.", "It rose from 10 to 12 percent in one year."),
        ("It had nothing and not only four species of sharks.", "It had nothing and only four species of sharks."),
    ],
)
def test_a_copy_that_changes_a_fact_is_caught(claim: str, sentence: str) -> None:
    assert not _is_true_copy(claim, sentence)


def test_a_name_may_stand_for_a_pronoun_when_the_article_names_it() -> None:
    claim, sentence = "Nikola Tesla died in his hotel on 7 January 1943.", "He died in his hotel on 7 January 1943."
    assert _is_true_copy(claim, sentence, around="A life of Nikola Tesla")
    assert not _is_true_copy(claim, sentence, around="A life of Thomas Edison")


def test_the_passive_exchanges_nobody() -> None:
    said = "Activision was bought by Microsoft."
    assert not inconsistency(said, "Microsoft bought Activision.", "Microsoft bought Activision.")


def test_two_sentences_may_be_copied_as_one() -> None:
    copy = find_copy("He came in May and left in June.", ["It rained.", "He came in May.", "He left in June."])
    assert copy is not None
    assert (copy.first, copy.last) == (1, 2)


def test_a_sentence_in_its_own_words_is_no_copy() -> None:
    assert find_copy("Tech giants come first.", ["Firms such as Baidu will be among those selected."]) is None
