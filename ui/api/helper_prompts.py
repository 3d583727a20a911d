"""The prompts that chat applications send beside the user's questions: for a title, tags, follow-ups and others.

They are recognised by their structure, not by the wording of one application: an instruction to write one of these
things for a conversation, in a form that a program can read, or beside the conversation itself. A question that only
mentions a title or tags has no such structure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Literal

from rag import Turn, questions_beside_text

from ..html import WORD_JOINER, break_addresses

Kind = Literal["title", "tags", "follow-ups", "queries", "completion"]

LONGEST_RESULT = 60
"""Maximum length of a title that is made of the first question, in characters, as in the chat."""

# An escape sequence of JSON, or of Markdown.
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|([^\w\s\"]))")
# What begins a tag, a link, an image, a definition or a character reference in Markdown; in JSON, only in strings.
_MARKUP = re.compile(r"<|(?<=\])[(\[:]|(?<=&)(?=#|[A-Za-z][A-Za-z0-9]{0,31};)")
_OPENING = 800  # number of characters at the beginning of a prompt that contain the task
_INSTRUCTIONS = 6000  # number of characters that contain the form of the result
_LONGEST_QUESTION = 2000  # characters of a question in the conversation that are used

_WRITE = (
    r"(?:generate|create|write|provide|give|suggest|propose|produce|return|output|come up with|name|summari[sz]e"
    r"|extract|choose|pick|assign|determine|analy[sz]e|predict|think of|craft|label|tag|categori[sz]e|condense|compose"
    r"|make)"
)
_TASK = re.compile(
    rf"(?:^|[.:;!?*\n]\s{{0,3}}|\b(?:please|to|must|should|and|then|will)\s){_WRITE}\b(?P<what>[^.!?\n]{{0,240}})"
    r"|(?:生成|总结|概括|归纳|起|拟|写|提供|给出|创建|推荐|建议|提出|取)(?P<zh>[^。！？\n]{0,80})",
    re.IGNORECASE | re.MULTILINE,
)
_WANTED: dict[Kind, re.Pattern[str]] = {
    "title": re.compile(
        r"\b(?:title|headline|heading|subject line)\b|\b(?:chat|conversation|discussion|session) an? (?:\w+ )?name\b"
        r"|^ (?:this|the|our) (?:chat|conversation|session)\b(?=[^.]{0,40}\b(?:words?|characters))|标题|题目",
        re.IGNORECASE,
    ),
    "tags": re.compile(r"\btags?\b|标签", re.IGNORECASE),
    "follow-ups": re.compile(
        r"\bfollow[ -]?ups?\b|\b(?:next|suggested) (?:questions|prompts|replies)\b"
        r"|追问|(?:后续|接下来|跟进)[^，。]{0,6}问题",
        re.IGNORECASE,
    ),
    "queries": re.compile(
        r"\b(?:search|web|retrieval)[ -](?:engine )?quer(?:y|ies)\b|搜索(?:查询|词|语句|关键词)|检索(?:查询|词|语句)",
        re.IGNORECASE,
    ),
}
_COMPLETION = re.compile(
    r"\bauto-?complet(?:ion|e)\b|\b(?:continue|complete) the (?:user's )?(?:text|message|prompt|sentence)\b",
    re.IGNORECASE,
)
_CONVERSATION = re.compile(
    r"\b(?:chat|conversation|message|dialog(?:ue)?)[ _]history\b"
    r"|\b(?:this|the|our|following|given|entire|whole|above|short|each|a|user's) (?:\w{1,20} )?"
    r"(?:chat|conversation|dialog(?:ue)?|session|discussion|exchange)\b(?! (?:about|on|with|between|of|in|at|that)\b)"
    r"|(?:对话|会话|聊天)",
    re.IGNORECASE,
)
_FORM = re.compile(
    r"^#{1,6} ?\**task\b|\bjson\b|\bwords? or (?:less|fewer)\b|\bnothing else\b|\b(?:title|tags|name|questions) only\b"
    r"|\b(?:\d{1,2}|two|three|four|five|six|seven|eight|nine|ten)[ -]words?\b"
    r"|\b(?:at most|up to|maximum(?: of)?|max\.?|under|within) \w{1,8} (?:words|characters)\b"
    r"|\b(?:no|without|omit|avoid)(?: any)? (?:[\w-]{1,20},? ){0,6}punctuation\b"
    r"|\b(?:only|just) (?:the |with |respond|reply|output|return|provide|give|answer)"
    r"|个?字以内|标点|[仅只](?:需)?(?:返回|输出|回复|回答)|^#{1,6} ?任务",
    re.IGNORECASE | re.MULTILINE,
)
_SPEAKER = re.compile(
    r"^[^\w\n]{0,6}(?:(?P<user>user|human|me|customer|用户|我)|assistant|ai|bot|model|agent|助手|助理)[^\w\n:：]{0,4}[:：]",
    re.IGNORECASE | re.MULTILINE,
)
_BLOCK = re.compile(
    r"<(?:chat_history|conversation|messages)>|^\W{0,6}(?:chat history|conversation)\W{0,4}:", re.I | re.M
)
_END_OF_BLOCK = re.compile(
    r"</(?:chat_history|conversation|messages)>|^#{1,6} |^\W{0,6}title\W{0,4}:|^```", re.I | re.M
)
_KEY = re.compile(r"\{\s{0,20}[\"“](?P<key>\w{1,40})[\"”]\s{0,20}:\s{0,20}(?P<list>\[?)")
_JSON = re.compile(r"\bjson\b", re.IGNORECASE)
_KEYS: dict[Kind, str] = {
    "title": "title",
    "tags": "tags",
    "follow-ups": "follow_ups",
    "queries": "queries",
    "completion": "text",
}
_LISTS = frozenset({"tags", "follow-ups", "queries"})


@dataclass(frozen=True, slots=True)
class HelperPrompt:
    """A prompt of a chat application.

    `messages` are all messages of the request, as roles and texts. `turns` is the conversation that the prompt is
    about. `key` is the key of the JSON object that is asked for, or empty for plain text; `is_list` says whether its
    value is a list.
    """

    kind: Kind
    messages: tuple[tuple[str, str], ...]
    turns: tuple[Turn, ...] = ()
    key: str = ""
    is_list: bool = False

    @property
    def size(self) -> int:
        """The length of all messages, in characters."""
        return sum(len(text) for _, text in self.messages)

    @property
    def questions(self) -> list[str]:
        """The user's questions in the conversation, in order."""
        return [turn.text for turn in self.turns if turn.role == "user"]


