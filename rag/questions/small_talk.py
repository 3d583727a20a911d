"""Greetings, thanks and questions about the assistant itself, which no article answers. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from index import Article, lexicon

SmallTalk = Literal["greeting", "thanks", "help"]

_LONGEST = 60  # maximum length of small talk, in characters
_NAMED = 3  # maximum number of articles that a reply names
_ADDRESSED = r"(?: (?:there|you|all|everyone|bot|citechat|assistant))?"
_PATTERNS: dict[SmallTalk, tuple[str, ...]] = {
    "greeting": (
        rf"(?:hi+|hello+|hey+|howdy|greetings|hola|bonjour|hallo|ciao){_ADDRESSED}",
        rf"good (?:morning|afternoon|evening|day){_ADDRESSED}",
        r"how are you(?: doing)?(?: today)?",
        r"what s up",
        "你好|您好|嗨|早上好|下午好|晚上好|大家好|哈[喽啰]",
    ),
    "thanks": (
        r"(?:(?:ok|okay|great|perfect|nice|cool|wow|good|no) ){0,3}(?:thanks|thank you|thx|ty|cheers|much appreciated)"
        r"(?: (?:a lot|so much|very much|again|you|for your help|for the help|that helps|bye)){0,3}",
        r"ok|okay|great|perfect|nice|cool|good|bye(?: bye)?|goodbye|see you",
        "谢谢|谢谢你|谢谢您|多谢|感谢|再见|好的",
    ),
    "help": (
        r"(?:please )?help(?: me)?(?: please)?",
        r"who (?:are|r) you|what are you|are you (?:an ai|a bot|a robot|human)",
        r"what (?:can|do) you do(?: for me)?",
        r"what can i (?:do here|ask|ask you|ask here|do with this)",
        r"how (?:do|can) you help(?: me)?|how do you work|how does (?:this|it) work",
        r"how (?:do|can) i use (?:this|it|you)",
        r"what is (?:this|citechat|this app|this chat|this tool)",
        "你是谁|你能做什么|你会什么|你可以做什么|帮助|怎么用|如何使用",
    ),
}
_TALK = {kind: re.compile("|".join(patterns)) for kind, patterns in _PATTERNS.items()}
_NOT_WORDS = re.compile(r"[\W_]+")
_CHINESE = re.compile(f"[{lexicon.CJK}]")

_OPENINGS: dict[SmallTalk, tuple[str, str]] = {
    "greeting": ("Hello!", "你好！"),
    "thanks": ("You are welcome!", "不客气！"),
    "help": ("I am citechat, an assistant that answers from articles.", "我是 citechat，根据文章回答问题。"),
}


def small_talk(question: str) -> SmallTalk | None:
    """Return the kind of small talk, or None for a question about the articles."""
    if len(question) > _LONGEST:
        return None
    words = _NOT_WORDS.sub(" ", question.lower()).strip()
    return next((kind for kind, pattern in _TALK.items() if pattern.fullmatch(words)), None)


def small_talk_reply(
    kind: SmallTalk, question: str, articles: Sequence[Article], suggestions: Sequence[str] = ()
) -> str:
    """Return a friendly reply in English or Chinese: what is indexed, and questions that the articles answer."""
    is_chinese = bool(_CHINESE.search(question))
    titles = [" ".join(article.title.split()) for article in articles]
    lines = [_OPENINGS[kind][is_chinese] + (_in_chinese(titles) if is_chinese else f" {_in_english(titles)}")]
    if suggestions:
        lines += ["例如：" if is_chinese else "For example:", *(f"- {suggestion}" for suggestion in suggestions)]
    return "\n".join(lines)


def _in_english(titles: Sequence[str]) -> str:
    if not titles:
        return "No articles are indexed yet: add some first."
    named = [f"“{title}”" for title in titles[:_NAMED]]
    if len(titles) > _NAMED:
        named.append(f"{len(titles) - _NAMED:,} more")
    listed = " and ".join(filter(None, [", ".join(named[:-1]), named[-1]]))
    count = "1 article" if len(titles) == 1 else f"{len(titles):,} articles"
    return f"You can ask me about {count}: {listed}. Every sentence of an answer links to its source."


def _in_chinese(titles: Sequence[str]) -> str:
    if not titles:
        return "还没有文章，请先添加。"
    others = f"等 {len(titles)} 篇文章" if len(titles) > _NAMED else ""
    named = "、".join(f"《{title}》" for title in titles[:_NAMED])
    return f"你可以问我关于{named}{others}的问题，每句回答都会链接到原文。"
