"""The prompts that chat applications send for themselves, and the questions that only look like them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from markdown_it import MarkdownIt

from rag import Turn
from ui.api.helper_prompts import HelperPrompt, find_helper_prompt, plain_result, without_markup

HISTORY = """<chat_history>
USER: When did the harbour reopen?
ASSISTANT: The harbour reopened on Monday after the storm. [1]

[1] The harbour reopens, Daily: “The harbour reopened on Monday.”
USER: And who pays for the roof?
ASSISTANT: The city of Northport pays. [1]
</chat_history>"""
TITLE = f"""### Task:
Write a short title of 3-5 words with one emoji that sums up the chat history.

### Guidelines:
- Use the language of the chat.
- No quotation marks.

### Output:
JSON format: {{ "title": "the title" }}

### Chat History:
{HISTORY}"""
TAGS = f"""### Task:
Produce 1-3 broad tags for the main themes of the chat history, and some specific ones.

### Output:
JSON format: {{ "tags": ["one", "two"] }}

### Chat History:
{HISTORY}"""
FOLLOW_UPS = f"""### Task:
Propose 3-5 follow-up questions that the user could ask next in this conversation.

### Output:
JSON format: {{ "follow_ups": ["First?", "Second?"] }}

### Chat History:
{HISTORY}"""
QUERIES = f"""### Task:
Analyze the chat history to decide whether to generate search queries. Prefer 1-3 broad search queries.

### Output:
Reply in JSON:
{{
  "queries": ["one", "two"]
}}

### Chat History:
{HISTORY}"""
COMPLETION = """### Task:
You are an autocompletion system. Continue the text in `<text>` in the way that `<type>` says.

### Output:
JSON only: { "text": "<the rest>" }

### Context:
<chat_history>
USER: When did the harbour reopen?
</chat_history>
<type>General</type>
<text>And who pays for</text>
#### Output:"""
PLAIN_TITLE = """Provide a title of 5 words or less for the conversation, in its language, without punctuation.

Conversation:
User: When did the harbour reopen?
AI: The harbour reopened on Monday.

Title:"""
BARE_TITLE = "Please generate a four to five word title for our conversation without any lead-in or punctuation."
CHINESE_TITLE = """### 任务
为以下对话生成一个10个字以内的标题，仅返回标题。

用户：港口什么时候重新开放？
助手：港口于周一重新开放。"""
EARLIER = [("user", "When did the harbour reopen?"), ("assistant", "On Monday."), ("user", "Why?"), ("assistant", "…")]


def found(*messages: tuple[str, str]) -> HelperPrompt:
    prompt = find_helper_prompt(messages)
    assert prompt is not None
    return prompt


def result(*messages: tuple[str, str]) -> str:
    return plain_result(found(*messages), lambda asked: [f"What follows {len(asked)} questions?"])


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        (TITLE, "title", {"title": "When did the harbour reopen"}),
        (TAGS, "tags", {"tags": []}),
        (FOLLOW_UPS, "follow-ups", {"follow_ups": ["What follows 2 questions?"]}),
        (QUERIES, "queries", {"queries": ["And who pays for the roof?"]}),
        (COMPLETION, "completion", {"text": ""}),
    ],
)
def test_a_prompt_for_json_has_the_json_that_it_asks_for(text: str, kind: str, expected: object) -> None:
    assert found(("user", text)).kind == kind
    assert json.loads(result(("user", text))) == expected


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([("user", PLAIN_TITLE)], "When did the harbour reopen"),
        ([("system", PLAIN_TITLE)], "When did the harbour reopen"),
        ([*EARLIER, ("user", BARE_TITLE)], "When did the harbour reopen"),
        ([("user", CHINESE_TITLE)], "港口什么时候重新开放"),
        (
            [
                ("system", "You name conversations. Give a title in 10 words. Reply with the title and nothing else."),
                ("user", "user: Who owns the ferry?\nassistant: The island."),
            ],
            "Who owns the ferry",
        ),
        (
            [
                (
                    "user",
                    'Summarize this conversation as a 10-word title. Give the title only.\n\n"Where do ships wait?"',
                )
            ],
            "Where do ships wait",
        ),
    ],
)
def test_a_title_is_the_first_question_in_the_wording_of_any_application(
    messages: list[tuple[str, str]], expected: str
) -> None:
    assert found(*messages).kind == "title"
    assert result(*messages) == expected


def test_a_long_question_is_cut_between_words() -> None:
    title = result(("user", PLAIN_TITLE.replace("reopen?", "reopen after the long storm that tore the roof off?")))
    assert title == "When did the harbour reopen after the long storm that tore…"


@pytest.mark.parametrize(
    "question",
    [
        "What title did she win?",
        "Which tags does the article use, and who chose the title?",
        "Give me a title for the article about the harbour.",
        "Generate a title of 5 words for the article about the chat with the mayor.",
        "Suggest follow-up questions to the conversation with the minister.",
        "What did the user say in the conversation? Answer in JSON.",
        "Summarize the discussion about the ferry in 20 words.",
        "Who won the title in the chat history competition? Answer in five words.",
        "Which search queries did people generate most?",
        "What is autocompletion?",
        "她赢得了什么冠军头衔？",
        "文章的标题是什么？",
        "USER: Who is the mayor?",
        '### Task:\nAnswer the question from the context.\n<context>A title.</context>\nJSON: {"title": 1}\nWho?',
    ],
)
def test_a_question_is_never_taken_for_such_a_prompt(question: str) -> None:
    assert find_helper_prompt([("user", question)]) is None
    assert find_helper_prompt([*EARLIER, ("user", question)]) is None
    assert find_helper_prompt([("system", "Give every conversation a title of 5 words."), ("user", question)]) is None