def find_helper_prompt(messages: Sequence[tuple[str, str]]) -> HelperPrompt | None:
    """Return the request as a prompt of a chat application, or None if it is a question.

    The task is in the last message, or in the only system message before the conversation as one message. Takes linear
    time.
    """
    said = [(role, text) for role, text in messages if role in ("system", "developer", "user", "assistant")]
    if not said or said[-1][0] == "assistant":
        return None
    prompt = said[-1][1]
    before = [
        Turn("user" if role == "user" else "assistant", text)
        for role, text in said[:-1]
        if role in ("user", "assistant")
    ]
    kind = _kind(prompt)
    if kind is None and len(said) == 2 and said[0][0] != "user" and len(_transcript(prompt)) > 1:
        instructions = said[0][1]
        kind = _kind(instructions, has_conversation=True)
    else:
        instructions = prompt
    if kind is None or _ends_with_question(prompt):
        return None
    turns = _transcript(prompt) or before or _quoted(prompt)
    key, is_list = _result_form(kind, instructions)
    return HelperPrompt(kind, tuple(said), tuple(turns), key, is_list)


def plain_result(prompt: HelperPrompt, follow_ups: Callable[[list[str]], list[str]]) -> str:
    """Return a result that is made of the conversation alone, in the form that the prompt asks for.

    `follow_ups` returns questions that the articles answer, after the user's questions in the conversation.
    """
    questions = prompt.questions
    values: list[str] = []
    if questions and prompt.kind == "title":
        values = [_title(questions[0])]
    elif questions and prompt.kind == "queries":
        values = [_one_line(questions[-1])]
    elif questions and prompt.kind == "follow-ups":
        values = follow_ups(questions)
    if prompt.key:
        value = values if prompt.is_list else next(iter(values), "")
        return json.dumps({prompt.key: value}, ensure_ascii=False)
    return "\n".join(values)


