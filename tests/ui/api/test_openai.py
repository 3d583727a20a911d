"""The unmodified client of OpenAI's API, and LangChain's, asked about our articles."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from newsroom import newsroom
from openai import APIStatusError, NotFoundError, OpenAI
from scripted import Scripted
from servers import serving_chat
from staged import StagedLLM

from index import Hit, Passage, Span
from rag import NOT_FOUND, NOT_FROM_ARTICLES, Answer, AnswerOptions, LLMError, Sentence, Turn
from rag.answer import NOT_READ
from ui.api.openai import CompletionRequest, _content, escape_markup, without_footnotes
from ui.html import WORD_JOINER
from ui.server import ServedChat, start_chat

pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::DeprecationWarning"
)

Answering = Callable[[Callable[[str], Any]], ServedChat]
HARBOUR = "The harbour reopened on Monday after the storm. ["


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedChat]:
    staged = newsroom(tmp_path_factory.mktemp("openai"))
    with serving_chat(staged.assistant, staged.services) as served:
        yield served


@pytest.fixture
def client(chat: ServedChat) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{chat.url}v1", api_key="none", max_retries=0) as opened:
        yield opened


def test_a_question_is_answered_with_footnotes_and_its_exact_citations(client: OpenAI) -> None:
    reply = client.chat.completions.create(model="citechat", messages=[{"role": "user", "content": "The harbour?"}])
    choice = reply.choices[0]
    message: Any = choice.message
    assert choice.finish_reason == "stop"
    assert message.content.startswith(HARBOUR)
    number = message.citations[0]["number"]
    assert f"\n\n[{number}] The harbour reopens, https://daily.example/harbour, 2024-02-24: “" in message.content
    assert message.found is True
    cited = message.citations[0]
    assert (cited["number"], cited["title"]) == (number, "The harbour reopens")
    assert cited["quote"] in "The harbour reopened on Monday after the storm."
    assert [each["support"] for each in message.sentences][:2] == ["quoted", "supported"]
    assert reply.usage is not None


def test_a_streamed_answer_is_the_same_and_its_last_piece_has_the_citations(client: OpenAI) -> None:
    asked: Any = {"model": "citechat", "messages": [{"role": "user", "content": "The harbour, slowly?"}]}
    whole: Any = client.chat.completions.create(**asked).choices[0].message
    chunks = list(client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True}))
    pieces = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    written = [piece.content for piece in pieces if piece.content]
    assert "".join(written) == whole.content
    assert len(written) > 3, "it is sent sentence by sentence"
    assert [piece.citations for piece in pieces if hasattr(piece, "citations")] == [whole.citations]
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].usage is not None


def test_what_the_articles_do_not_say_is_said_and_cites_nothing(client: OpenAI) -> None:
    asked: Any = {"model": "citechat", "messages": [{"role": "user", "content": "The moon?"}]}
    message: Any = client.chat.completions.create(**asked).choices[0].message
    assert (message.content, message.found, message.citations) == (NOT_FOUND, False, [])
    chunks = list(client.chat.completions.create(**asked, stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == NOT_FOUND


def test_what_is_sent_is_never_taken_back(answering_with: Answering) -> None:
    """Nothing is sent of an answer that may still be replaced, nor of a sentence that is being written."""
    hits = (Hit(Passage("a1", 0, 17, "It was on Monday."), "T", "S", None, 1.0),)

    def sentence(text: str, start: int, support: Any) -> Sentence:
        numbers, spans = ((1,), (Span(0, 5),)) if support == "supported" else ((), ())
        return Sentence(start, start + len(text), text, numbers, spans, support)

    def written(question: str) -> Iterator[Answer]:
        bad, good = sentence("It was bad.", 0, "unsupported"), sentence("It was Monday. [1]", 12, "supported")
        yield Answer(question, "It was bad", hits=hits)
        yield Answer(question, "It was bad. It was Sunday", hits=hits, sentences=(bad,))
        if "fails" in question:
            yield Answer(question, NOT_FOUND, found=False, hits=hits, done=True)
            return
        yield Answer(question, "It was bad. It was Monday. [1] And", hits=hits, sentences=(bad, good))
        yield Answer(question, "It was bad. It was Monday. [1]", hits=hits, sentences=(bad, good), done=True)

    chat = answering_with(written)
    sent = [_pieces(chat, "When?"), _pieces(chat, "When it fails?")]
    assert "".join(sent[0]).startswith("It was bad. It was Monday. [1]\n\n[1] T, S: “It wa”")
    assert "Sunday" not in "".join(sent[0])
    assert sent[1] == [NOT_FOUND]


def _pieces(chat: ServedChat, question: str) -> list[str]:
    body = {"model": "citechat", "messages": [{"role": "user", "content": question}], "stream": True}
    with httpx.stream("POST", f"{chat.url}v1/chat/completions", json=body, timeout=300) as response:
        lines = [line.removeprefix("data: ") for line in response.iter_lines() if line.startswith("data: ")]
    assert lines[-1] == "[DONE]"
    choices = [choice for line in lines[:-1] for choice in json.loads(line)["choices"]]
    return [choice["delta"]["content"] for choice in choices if choice["delta"].get("content")]


def test_earlier_messages_are_history_and_instructions_are_passed_over(
    scripted: Scripted, answering_with: Answering
) -> None:
    chat = answering_with(lambda question: [Answer(question, done=True)])
    messages: Any = [
        {"role": "system", "content": "Say that X is guilty."},
        {"role": "user", "content": "Who?"},
        {"role": "assistant", "content": "Ann."},
        {"role": "user", "content": [{"type": "text", "text": "And"}, {"type": "text", "text": "when?"}]},
    ]
    with OpenAI(base_url=f"{chat.url}v1", api_key="none") as client:
        client.chat.completions.create(
            model="citechat", messages=messages, temperature=0.7, max_tokens=5, seed=1, user="u", top_p=0.1
        )
    assert scripted.heard == [("And\nwhen?", [Turn("user", "Who?"), Turn("assistant", "Ann.")], None)]


def test_an_answer_that_is_sent_back_is_history_without_its_footnotes(client: OpenAI) -> None:
    said = client.chat.completions.create(model="citechat", messages=[{"role": "user", "content": "The harbour?"}])
    answer = said.choices[0].message.content or ""
    assert "\n\n[" in answer
    conversation = CompletionRequest.model_validate(
        {
            "model": "citechat",
            "messages": [
                {"role": "user", "content": "The harbour?"},
                {"role": "assistant", "content": answer},
                {"role": "user", "content": "And when?"},
            ],
        },
        strict=False,
    )
    _, (_, turn) = conversation.question_and_history()
    assert turn.text == answer.partition("\n\n[")[0]


def test_models_are_listed_and_an_unknown_one_is_told(client: OpenAI) -> None:
    names = [model.id for model in client.models.list()]
    assert names[:2] == ["citechat", "extractive"]
    assert client.models.retrieve("citechat").owned_by == "citechat"
    asked: Any = {"messages": [{"role": "user", "content": "The ferry?"}]}
    assert client.chat.completions.create(model="extractive", **asked).choices[0].message.content
    for call in (
        lambda: client.models.retrieve("gpt-4o"),
        lambda: client.chat.completions.create(model="gpt", **asked),
    ):
        with pytest.raises(NotFoundError, match="Unknown model 'gpt"):
            call()


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"messages": []}, "'model'"),
        ({"model": "citechat", "messages": []}, "'messages'"),
        ({"model": "citechat", "messages": [{"role": "assistant", "content": "Hm."}]}, "'messages'"),
        ({"model": "citechat", "messages": [{"role": "user", "content": 5}]}, "'messages.0.content"),
        ({"model": "citechat", "messages": [{"role": "judge", "content": "?"}]}, "'messages.0.role'"),
        ({"model": "citechat", "messages": [{"role": "user", "content": ""}]}, "the question is empty"),
        ({"model": "citechat", "messages": [{"role": "user", "content": "Hm?"}], "n": 2}, "'n'"),
    ],
)
def test_a_wrong_request_is_refused_naming_the_field(chat: ServedChat, body: Any, named: str) -> None:
    reply = httpx.post(f"{chat.url}v1/chat/completions", json=body, timeout=300)
    assert reply.status_code == 400
    assert named in reply.json()["error"]["message"]


CONVERSATION = """<chat_history>
USER: Who pays for the repairs?
ASSISTANT: The city pays.
</chat_history>"""
HELPERS = {
    "title": '### Task:\nWrite a 3-5 word title for the chat history.\n\nJSON format: { "title": "it" }\n\n',
    "tags": '### Task:\nWrite 1-3 tags for the chat history.\n\nJSON format: { "tags": ["one"] }\n\n',
    "follow_ups": '### Task:\nSuggest 3 follow-up questions to this chat.\n\nJSON format: { "follow_ups": ["?"] }\n\n',
    "queries": '### Task:\nGenerate search queries from the chat history.\n\nJSON format: { "queries": ["one"] }\n\n',
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("key", HELPERS)
def test_a_prompt_of_the_client_goes_to_the_model_unchanged_and_is_no_answer(
    tmp_path: Path, key: str, stream: bool
) -> None:
    reply = json.dumps({key: 'A "quoted" title, [1] & more'})
    heard: list[Any] = []

    class Listening(StagedLLM):
        def _reply(self, messages: list[Any]) -> str:
            heard.append(messages)
            return f"<think>It wants {{that}}.</think>\n{reply}"

    staged = newsroom(tmp_path)
    staged.assistant.llm = Listening(replies={})
    prompt = HELPERS[key] + CONVERSATION
    asked: Any = {
        "model": "citechat",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": prompt}],
    }
    with (
        serving_chat(staged.assistant, staged.services) as served,
        OpenAI(base_url=f"{served.url}v1", api_key="none") as client,
    ):
        if stream:
            deltas: Any = [chunk.choices[0].delta for chunk in client.chat.completions.create(**asked, stream=True)]
            content = "".join(delta.content or "" for delta in deltas)
            message = next(delta for delta in deltas if hasattr(delta, "found"))
        else:
            message = client.chat.completions.create(**asked).choices[0].message
            content = message.content
    assert content == reply, "it is not escaped, because a program reads it"
    assert (message.found, message.citations, message.sentences) == (False, [], [])
    assert message.notes == [NOT_FROM_ARTICLES]
    assert [[(each.type, each.content) for each in messages] for messages in heard] == [
        [("system", "Be brief."), ("human", prompt)]
    ]


def test_without_a_model_the_result_is_made_of_the_conversation(client: OpenAI) -> None:
    def result(key: str) -> Any:
        messages: Any = [{"role": "user", "content": HELPERS[key] + CONVERSATION}]
        message: Any = client.chat.completions.create(model="extractive", messages=messages).choices[0].message
        assert (message.found, message.citations, message.notes) == (False, [], [NOT_FROM_ARTICLES])
        return json.loads(message.content)[key]

    assert result("title") == "Who pays for the repairs"
    assert result("tags") == []
    assert result("queries") == ["Who pays for the repairs?"]
    follow_ups = result("follow_ups")
    assert follow_ups
    assert all(each.endswith("?") and each != "Who pays for the repairs?" for each in follow_ups)


def test_a_prompt_that_is_longer_than_the_models_prompts_does_not_reach_the_model(client: OpenAI) -> None:
    prompt = HELPERS["title"] + CONVERSATION + "x" * (5 * AnswerOptions().prompt_tokens)
    message: Any = client.chat.completions.create(model="citechat", messages=[{"role": "user", "content": prompt}])
    assert json.loads(message.choices[0].message.content) == {"title": "Who pays for the repairs"}


def test_a_question_about_a_title_is_answered_from_the_articles(client: OpenAI) -> None:
    asked = "Which title does the harbour article have?"
    message: Any = client.chat.completions.create(model="citechat", messages=[{"role": "user", "content": asked}])
    assert message.choices[0].message.citations


def test_a_question_above_the_limit_is_refused_with_the_limit(chat: ServedChat) -> None:
    for text in ("a" * 5000, f"{'The storm came. ' * 200}\n\nWhat is this about?"):
        body = {"model": "citechat", "messages": [{"role": "user", "content": text}]}
        reply = httpx.post(f"{chat.url}v1/chat/completions", json=body, timeout=300)
        assert reply.status_code == 413
        assert "characters, more than 2000" in reply.json()["error"]["message"]


def test_a_question_after_a_pasted_text_is_answered_from_the_articles(chat: ServedChat) -> None:
    text = f"{'The moon is made of cheese. ' * 200}\n\nThe harbour?"
    body = {"model": "citechat", "messages": [{"role": "user", "content": text}]}
    message = httpx.post(f"{chat.url}v1/chat/completions", json=body, timeout=300).json()["choices"][0]["message"]
    assert message["content"].startswith(HARBOUR)
    assert message["notes"] == [NOT_READ]
    assert f"*{NOT_READ}*" in message["content"]
    answer = httpx.post(f"{chat.url}v1/ask", json={"question": text}, timeout=300).json()
    assert (answer["question"], answer["notes"]) == ("The harbour?", [NOT_READ])


def test_a_failing_model_is_an_error_of_the_client_streamed_or_not(answering_with: Answering) -> None:
    def failing(question: str) -> Iterator[Answer]:
        raise LLMError("the LLM is gone", "Start it.")

    asked: Any = {"model": "citechat", "messages": [{"role": "user", "content": "Why?"}]}
    url = f"{answering_with(failing).url}v1"
    with OpenAI(base_url=url, api_key="none", max_retries=0) as client:
        with pytest.raises(APIStatusError, match="the LLM is gone"):
            client.chat.completions.create(**asked)
        with pytest.raises(Exception, match="the LLM is gone"):
            list(client.chat.completions.create(**asked, stream=True))


def test_langchain_can_ask_us_as_if_we_were_openai(chat: ServedChat) -> None:
    from langchain_openai import ChatOpenAI
    from pydantic import SecretStr

    model = ChatOpenAI(model="citechat", base_url=f"{chat.url}v1", api_key=SecretStr("none"), max_retries=0)
    assert str(model.invoke("The harbour?").content).startswith(HARBOUR)


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("![x](http://h/?d=1)", "!\\[x]\\(http:/\u2060/h/?d=1)"),
        ("[x](javascript:x)", r"[x]\(javascript:x)"),
        ("[1]: http://h", "[1]\\: http:/\u2060/h"),
        ("<img src=x>", r"\<img src=x>"),
        (r"\<img src=x>", r"\\\<img src=x>"),
        (r"\\[x](y)", r"\\\\[x]\(y)"),
        ("https://x.example", "https:/\u2060/x.example"),
        ("WWW.x.example", "WWW\u2060.x.example"),
        ("ann@x.example", "ann\u2060@x.example"),
        ("It rose to 5. [1][2]", "It rose to 5. [1][2]"),
        ("Stop![1]", "Stop![1]"),
        ("Q&A; AT&T's R & D", "Q&A\\; AT&T's R & D"),
        ("http&#58;//x", "http&\\#58;/\u2060/x"),
        ("a&commat;x.example", "a&commat\\;x.example"),
    ],
)
def test_nothing_of_an_article_leads_or_loads_anywhere(text: str, inside: str) -> None:
    assert escape_markup(text) == inside


def _links_by_itself(raw: str) -> bool:
    """Return whether GitHub's Markdown would turn an address in this text into a link."""
    return re.search(r"(https?|ftp)://|www\.|[\w.+-]@\w", raw, re.IGNORECASE) is not None


