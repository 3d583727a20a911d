"""Greetings, thanks and questions about the assistant get a friendly reply and no search."""

from __future__ import annotations

import pytest

from index import Article
from rag.questions.small_talk import SmallTalk, small_talk, small_talk_reply

NEWS = [Article(str(n), f"Title {n}", "daily", "") for n in range(1, 6)]


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("hi", "greeting"),
        ("Hello!", "greeting"),
        ("Hey there :)", "greeting"),
        ("Good morning.", "greeting"),
        ("How are you?", "greeting"),
        ("你好！", "greeting"),
        ("Hola", "greeting"),
        ("Thanks!", "thanks"),
        ("ok, thank you very much", "thanks"),
        ("Great, thanks for your help!", "thanks"),
        ("谢谢", "thanks"),
        ("bye", "thanks"),
        ("help", "help"),
        ("What can you do?", "help"),
        ("Who are you?", "help"),
        ("how does this work", "help"),
        ("你是谁？", "help"),
    ],
)
def test_small_talk_is_recognized(question: str, kind: SmallTalk) -> None:
    assert small_talk(question) == kind


@pytest.mark.parametrize(
    "question",
    [
        "Hi, who founded Pika?",
        "What do you think about Sora?",
        "Who is Helen Good?",
        "thanks to whom did it reopen?",
        "What is this article about?",
        "Help for whom was announced?",
        "What can you tell me about the harbour?",
        "hello world programs",
        "good news about the harbour",
        "你好世界是什么？",
        "?",
    ],
)
def test_a_question_about_the_articles_is_not_small_talk(question: str) -> None:
    assert small_talk(question) is None


def test_the_reply_says_what_is_indexed_and_suggests_questions() -> None:
    reply = small_talk_reply("greeting", "hi", NEWS, ["Who?", "Why?"])
    assert reply == (
        "Hello! You can ask me about 5 articles: “Title 1”, “Title 2”, “Title 3” and 2 more. "
        "Every sentence of an answer links to its source.\nFor example:\n- Who?\n- Why?"
    )


def test_the_reply_to_chinese_is_chinese() -> None:
    assert small_talk_reply("thanks", "谢谢", NEWS[:1]) == (
        "不客气！你可以问我关于《Title 1》的问题，每句回答都会链接到原文。"
    )


def test_without_articles_the_reply_says_so() -> None:
    assert small_talk_reply("help", "help", []) == (
        "I am citechat, an assistant that answers from articles. No articles are indexed yet: add some first."
    )