def without_markup(reply: str) -> str:
    """Return the reply to such a prompt as text in which no Markdown renderer finds tags, links, images or addresses.

    Nothing is cut out, because the rest could be markup again: a "<" becomes "‹", and other markup is broken by a word
    joiner. JSON remains JSON. Takes linear time.
    """
    return _MARKUP.sub(_broken, break_addresses(_ESCAPE.sub(_unescaped, reply)))


def _unescaped(escape: re.Match[str]) -> str:
    """Return the character that an escape sequence stands for, if it may be markup and does not have to be escaped.

    A backslash is followed by a word joiner, so it does not escape anything when the text is read as Markdown.
    """
    code, sign = escape.groups()
    character = chr(int(code, 16)) if code else sign
    if character == "\\":
        return f"{escape[0]}{WORD_JOINER}"
    if code:
        return character if " " <= character <= "~" and character != '"' else escape[0]
    return character if character == "/" else f"\\{WORD_JOINER}{character}"


def _broken(markup: re.Match[str]) -> str:
    return "‹" if markup[0] == "<" else f"{WORD_JOINER}{markup[0]}"


def _ends_with_question(prompt: str) -> bool:
    """Return whether a question follows the task and is not part of the conversation: the task is in a pasted text."""
    *before, last = prompt.strip().split("\n\n")
    if not before or len(prompt) <= _LONGEST_QUESTION or _BLOCK.search(prompt) or _SPEAKER.search(prompt):
        return False  # short instructions may end with the question that they are about
    return bool(questions_beside_text(last))


def _kind(text: str, *, has_conversation: bool = False) -> Kind | None:
    """Return what a prompt asks to write for a conversation, or None if it does not have that structure."""
    opening, instructions = text[:_OPENING], text[:_INSTRUCTIONS]
    if not _FORM.search(instructions):
        return None
    has_conversation = has_conversation or bool(_CONVERSATION.search(opening) or _transcript(text))
    if _COMPLETION.search(opening) and (has_conversation or "<text>" in instructions):
        return "completion"
    if not has_conversation:
        return None
    for match in _TASK.finditer(opening):
        what = match["what"] or match["zh"] or ""
        found = [(wanted.start(), kind) for kind, pattern in _WANTED.items() if (wanted := pattern.search(what))]
        if found:
            return min(found)[1]
    return None


def _transcript(text: str) -> list[Turn]:
    """Return the conversation in a prompt, whose lines begin with speakers such as "USER:"; empty without one."""
    block = next(_BLOCK.finditer(text), None)
    start = block.end() if block else 0
    speakers = list(_SPEAKER.finditer(text, start))
    turns = []
    for match, following in zip_longest(speakers, speakers[1:]):
        said = text[match.end() : following.start() if following else len(text)]
        if following is None and (end := _END_OF_BLOCK.search(said)):
            said = said[: end.start()]
        if said := said.strip(' \t\r\n"“”|'):
            turns.append(Turn("user" if match["user"] else "assistant", said))
    return turns if any(turn.role == "user" for turn in turns) else []


def _quoted(text: str) -> list[Turn]:
    """Return the message that a prompt quotes after its instructions, as the only turn; empty without one."""
    *_, last = text.strip().split("\n\n")
    return [] if last == text.strip() else [Turn("user", last.strip('`"“”\n ').removeprefix("Message:").strip())]


def _result_form(kind: Kind, instructions: str) -> tuple[str, bool]:
    """Return the key of the JSON object that is asked for, and whether its value is a list; no key for plain text."""
    is_list = kind in _LISTS
    for match in _objects(instructions):
        return match["key"], bool(match["list"])
    return (_KEYS[kind], is_list) if _JSON.search(instructions[:_INSTRUCTIONS]) else ("", is_list)


def _objects(instructions: str) -> Iterator[re.Match[str]]:
    """Yield the JSON objects in the instructions, before the conversation."""
    block = _BLOCK.search(instructions)
    return _KEY.finditer(instructions, 0, block.start() if block else min(len(instructions), _INSTRUCTIONS))


def _title(question: str) -> str:
    line = _one_line(question).rstrip(" ?？.。!！")
    if len(line) < LONGEST_RESULT:
        return line
    cut = line[: LONGEST_RESULT - 1]
    return f"{cut.rpartition(' ')[0] or cut}…"


def _one_line(text: str) -> str:
    return " ".join(text[:_LONGEST_QUESTION].split())
