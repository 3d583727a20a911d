"""A right answer is kept and cited right in whatever form a model writes it, and a false number in it is found."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import pytest

from index import Encoder, Index, SearchResult, Span
from rag.generation.verified_stream import VerifiedStream
from rag.grounding.paraphrase import SupportGrade
from rag.grounding.support import SupportChecker

ARTICLES = {
    "A bridge over the fjord": (
        "The board met on Monday in Oslo to talk about the new bridge. Maria Holm leads the works on the northern side "
        "of the fjord. She expects the bridge to open in the spring of 2031. The toll has not been decided."
    ),
    "The ferry is sold": (
        "The Vella family sold the ship for 2.1 million euros last week. It was built in Split in 1968 and carried "
        "postal bags to the islands. The new owner wants to turn it into a hotel."
    ),
    "A library of tools": (
        "The library of Halden lends drills, ladders and a pressure washer. Last year 5,300 tools were lent and eleven "
        "were lost."
    ),
}
BRIDGE = "Maria Holm expects the bridge to open in the spring of 2031"
FERRY = "The Vella family sold the ship for 2.1 million euros"
FALSE = "The Vella family sold the ship for 7.4 million euros"

MARKERS = {
    "brackets before the full stop": "{a} [1]. {b} [2].",
    "brackets without a space": "{a}[1]. {b}[2].",
    "brackets after the full stop": "{a}. [1] {b}. [2]",
    "brackets after the full stop, no space": "{a}.[1] {b}.[2]",
    "brackets at the beginning": "[1] {a}. [2] {b}.",
    "brackets at the beginning of lines": "[1] {a}.\n\n[2] {b}.",
    "brackets on a line of their own": "{a}.\n[1]\n\n{b}.\n[2]",
    "bold brackets": "{a} **[1]**. {b} **[2]**.",
    "brackets in parentheses": "{a} ([1]). {b} (see [2]).",
    "double brackets": "{a} [[1]]. {b} [[2]].",
    "double brackets with a link": "{a} [[1]](https://example.org/1). {b} [[2]](https://example.org/2).",
    "a link": "{a} [1](https://example.org/1). {b} [2](#2).",
    "escaped brackets": "{a} \\[1\\]. {b} \\[2\\].",
    "wide brackets": "{a}【1】. {b}【2】.",
    "OpenAI's source": "{a}【1†source】. {b}【2†source】.",
    "OpenAI's message and source": "{a}【1:0†source】. {b}【2:1†source】.",
    "footnotes": "{a}[^1]. {b}[^2].",
    "footnotes with definitions": "{a}[^1]. {b}[^2].\n\n[^1]: A bridge over the fjord\n[^2]: The ferry is sold",
    "Bing's footnotes": "{a} [^1^]. {b} [^2^].",
    "parentheses before the full stop": "{a} (1). {b} (2).",
    "parentheses after the full stop": "{a}. (1) {b}. (2)",
    "superscript tags": "{a}.<sup>1</sup> {b}.<sup>2</sup>",
    "superscript tags with brackets": "{a}<sup>[1]</sup>. {b}<sup>[2]</sup>.",
    "superscripts": "{a}.¹ {b}.²",
    "superscripts before the full stop": "{a}¹. {b}².",
    "[Passage 1]": "{a} [Passage 1]. {b} [Passage 2].",
    "[passages 1 and 3]": "{a} [passage 1]. {b} [passages 2 and 3].",
    "[Source 1]": "{a} [Source 1]. {b} [Source 2].",
    "[Source: 1]": "{a} [Source: 1]. {b} [Source: 2].",
    "[Source 1: title]": "{a} [Source 1: A bridge over the fjord]. {b} [Source 2: The ferry is sold].",
    "(Source 1)": "{a} (Source 1). {b} (source 2).",
    "(Passage 1)": "{a} (Passage 1). {b} (see passage 2).",
    "[ID:1]": "{a} [ID:1]. {b} [ID: 2].",
    "[citation:1]": "{a} [citation:1]. {b} [citation:2].",
    "according to passage 1": "According to passage 1, {a}. According to passage 2, {b}.",
    "Passage 1 says that": "Passage 1 says that {a}. Passage 2 states that {b}.",
    "[1] says that": "[1] says that {a}. [2] reports that {b}.",
    "according to passage 1 at the end": "{a}, according to passage 1. {b}, as stated in passage 2.",
    "one marker for a paragraph": "{a}. {b}. [1][2]",
    "one marker for a list": "The articles say this [1][2]:\n- {a}\n- {b}",
    "no marker": "{a}. {b}.",
    "markers that are mixed up": "{a} [2]. {b} [3].",
    "markers that do not exist": "{a} [8]. {b} [9].",
    "a list of sources": "{a} [1]. {b} [2].\n\nSources:\n[1] A bridge over the fjord\n[2] The ferry is sold",
    "a list of references": "{a} [1]. {b} [2].\n\n**References**\n\n1. A bridge over the fjord.\n2. The ferry is sold.",
    "a line of sources": "{a}. {b}.\n\nSources: [1], [2]",
    "a line of sources in Chinese": "{a} [1]. {b} [2].\n\n来源：[1]、[2]",
}
WRAPPERS = {
    "reasoning": "<think>The toll is 900 euros [3]. Hmm.</think>\n\n{a} [1]. {b} [2].",
    "reasoning in another tag": "<thinking>\nSources: 1 and 2.\n</thinking>{a} [1]. {b} [2].",
    "reasoning without its first tag": "The user asks for the toll [3]. It is 900.\n</think>\n\n{a} [1]. {b} [2].",
    "Sure!": "Sure! Here is the answer:\n\n{a} [1]. {b} [2].",
    "Certainly!": "Certainly! {a} [1]. {b} [2].",
    "**Answer:**": "**Answer:** {a} [1]. {b} [2].",
    "Answer: on its own line": "Answer:\n{a} [1]. {b} [2].",
    "Final answer:": "Final answer: {a} [1]. {b} [2].",
    "Based on the passages, here is": "Based on the provided passages, here is the answer:\n\n{a} [1]. {b} [2].",
    "Based on the passages": "Based on the provided passages, {a} [1]. {b} [2].",
    "JSON": '{{"answer": "{a} [1]. {b} [2].", "citations": [1, 2]}}',
    "JSON with citations apart": '{{\n  "answer": "{a}. {b}.",\n  "citations": [1, 2]\n}}',
    "JSON in a fence": '```json\n{{"answer": "{a} [1]. {b} [2].", "citations": ["1", "2"]}}\n```',
    "JSON of sentences": '[{{"sentence": "{a}.", "citations": [1]}}, {{"sentence": "{b}.", "source": "Passage 2"}}]',
    "a code fence": "```\n{a} [1]. {b} [2].\n```",
    "a Markdown fence": "```markdown\n{a} [1]. {b} [2].\n```",
    "a heading": "## The bridge and the ferry\n\n{a} [1]. {b} [2].",
    "a bold heading": "**The bridge and the ferry**\n\n{a} [1]. {b} [2].",
    "a list": "Here is what the articles say:\n\n- {a} [1].\n- {b} [2].",
    "a numbered list": "The articles say this:\n1. {a} [1]\n2. {b} [2]",
    "a list with numbers in parentheses": "The articles say this:\n(1) {a} [1]\n(2) {b} [2]",
    "a nested list": "- **The works:**\n  - {a} [1]\n  - {b} [2]",
    "a table": "| Statement | Source |\n|---|:--|\n| {a} | [1] |\n| {b} | [2] |",
    "a block quote": "> {a} [1].\n> {b} [2].",
    "bold sentences": "**{a}** [1]. **{b}** [2].",
    "Yes": "Yes. {a} [1]. {b} [2].",
    "Yes, and": "Yes, {a} [1]. No, {b} [2].",
    "what the articles do not say": "{a} [1]. {b} [2]. The articles do not say what the toll is.",
}
DRESSES = {**MARKERS, **WRAPPERS}
_OTHER_MARKERS = re.compile(
    r"[【】†¹²³]|(?<!\n)\(\d|passage|source|</?\w+>|\[\^|\[\[|\\\[|\[[^\d]|\(\[|https?:", re.IGNORECASE
)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory, bundled_encoder: Encoder) -> SearchResult:
    """The bridge is passage 1, the ferry 2 and the library 3."""
    folder = tmp_path_factory.mktemp("dresses")
    files = folder / "files"
    files.mkdir()
    for number, (title, text) in enumerate(ARTICLES.items()):
        (files / f"{number}.md").write_text(f"---\ntitle: {title}\n---\n{text}\n", encoding="utf-8")
    index = Index(folder / "index", bundled_encoder)
    index.sync([files])
    found = index.find("When will the bridge open, and who sold the ship, and what does the library lend?")
    titles = list(ARTICLES)
    passages = sorted(found.passages, key=lambda passage: titles.index(passage.hit.title))
    assert [passage.hit.title for passage in passages] == titles
    return replace(found, passages=passages)


def _verified(reply: str, found: SearchResult, encoder: Encoder) -> VerifiedStream:
    verified = VerifiedStream(SupportChecker(found, encoder), len(found.passages))
    for at in range(0, len(reply), 7):
        verified.feed(reply[at : at + 7])
    verified.close()
    return verified


def test_there_are_enough_dresses() -> None:
    assert len(DRESSES) >= 70


@pytest.mark.parametrize("dress", DRESSES)
def test_a_right_answer_is_kept_and_cited_right(dress: str, found: SearchResult, bundled_encoder: Encoder) -> None:
    verified = _verified(DRESSES[dress].format(a=BRIDGE, b=FERRY), found, bundled_encoder)

    assert [sentence.numbers for sentence in verified.sentences] == [(1,), (2,)]
    assert {sentence.support for sentence in verified.sentences} <= {"quoted", "supported"}
    assert BRIDGE in verified.sentences[0].text
    assert FERRY in verified.sentences[1].text
    assert not re.search(r"\d", verified.sentences[0].text.replace("2031", "")), "no marker is part of the sentence"
    assert [verified.text.count(part) for part in (BRIDGE, FERRY, "[1]", "[2]")] == [1, 1, 1, 1]
    assert not _OTHER_MARKERS.search(verified.text.replace("| Source |", "").replace("provided passages", ""))
    assert "900" not in verified.text
    assert not verified.is_refusal


@pytest.mark.parametrize("dress", DRESSES)
def test_a_false_number_in_it_is_found(dress: str, found: SearchResult, bundled_encoder: Encoder) -> None:
    verified = _verified(DRESSES[dress].format(a=BRIDGE, b=FALSE), found, bundled_encoder)

    assert [sentence.support in {"quoted", "supported"} for sentence in verified.sentences] == [True, False]
    assert FALSE in verified.sentences[1].text
    assert FALSE in verified.text, "it is kept, with its label"


class SaysNothing:
    """Finds no support for anything."""

    def nearest(self, sentence: str, most: int) -> list[int]:
        return list(range(1, most + 1))

    def closer(self, sentence: str, cited: Sequence[int], among: Sequence[int]) -> int | None:
        return None

    def check(self, sentence: str, number: int, beside: Sequence[int] = ()) -> SupportGrade:
        return SupportGrade("unsupported", Span(0, 1))


@pytest.mark.parametrize("dress", DRESSES)
def test_the_pieces_in_which_it_arrives_change_nothing(dress: str) -> None:
    reply = DRESSES[dress].format(a=BRIDGE, b=FERRY)
    seen = []
    for size in (1, 3, len(reply)):
        verified = VerifiedStream(SaysNothing(), 3)  # type: ignore[arg-type]
        for at in range(0, len(reply), size):
            verified.feed(reply[at : at + size])
        verified.close()
        seen.append((verified.text, verified.sentences, verified.reasoning))

    assert seen[0] == seen[1] == seen[2]