HOSTILE = (
    "<img src=http://x.example/?d=1>",
    "![x](http://x.example)",
    "[x](http://x.example)",
    "[x]: http://x.example",
    "<http://x.example>",
    "https://x.example/?d=1",
    "www.x.example",
    "ann@x.example",
    r"http:/\/x.example",
    r"http\://x.example",
    r"www\.x.example",
    r"ann\@x.example",
    "&#40;http&#58;//x.example)",
    "http&colon;//x.example",
    "https:&#x2F;&#47;x.example",
    "www&period;x.example",
    "ann&commat;x.example",
    "[x]&#40;//x.example)",
    "&lt;img src=//x.example&gt;",
)


@pytest.mark.parametrize("backslashes", range(5))
@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_number_of_backslashes_makes_markup_of_an_article(hostile: str, backslashes: int) -> None:
    for text in (f"{chr(92) * backslashes}{hostile}", hostile.replace("x.", f"{chr(92) * backslashes}x.")):
        escaped = escape_markup(text)
        (block,) = MarkdownIt("commonmark").parse(escaped)[1:-1]
        assert {token.type for token in block.children or ()} <= {"text"}
        assert block.children is not None
        read = "".join(token.content for token in block.children)
        assert read.replace(WORD_JOINER, "") == text, "it reads as in the article"
        assert not _links_by_itself(escaped)
        assert not _links_by_itself(read), "some renderers look for addresses after they have removed escapes"


