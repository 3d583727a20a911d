"""What a model wraps around its answer is removed, and nothing of the answer is."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.generation.unwrap import Unwrapper


def unwrapped(*pieces: str) -> tuple[str, str]:
    """The answer and the reasoning in a reply that arrives in pieces."""
    unwrapper, text = Unwrapper(), ""
    for piece in pieces:
        restarts = unwrapper.restarts
        added = unwrapper.feed(piece)
        text = added if unwrapper.restarts != restarts else text + added
    return text + unwrapper.close(), unwrapper.reasoning


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ("It rose.", "It rose."),
        ("\n\n It rose.", "It rose."),
        ("Answer: **It rose.**", "**It rose.**"),
        ("**Answer**: It rose.", "It rose."),
        ("### Answer\nIt rose.", "It rose."),
        ("答案：它上涨了。", "它上涨了。"),
        ("Sure! Here is the answer: It rose.", "It rose."),
        ("OK.\n\n**Final Answer:**\n\nIt rose.", "It rose."),
        ("<answer>It rose.</answer>", "It rose."),
        ("It rose.<|im_end|>", "It rose."),
        ("Based on the passages:\nIt rose.", "It rose."),
        ("```text\nIt rose.\n```\nSources:\n- A", "It rose.\n"),
        ("It rose.\n\n## Sources\n\n- A\n- B\n\nIt also fell.", "It rose.\n\nIt also fell."),
        ("It rose.\nReferences: [1] A; [2] B.", "It rose.\n"),
        ("It rose.\n[1]: https://example.org/", "It rose.\n"),
        ("It rose.\nFuentes:\n1. A\n2. B", "It rose.\n"),
        ('{"answer": "It rose.\\nIt fell."}', "It rose.\nIt fell."),
        ('{"answer": ["It rose.", "It fell."], "sources": [1]}', "It rose. It fell. [1]"),
        ('{"answer": ["Oslo", "Split"]}', "- Oslo\n- Split"),
        ('{"result": {"text": "It rose.", "evidence": [{"passage": 2, "quote": "1 rose"}]}}', "It rose. [2]"),
        ('{"city": "Oslo", "year": 2031}', "- city: Oslo\n- year: 2031"),
        ('{"answer": "It \\"rose\\" and th', 'It "rose" and th'),
        ('{"answer": "It rose."}\n\nIt fell.', "It rose.\nIt fell."),
    ],
)
def test_what_is_wrapped_around_an_answer_is_removed(reply: str, answer: str) -> None:
    assert unwrapped(reply) == (answer, "")


@pytest.mark.parametrize(
    "text",
    [
        "Answers vary: it rose.",
        "Sure enough, it rose.",
        "Of course it rose.",
        "OK Corral is a place.",
        "According to the article, it rose.",
        "Based on 12 interviews, it rose.",
        "Sources: Reuters said so, and others did, too.",
        "It rose.\nSources: two men said so, and others did, too.",
        "It rose.\nThe sources:\n- a man",
        "It rose.\n[1] It fell.",
        "{x} is a set, and [1] too.",
        "{'x': {1}}",
        "```python\nx[1]\n```\nis code.",
        "It is <b>bold</b> and a < b, <thin>.",
        "Sur",
        "It rose.\nSour",
    ],
)
def test_an_answer_that_only_looks_similar_is_unchanged(text: str) -> None:
    assert unwrapped(text) == (text, "")


@pytest.mark.parametrize(
    ("reply", "answer", "reasoning"),
    [
        ("<think>a [1]</think>It rose.", "It rose.", "a [1]"),
        ("<think></think>It rose.", "It rose.", ""),
        ("It rose. <think>a</think>It fell.", "It rose. It fell.", "a"),
        ("<think>a</think><think>b</think>It rose.", "It rose.", "ab"),
        ("Answer: a\n</think>It rose.", "It rose.", "Answer: a\n"),
        ('{"a": 1}</think>It rose.', "It rose.", '{"a": 1}'),
        ("<think>never ends", "", "never ends"),
        ("<THINK>a < b</THINK>It rose.", "It rose.", "a < b"),
    ],
)
def test_reasoning_is_kept_apart(reply: str, answer: str, reasoning: str) -> None:
    assert unwrapped(reply) == (answer, reasoning)
    assert unwrapped(*reply) == (answer, reasoning)


_PARTS = st.sampled_from(
    [
        *(
            "It rose.",
            " ",
            "\n",
            "Sure! ",
            "Answer:",
            "**",
            "Here is the answer:\n",
            "Based on the text",
            "```",
            "```json\n",
        ),
        *(
            "<think>",
            "</think>",
            "<answer>",
            "<",
            "\nSources:\n",
            "\n- A",
            "[^1]: A",
            "\n[1]: A\n",
            '{"answer": "',
            '"}',
            "[{",
        ),
    ]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(_PARTS | st.text(max_size=3), max_size=12), st.integers(1, 8))
def test_the_pieces_of_a_reply_change_nothing(parts: list[str], size: int) -> None:
    reply = "".join(parts)
    pieces = [reply[at : at + size] for at in range(0, len(reply), size)]
    assert unwrapped(*pieces) == unwrapped(reply)


@pytest.mark.parametrize(
    "text", ["Sure! " * 5_000, "\nSources: " * 3_000, "x\nSources: " + "a" * 30_000, "<think" * 5_000, "[{" * 9_000]
)
def test_a_long_reply_is_read_to_its_end(text: str) -> None:
    unwrapped(text)


@pytest.mark.parametrize("end", ["null", '""', "[]", "true"])
@pytest.mark.parametrize("keys", [("answer",), ("points", "summary", "items"), ("x", "answer")])
def test_nested_objects_are_read_once(keys: tuple[str, ...], end: str) -> None:
    """Reading the value of an answer's key again as that of another key took twice the time at each level."""
    depth = 200
    unwrapped("".join(f'{{"{keys[level % len(keys)]}":' for level in range(depth)) + end + "}" * depth)
