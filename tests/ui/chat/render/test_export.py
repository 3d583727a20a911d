"""An exported conversation says what the page said, and nothing in it is anything but text."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from index import Hit, Passage, RequestFilter, Span
from rag import NOT_FOUND, Answer, Sentence
from ui.chat.render.export import as_json, as_markdown, file_name, with_sources
from ui.conversation import Conversation, Exchange
from ui.html import WORD_JOINER
from ui.i18n.translate import chinese

TEXT = "The harbour reopened on Monday. Ships came back. See note [1] there."
ADDRESSES = re.compile(r"(https?|ftp)://|www\.|[\w.+-]@\w", re.IGNORECASE)
ADDRESS = "https://www.example.org/x_y?a=1&b=2"
HOSTILE = [
    "<script>alert(1)</script> <!-- x --> <http://evil.example> <a@evil.example>",
    "![x](http://evil.example/?d=1) [y](javascript:alert(1)) [z] [z]: http://evil.example",
    "[z]: http://evil.example 'x'",
    "[^1]: another [^1] and ^[inline] [[wiki]] {.class} {{template}} {% tag %}",
    "[^1]:: [1]: x",
    "(http://evil.example)",
    "[](http://evil.example)",
    ": x",
    "# heading",
    "> quote",
    "- - item",
    "+ item",
    "* * *",
    "** **",
    "---",
    "===",
    "12. item",
    "12.",
    "3) item",
    "    code",
    "```\ncode",
    "~~~ x",
    "`x` ``y`` *b* _i_ ~~s~~ $x^2$ ==h== ++i++ | a | b |",
    "| a |\n|---|\n| b |",
    "&lt;script&gt; &amp; &#60; AT&T",
    "back\\slash \\[1] \\",
    "Wow!",
    "http://evil.example www.evil.example a@evil.example",
    r"http:/\/evil.example http\://evil.example www\.evil.example a\@evil.example",
    "http&#58;//evil.example http&colon;//evil.example www&period;evil.example a&commat;evil.example",
    '"',
    "a\x00b\ud800c\u202ed",
    "line one\nline two\r\n\r\nline three\u2028line four",
]


def hit(text: str = TEXT, title: str = "The port", source: str = ADDRESS, **more: object) -> Hit:
    return Hit(Passage("a1", 0, len(text), text), title, source, "2024-02-24", 1.0, **more)  # type: ignore[arg-type]


def cited(text: str, *places: tuple[int, str], support: str = "quoted", hits: tuple[Hit, ...] = ()) -> Answer:
    """An answer of one sentence whose markers point at these words of the article."""
    spans = tuple(Span(TEXT.index(words), TEXT.index(words) + len(words)) for _, words in places)
    words = re.sub(r"\s*\[\d+\]", "", text)
    sentence = Sentence(0, len(text), words, tuple(number for number, _ in places), spans, support)  # type: ignore[arg-type]
    return Answer("When?", text, sentences=(sentence,), hits=hits or (hit(), hit(source="The Daily")), done=True)


def said(*answers: Answer, title: str = "Ships") -> Conversation:
    return Conversation(tuple(Exchange(answer.question, answer) for answer in answers), "id", title)


def references(markdown: str) -> tuple[list[int], list[int]]:
    """The numbers of the footnotes that are referred to, and of those that are defined; escaped ones are text."""
    found = re.findall(r"\\.|(?P<line>^)?\[\^(\d+)\](:)?", markdown, re.MULTILINE | re.DOTALL)
    numbers = [(int(number), bool(colon)) for _, number, colon in found if number]
    return [n for n, defined in numbers if not defined], [n for n, defined in numbers if defined]


PLAIN = {"inline", "text", "text_special", "heading", "paragraph", "bullet_list", "list_item", "em", "strong", "link"}


def rendered(markdown: str, address: str = ADDRESS) -> list[Token]:
    """What a Markdown renderer makes of a file, without and with footnotes: here a footnote is a word that is no
    other, and its definition a paragraph."""
    renderer = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    with_footnotes = re.sub(r"(\\.)|\[\^(\d+)\](: )?", lambda m: m[1] or f"\u2460{m[2]}", markdown, flags=re.DOTALL)
    tokens = []
    for text in (with_footnotes, markdown):
        tokens = [each for token in renderer.parse(text) for each in (token, *(token.children or []))]
        kinds = {token.type.removesuffix("_open").removesuffix("_close") for token in tokens}
        assert kinds <= PLAIN, kinds
        links = [token.attrs["href"] for token in tokens if token.type == "link_open"]
        assert set(links) <= {address}, links
    return tokens


def words_of(tokens: list[Token]) -> str:
    """What a reader of the rendered file reads, paragraph by paragraph, without the joiners in addresses."""
    lines = []
    for token in tokens:
        if token.type == "inline":
            children = token.children or []
            lines.append("".join(child.content for child in children))
            own = "".join(
                x.content for x, before in zip(children, [None, *children], strict=False) if not _opens(before)
            )
            assert not ADDRESSES.search(own), "some renderers look for addresses after they have removed escapes"
    return "\n".join(lines).replace(WORD_JOINER, "")


def _opens(token: Token | None) -> bool:
    return token is not None and token.type == "link_open"


# Markdown


def test_a_conversation_is_a_title_questions_answers_and_footnotes() -> None:
    answer = cited("It reopened on Monday [1].", (1, "The harbour reopened on Monday."))
    answer = replace(
        answer, hits=(hit(author="Ann Author", pages=(0,), also=("https://other.example/z", "The Daily")),)
    )
    assert as_markdown(said(answer)) == (
        "# Ships\n\n"
        "## When?\n\n"
        "It reopened on Monday [^1].\n\n"
        "[^1]: “The harbour reopened on Monday.” *The port*, example.org, other.example, The Daily, Ann Author, "
        f"24 February 2024, p. 1, <{ADDRESS}>\n"
    )


def test_footnotes_are_numbered_through_the_whole_file() -> None:
    first = cited("Monday [1] and ships [2].", (1, "Monday"), (2, "Ships came back"))
    second = cited("Ships [2], Monday [1], ships [2].", (2, "Ships"), (1, "Monday"))
    markdown = as_markdown(said(first, second))
    assert references(markdown) == ([1, 2, 3, 4, 3], [1, 2, 3, 4])
    assert "Monday [^1] and ships [^2]." in markdown
    assert "Ships [^3], Monday [^4], ships [^3]." in markdown


def test_two_markers_with_one_number_are_two_footnotes() -> None:
    markdown = as_markdown(said(cited("Monday [1] and ships [1].", (1, "Monday"), (1, "Ships"))))
    assert "Monday [^1] and ships [^2]." in markdown
    assert "[^2]: “Ships”" in markdown


def test_a_bracketed_number_of_the_article_is_text_and_no_footnote() -> None:
    quote = "See note [1] there."
    text = f"{quote} [1]"
    span = Span(TEXT.index(quote), TEXT.index(quote) + len(quote))
    answer = Answer("?", text, sentences=(Sentence(0, len(text), quote, (1,), (span,), "quoted"),), hits=(hit(),))
    markdown = as_markdown(said(answer))
    assert r"See note \[1\] there. [^1]" in markdown
    assert references(markdown) == ([1], [1])
    assert with_sources(Exchange("?", answer)).startswith("See note [1] there. [1]\n")


def test_a_number_that_points_at_nothing_is_text() -> None:
    markdown = as_markdown(said(cited("Monday [1] [9] [0].", (1, "Monday"))))
    assert r"Monday [^1] \[9\] \[0\]." in markdown


def test_a_place_without_a_marker_has_its_footnote_after_the_sentence() -> None:
    answer = cited("Monday. ", (1, "Monday"))
    assert "Monday.[^1]\n" in as_markdown(said(answer))
    assert with_sources(Exchange("?", answer)).startswith("Monday.[1]\n")


@pytest.mark.parametrize(
    ("support", "told"),
    [("quoted", ""), ("supported", ""), ("weak", " (partly supported)"), ("unsupported", " (not confirmed)")],
)
def test_what_is_badly_supported_is_told_after_the_sentence(support: str, told: str) -> None:
    answer = cited("On Monday [1].\n", (1, "Monday"), support=support)
    assert f"\n\nOn Monday [^1].{told}\n\n" in as_markdown(said(answer))
    assert with_sources(Exchange("?", answer)).startswith(f"On Monday [1].{told}\n\n")


def test_the_reason_why_a_sentence_is_not_confirmed_is_exported() -> None:
    reason = "The cited passage does not mention 900."
    answer = cited("It cost 900 [1].\n", (1, "Monday"), support="unsupported")
    answer = replace(answer, sentences=(replace(answer.sentences[0], reason=reason),))
    assert f"(not confirmed: {reason})" in as_markdown(said(answer))
    assert f"(not confirmed: {reason})" in with_sources(Exchange("?", answer))
    assert "(未证实：所引段落没有提到900。)" in with_sources(Exchange("?", answer), chinese)


def test_an_abstention_an_error_and_a_stopped_answer_are_told_as_such() -> None:
    markdown = as_markdown(
        Conversation(
            (
                Exchange("Why?", Answer("Why?", NOT_FOUND, found=False, hits=(hit(),), done=True)),
                Exchange("Who?", error=("the model is silent", "Start it.")),
                Exchange("What?", Answer("What?", "It reop"), stopped=True),
                Exchange("Where?", Answer("Where?", "At the")),
                Exchange(""),
            )
        )
    )
    assert markdown == (
        "# Conversation\n\n"
        f"## Why?\n\n{NOT_FOUND}\n\n*(No answer found in the articles.)*\n\n"
        "## Who?\n\n**Error:** The model is silent. Start it.\n\n"
        "## What?\n\nIt reop\n\n*(Stopped. The answer is incomplete.)*\n\n"
        "## Where?\n\nAt the\n\n*(The answer is incomplete.)*\n\n"
        "## (no question)\n\n*(The answer is incomplete.)*\n"
    )


def test_what_was_searched_chosen_and_noted_is_told() -> None:
    answer = replace(cited("Monday [1].", (1, "Monday")), search_query="When did it?", notes=("The model failed.",))
    exchange = Exchange(
        "When?",
        answer,
        article_filter=RequestFilter(since="2024", sources=("https://www.example.org/x",), articles=("a",)),
    )
    markdown = as_markdown(Conversation((exchange,)))
    assert "*(Limited to: since 2024 · example.org · 1 selected)*" in markdown
    assert "*(Searched for: When did it?)*\n\n*(The model failed.)*" in markdown


def test_bold_words_and_bullets_of_an_answer_stay_bold_words_and_bullets() -> None:
    markdown = as_markdown(
        said(Answer("?", "Two:\n- **ten** berths\n* cranes\n  • ships\n1. first\n\nDone.", done=True))
    )
    assert "Two:\n\n- **ten** berths\n\n- cranes\n\n- ships\n\n1\\. first\n\nDone.\n" in markdown


def test_plain_prose_is_not_disfigured_by_backslashes() -> None:
    prose = "On 24.02.2024, at 9:30 (local time), “AT&T” paid 5% - or 3/4? - for O'Neil's; it's fine! 中文。"
    assert f"\n\n{prose}\n" in as_markdown(said(Answer("?", prose, done=True)))


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("http://x.example ftp://x", "http:/\u2060/x.example ftp:/\u2060/x"),
        (r"http:/\/x.example", r"http:/\\/x.example"),
        ("http&#58;//x.example", "http\\&\\#58;/\u2060/x.example"),
        ("www.x.example WWW.x", "www\u2060.x.example WWW\u2060.x"),
        ("a@x.example", "a\u2060\\@x.example"),
        ("==x== $x$ |x| {x} %%x%%", r"\=\=x\=\= \$x\$ \|x\| \{x\} \%%x\%%"),
        ("a](b) <b>", r"a\]\(b) \<b\>"),
        ("+", r"\+"),
        ("Wow!", r"Wow\!"),
    ],
)
def test_what_only_some_dialects_of_markdown_know_is_text_too(text: str, written: str) -> None:
    assert as_markdown(said(Answer("?", text, done=True))).endswith(f"\n\n{written}\n")


def test_two_harmless_pieces_are_harmless_together() -> None:
    sentences = tuple(Sentence(start, start + 1, "x", (), (), "quoted") for start in (0, 1))
    assert "\n\n\\&lt;\n" in as_markdown(said(Answer("?", "&lt;", sentences=sentences, done=True)))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_as_text_wherever_it_stands(text: str) -> None:
    source = f"https://evil.example/{text}"
    hits = tuple(hit(text, text, each, author=text, also=(text, "http://[x")) for each in (source, text))
    marked = f"{text}[1]{text} [2]"
    answer = Answer(
        text,
        marked,
        search_query=text + "?",
        notes=(text,),
        sentences=(Sentence(len(text), len(marked), f"{text} ", (1, 2), (Span(0, len(text)), Span(0, 1)), "weak"),),
        hits=hits,
    )
    exchange = Exchange(text, answer, error=(text, text), article_filter=RequestFilter(sources=(text,)))
    bare = Exchange(text, Answer(text, text, found=False))
    markdown = as_markdown(Conversation((exchange, bare, exchange), title=text))
    referred, defined = references(markdown)
    assert set(referred) == set(defined)
    assert defined == [1, 2, 3, 4]
    tokens = rendered(markdown, source)
    clean = re.sub("[\x00\ud800\u202e]", "\ufffd", text)
    read = words_of(tokens)
    assert f"“{' '.join(clean.split())}” {' '.join(clean.split())}, " in read, "quote and title read as they were"
    markdown.encode()


def test_only_an_address_of_the_web_is_one_that_can_be_followed() -> None:
    for source in (
        "javascript:alert(1)",
        "file:///etc/passwd",
        "https://a b",
        "http://u:p@h/",
        "http://h/<b>",
        "/x/y.md",
    ):
        answer = cited("Monday [1].", (1, "Monday"), hits=(hit(source=source),))
        assert not [token for token in rendered(as_markdown(said(answer))) if token.type == "link_open"], source
    assert [t for t in rendered(as_markdown(said(cited("Monday [1].", (1, "Monday"))))) if t.type == "link_open"]


def test_no_folder_of_this_machine_is_in_a_file_to_be_passed_on() -> None:
    answer = cited(
        "Monday [1].", (1, "Monday"), hits=(hit(source="/home/ann/private/port.md", also=("C:\\x\\y.txt",)),)
    )
    for text in (as_markdown(said(answer)), with_sources(Exchange("?", answer))):
        assert "port.md, y.txt" in text
        assert "private" not in text


signs = st.text(alphabet="[](){}<>!#*_`~^:|&;\\-+=.$%@/ \n\t1ab3www", max_size=25)
texts = st.sampled_from(HOSTILE) | signs | st.text(max_size=20)


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    """Answers of sentences with markers, good and bad, between, in and after whatever text."""
    passages = draw(st.lists(texts.filter(bool), min_size=1, max_size=3))
    hits = tuple(hit(text, draw(texts), draw(texts), author=draw(texts), also=(draw(texts),)) for text in passages)
    text, sentences = draw(texts), []
    for _ in range(draw(st.integers(0, 3))):
        numbers = tuple(draw(st.lists(st.integers(1, len(hits)), max_size=3)))
        ends = [draw(st.integers(0, len(passages[number - 1]))) for number in numbers]
        said = draw(texts)
        marked = said + "".join(
            f"{draw(texts)}[{draw(st.integers(0, 4) | st.sampled_from(numbers or (1,)))}]" for _ in "ab"
        )
        words = said if draw(st.booleans()) else "x"
        support = draw(st.sampled_from(["quoted", "weak", "unsupported"]))
        evidence = tuple(Span(0, end) for end in ends)
        sentences.append(Sentence(len(text), len(text + marked), words, numbers, evidence, support))
        text += marked + draw(texts)
    return Answer(draw(texts), text, draw(st.booleans()), sentences=tuple(sentences), hits=hits, notes=(draw(texts),))


@settings(max_examples=100, deadline=None)
@given(st.lists(answers(), max_size=3), texts)
def test_every_footnote_is_defined_once_and_referred_to_whatever_the_texts(each: list[Answer], title: str) -> None:
    markdown = as_markdown(said(*each, title=title))
    referred, defined = references(markdown)
    assert defined == list(range(1, len(defined) + 1))
    assert set(referred) == set(defined)
    rendered(markdown)


@settings(max_examples=100, deadline=None)
@given(texts.filter(lambda text: "**" not in text))
def test_a_text_reads_the_same_after_it_was_rendered(text: str) -> None:
    read = words_of(rendered(as_markdown(said(Answer("?", text, done=True)))))
    clean = re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\u202d\u202e\ufffe\uffff]", "\ufffd", text)
    lines = [re.sub(r"^[-+*•]\s+(?=\S)", "", line.strip()) for line in clean.splitlines()]
    assert read.split("\n")[2:] == [line for line in lines if line]


def test_the_words_that_are_ours_are_in_the_language_of_the_reader() -> None:
    first = replace(cited("今天 [1].", (1, "Monday"), support="weak"), search_query="何时？", question="几时？")
    first = replace(first, hits=(replace(first.hits[0], title="", source="x", pages=(0,)), *first.hits[1:]))
    exchanges = (
        Exchange("几时？", first, article_filter=RequestFilter("2024", "2025", ("1.txt",), ("a", "b"))),
        Exchange("", Answer("为何？", NOT_FOUND, found=False, done=True)),
        Exchange("", Answer("", "明天"), stopped=True),
        Exchange("", Answer("", "昨天"), error=("the question is empty", "Type a question about the articles.")),
        Exchange(""),
    )
    markdown = as_markdown(Conversation(exchanges), chinese)
    copied = "".join(with_sources(exchange, chinese) for exchange in exchanges)
    assert "# 对话\n" in markdown
    assert "[^1]: “Monday” *无标题*, x, 2024年2月24日, 第1页\n" in markdown
    assert "*(检索范围：2024起 · 2025止 · 1.txt · 已选的2篇)*" in markdown
    assert "**错误：** 问题是空的。请输入有关文章的问题。\n" in markdown
    assert "文章中没有提到。" in markdown
    assert "今天 [1]. (部分有依据)\n" in copied
    for text in (markdown, copied):
        assert set(re.findall(r"[A-Za-z]{2,}", text)) == {"Monday", "txt"}, text


# JSON


def test_json_has_the_answers_as_the_command_line_prints_them_and_what_the_reader_chose() -> None:
    answer = cited("Monday [1].", (1, "Monday"))
    exchange = Exchange(
        "When?", answer, article_filter=RequestFilter(since="2024", sources=("x",)), rating="bad", stopped=True
    )
    failed = Exchange("Why?", error=("it is down", "Wait."))
    written = as_json(Conversation((exchange, failed), "id", "Ships 🚢"))
    assert "🚢" in written
    read = json.loads(written)
    assert read["format"] == "citechat conversation 1"
    assert read["title"] == "Ships 🚢"
    first, second = read["questions"]
    assert first == {
        "question": "When?",
        "only": {"since": "2024", "until": None, "sources": ["x"], "articles": []},
        "answer": json.loads(json.dumps(answer.to_dict())),
        "error": None,
        "stopped": True,
        "verdict": "bad",
    }
    assert (second["answer"], second["error"]) == (None, {"message": "it is down", "hint": "Wait."})


def test_json_can_always_be_written_to_a_file() -> None:
    written = as_json(Conversation((Exchange("a\ud800", Answer("a\ud800", "\udfff")),), title="\ud800"))
    assert json.loads(written.encode())["questions"][0]["answer"]["text"] == "\ufffd"


# Text for a mail


def test_a_copied_answer_has_its_sources_numbered_in_order() -> None:
    answer = cited("Ships [2], **Monday** [1].", (2, "Ships came back."), (1, "Monday"))
    assert with_sources(Exchange("When?", answer)) == (
        "Ships [1], Monday [2].\n\n"
        "Sources:\n"
        "[1] “Ships came back.” The port, The Daily, 24 February 2024\n"
        f"[2] “Monday” The port, example.org, 24 February 2024, {ADDRESS}\n"
    )


def test_a_copied_abstention_or_error_has_no_sources() -> None:
    abstained = Answer("Why?", NOT_FOUND, found=False, hits=(hit(),), done=True)
    assert with_sources(Exchange("Why?", abstained)) == f"{NOT_FOUND}\n\n(No answer found in the articles.)\n"
    assert with_sources(Exchange("Why?", error=("it is down.", ""))) == "It is down.\n"


@settings(max_examples=100, deadline=None)
@given(answers())
def test_a_copied_answer_is_text_that_can_be_sent_and_its_sources_count_up(answer: Answer) -> None:
    text = with_sources(Exchange(answer.question, answer))
    text.encode()
    if answer.found:
        places = {(number, span) for s in answer.sentences for number, span in zip(s.numbers, s.evidence, strict=True)}
        listed = text.rpartition("Sources:\n")[2].splitlines() if places else []
        assert [line.split()[0] for line in listed] == [f"[{n}]" for n in range(1, len(places) + 1)]


# File names


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("When did the port reopen?", "When-did-the-port-reopen.md"),
        ("谁创立了奇虎360？", "谁创立了奇虎360.md"),
        ("कौन", "कौन.md"),
        ("../../etc/passwd", "etc-passwd.md"),
        ("C:\\x", "C-x.md"),
        (".hidden", "hidden.md"),
        ("a\x00\n\u202eb", "a-b.md"),
        ("Con", "_Con.md"),
        ("Conference", "Conference.md"),
        ("???", "conversation.md"),
        ("", "conversation.md"),
        ("x" * 300, "x" * 50 + ".md"),
    ],
)
def test_a_file_is_named_after_the_title(title: str, name: str) -> None:
    assert file_name(Conversation(title=title), ".md") == file_name(Conversation(title=title), "md") == name


def test_a_file_without_a_title_is_named_after_the_first_question() -> None:
    assert file_name(Conversation((Exchange("Who?"), Exchange("Why?"))), ".json") == "Who.json"


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(), max_size=80), st.sampled_from([".md", "json", "", "../x"]))
def test_every_file_name_is_safe(title: str, suffix: str) -> None:
    name = file_name(Conversation(title=title), suffix)
    assert 0 < len(name.encode()) <= 255
    assert not name.startswith((".", "-"))
    assert all(character.isprintable() or character == "\u200d" for character in name), repr(name)
    assert not re.search(r'[/\\:*?"<>|\s]', name)