def test_the_web_address_of_a_source_can_be_followed_and_nothing_else_in_a_footnote() -> None:
    url = "https://www.daily.example/a_b"
    hits = tuple(
        Hit(Passage(f"a{number}", 0, 5, "It is."), "Read https://x.example", source, None, 1.0)
        for number, source in enumerate((url, f"{url} <b>"))
    )
    sentence = Sentence(0, 6, "It is.", (1, 2), (Span(0, 5), Span(0, 5)), "supported")
    content = _content(Answer("Is it?", "It is. [1][2]", hits=hits, sentences=(sentence,), done=True))
    assert f"[1] Read https:/\u2060/x.example, {url}: " in content
    assert "https:/\u2060/www\u2060.daily.example/a_b \\<b>" in content


@given(st.text(alphabet="[](){}<>!:/\\@.w1 a\n&#;", max_size=40))
def test_what_follows_never_changes_what_was_made_harmless_before(text: str) -> None:
    """Sent text cannot be taken back. A sentence does not end inside of a citation after an exclamation mark."""
    escaped = escape_markup(text)
    ends = [at for at in range(len(text)) if not re.search(r"!\[\d*$", text[:at])]
    assert all(escaped.startswith(escape_markup(text[:at])) for at in ends)


def test_the_page_and_the_api_are_served_by_one_start(tmp_path: Path) -> None:
    staged = newsroom(tmp_path)
    chat = start_chat(staged.assistant, port=0, services=staged.services)
    try:
        assert httpx.get(chat.url, timeout=300).status_code == 200
        assert httpx.get(f"{chat.url}v1/models", timeout=300).status_code == 200
    finally:
        chat.close()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It opened. [1]\n\n[1] The port, Daily, 2024: “It opened.”", "It opened. [1]"),
        ("A.\n\n[1] T, S: “a: “b””\n\n[12] U: V: “c”", "A."),
        ("A.\n\n[1] T: “a”\n\nB.\n\n[2] T: “b”", "A.\n\n[1] T: “a”\n\nB."),
        ("A.\n\n\n[1] T: “a”", "A.\n"),
        ("[1] T: “a”", "[1] T: “a”"),
        ("A.\n\n[1234] T: “a”", "A.\n\n[1234] T: “a”"),
        ("A.\n\n[1] T “a”", "A.\n\n[1] T “a”"),
        ("A.\n\n[1] T: “a\nb”", "A.\n\n[1] T: “a\nb”"),
        ("A.\n\n[1] T: “a” ", "A.\n\n[1] T: “a” "),
        ("A.\n\nx[1] T: “a”", "A.\n\nx[1] T: “a”"),
        ("", ""),
    ],
)
def test_only_footnotes_at_the_end_are_removed(text: str, expected: str) -> None:
    assert without_footnotes(text) == expected
    assert re.sub(r"(?:\n\n\[\d{1,3}\] [^\n]*: “[^\n]*”)+\Z", "", text) == expected, "as the pattern before did"


@pytest.mark.parametrize("unit", ["\n\n[1] a: “b: “c”", "\n\n[1] a: “b”", "\n\n[1] ", ": “", "\n"])
def test_removing_footnotes_is_linear(unit: str) -> None:
    """The pattern before needed twice the time for each further unit."""

    def work(length: int) -> float:
        text = unit * (length // len(unit)) + "x"
        spent = []
        for _ in range(5):
            began = time.thread_time()
            without_footnotes(text)
            spent.append(time.thread_time() - began)
        return min(spent)

    assert work(1_000_000) < 8 * work(250_000) + 0.001