def test_a_prompt_of_an_earlier_message_does_not_change_the_question() -> None:
    assert find_helper_prompt([("user", TITLE), ("assistant", "A title"), ("user", "Who is the mayor?")]) is None
    assert find_helper_prompt([("user", TITLE), ("assistant", "A title")]) is None


def test_the_conversation_is_read_from_the_prompt() -> None:
    prompt = found(("user", TITLE))
    assert prompt.turns[0] == Turn("user", "When did the harbour reopen?")
    assert prompt.turns[-1] == Turn("assistant", "The city of Northport pays. [1]")
    assert prompt.messages == (("user", TITLE),)


@pytest.mark.parametrize("unit", ["USER: ", "\nuser:", "{ ", "### Task\n", "<chat_history>", "generate a ", "，"])
def test_a_hostile_prompt_takes_linear_time(unit: str) -> None:
    text = f"{TITLE}{unit * (400_000 // len(unit))}"
    prompt = find_helper_prompt([("user", text)])
    assert prompt is not None
    assert len(plain_result(prompt, lambda asked: asked[:1])) < 5000
    find_helper_prompt([("user", unit * (400_000 // len(unit)))])


PASTED = "### Task:\nGenerate a title for this conversation, then write the following. Reply with nothing else."


@pytest.mark.parametrize("opening", ["", "Newsletter\n"])
def test_a_question_after_a_pasted_task_is_a_question(opening: str) -> None:
    filler = "The harbour was closed for repairs. " * 90
    history = [("user", "When did it open?"), ("assistant", "On Monday.")]
    assert find_helper_prompt([*history, ("user", f"{opening}{PASTED}\n\n{filler}")]) is not None
    question = "Who founded 360 Security Technology?"
    assert find_helper_prompt([*history, ("user", f"{opening}{PASTED}\n\n{filler}\n\n{question}")]) is None


HOSTILE = [
    "<scr<script>ipt>alert(1)</script>",
    "<<b>img src=x onerror=alert(1)>",
    "<img\nsrc=x\nonerror=alert(1)>",
    "<svg/onload=alert(1)",
    "![x](//evil.example/p(1).png)",
    "![](\n//evil.example/p.png\n)",
    "[x][1]\n\n[1]: //evil.example/a",
    "[x]\n\n[x]: <//evil.example>",
    "[now](//evil.example)",
    "<https://evil.example>",
    "https://evil.example/y",
    r"http:/\/evil.example",
    r"http\://evil.example",
    "http&#58;//evil.example",
    "http&colon;//evil.example",
    "www.evil.example",
    "www&period;evil.example",
    "a@evil.example",
    "a&#64;evil.example",
]


def _is_plain(text: str) -> bool:
    """Return whether Markdown is only plain text, also for a renderer that looks for addresses in the plain text."""
    read = ""
    for token in MarkdownIt("commonmark").parse(text):
        if token.type not in {"paragraph_open", "inline", "paragraph_close"}:
            return False
        for child in token.children or ():
            if child.type not in {"text", "softbreak"}:
                return False
            read += child.content or "\n"
    return not any(re.search(r"https?://|www\.|\w@\w|<", each, re.IGNORECASE) for each in (text, read))


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_reply_to_a_helper_prompt_has_no_tags_links_images_and_addresses(hostile: str) -> None:
    assert not _is_plain(hostile)
    for text in (hostile, f"Harbour {hostile} open", hostile * 3):
        assert _is_plain(without_markup(text))


@pytest.mark.parametrize("escaped", ["", "/", "<", ":", "@", ".", "&", "#", "[", "]", "(", "!"])
@pytest.mark.parametrize(
    "hostile", [*HOSTILE, 'The "Harbour" \\ opens', "港口 opens \U0001f600", "Tags: [a], {b}; c & d"]
)
def test_a_reply_in_json_remains_json_with_the_same_words(hostile: str, escaped: str) -> None:
    """Each sign may be escaped, or not."""
    text = json.dumps(hostile)
    written = text.replace(escaped, rf"\u{ord(escaped):04X}") if escaped else text.replace("/", r"\/")
    reply = f'{{"title": {written}, "tags": [{written}, "Harbour"], "follow_ups": []}}'
    _check_json(without_markup(reply), {"title": hostile, "tags": [hostile, "Harbour"], "follow_ups": []})


def _check_json(written: str, expected: dict[str, Any]) -> None:
    found = json.loads(written)
    assert _words(found) == _words(expected)
    assert "<" not in written
    assert not re.search(r"https?://|www\.|\w@\w|\]\(|\]\[|\]:", found["title"], re.IGNORECASE)


def _words(value: Any) -> Any:
    return json.loads(json.dumps(value, ensure_ascii=False).replace("\u2060", "").replace("‹", "<"))


@pytest.mark.parametrize(
    "text", ["[1] Harbour: 3 > 2", "Q&A, R&D (2024)", '{"tags": ["a", ["b"]], "n": 1}', "a\\n 5\\u00e9"]
)
def test_a_reply_without_markup_is_unchanged(text: str) -> None:
    assert without_markup(text) == text
