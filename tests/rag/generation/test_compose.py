"""Answers that are composed from several quotes: overviews, statements, introductions, lists and comparisons."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from index import ArticleFilter, Encoder, Index
from rag import NOT_FOUND, Answer, Assistant, Turn
from rag.answer import NO_OPINION
from rag.generation import compose

TEXTS = Path(__file__).parent / "texts"
BRIDGE = (TEXTS / "bridge.txt").read_text(encoding="utf-8")
LIBRARY = (TEXTS / "library.txt").read_text(encoding="utf-8")


def assistant_of(folder: Path, encoder: Encoder, texts: dict[str, str]) -> Assistant:
    """Return an assistant for files with these names and texts, without a reader."""
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    index = Index(folder / "index", encoder)
    index.sync([folder / name for name in texts])
    return Assistant(index)


@pytest.fixture(scope="module")
def assistant(tmp_path_factory: pytest.TempPathFactory, bundled_encoder: Encoder) -> Assistant:
    return assistant_of(tmp_path_factory.mktemp("articles"), bundled_encoder, {"bridge.txt": BRIDGE})


@pytest.fixture(scope="module")
def with_two(tmp_path_factory: pytest.TempPathFactory, bundled_encoder: Encoder) -> Assistant:
    texts = {
        "bridge.md": f"---\ntitle: Bridge\ndate: 2025-03-01\n---\n{BRIDGE}",
        "library.md": f"---\ntitle: Library\ndate: 2025-06-01\n---\n{LIBRARY}",
    }
    return assistant_of(tmp_path_factory.mktemp("two"), bundled_encoder, texts)


def quotes(answer: Answer, assistant: Assistant) -> list[str]:
    """Return the quotes of an answer, after a check that each is an exact part of its article and of the answer."""
    for sentence in answer.sentences:
        shown = answer.text[sentence.start : sentence.end]
        assert shown == f"{sentence.text} [{sentence.numbers[0]}]"
    for citation in answer.citations:
        article = assistant.article(citation.article_id)
        assert article is not None
        assert article.text[citation.start : citation.end] == citation.quote
    return [citation.quote for citation in answer.citations]


@pytest.mark.parametrize("question", ["What is this article about?", "Summarise this", "tl;dr", "这篇文章讲了什么？"])
def test_an_overview_quotes_central_sentences_in_reading_order(question: str, assistant: Assistant) -> None:
    answer = assistant.ask(question)
    quoted = quotes(answer, assistant)
    assert 3 <= len(quoted) <= 6
    assert quoted[0].startswith("The council of Northport decided")
    assert quoted == sorted(quoted, key=BRIDGE.index)
    assert not any(quote.endswith("?") or quote.startswith(("Photo", "By ")) for quote in quoted)


def test_an_overview_of_several_articles_has_a_line_for_each_the_newest_first(with_two: Assistant) -> None:
    answer = with_two.ask("Give me a summary")
    first, second = quotes(answer, with_two)
    assert first.startswith("The library of Westmarsh")
    assert second.startswith("The council of Northport")
    assert answer.text.index("**Library**") < answer.text.index("**Bridge**")


def test_an_overview_of_an_article_is_found_by_its_title_and_refused_for_one_that_does_not_exist(
    with_two: Assistant,
) -> None:
    quoted = quotes(with_two.ask("Summarise the article about the library"), with_two)
    assert len(quoted) >= 3
    assert all(quote in LIBRARY for quote in quoted)
    assert with_two.ask("Summarise the article about Tesla").text == NOT_FOUND


def test_a_filter_limits_an_overview(with_two: Assistant) -> None:
    answer = with_two.overview(ArticleFilter(sources=("library.md",)))
    assert all(quote in LIBRARY for quote in quotes(answer, with_two))


def test_statements_are_found_by_surname_pronoun_and_role(assistant: Assistant) -> None:
    quoted = quotes(assistant.ask("What did Maria Holm say?"), assistant)
    assert any("twenty years" in quote for quote in quoted)
    assert any(quote.startswith("She expects") for quote in quoted)
    assert any(quote.endswith("the mayor said.") for quote in quoted)
    assert not any("Strand" in quote for quote in quoted)


@pytest.mark.parametrize("question", ["What does Strand think about the price?", "Strand's opinion on the costs"])
def test_statements_are_limited_to_a_topic(question: str, assistant: Assistant) -> None:
    quoted = quotes(assistant.ask(question), assistant)
    assert "called the price a scandal" in quoted[0] or "nine million" in quoted[0]


def test_statements_of_somebody_who_is_not_named_are_refused(assistant: Assistant) -> None:
    assert assistant.ask("What did Sam Altman say about the bridge?").text == NOT_FOUND


def test_the_speakers_are_quoted_with_one_statement_each(assistant: Assistant) -> None:
    answer = assistant.ask("What do people think?")
    assert all(f"**{name}**" in answer.text for name in ("Maria Holm", "Jonas Lie", "Peter Strand"))


def test_a_person_is_introduced_first(assistant: Assistant) -> None:
    assert quotes(assistant.ask("Who is Jonas Lie?"), assistant)[0].startswith("Jonas Lie, an engineer")
    assert quotes(assistant.ask("Tell me about Fjordbro"), assistant)[0].startswith("Jonas Lie, an engineer")


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("Which people are mentioned?", ["Maria Holm", "Jonas Lie", "Peter Strand"]),
        ("List all universities", ["Stavanger University"]),
        ("What companies are named in the article?", ["Fjordbro"]),
    ],
)
def test_a_list_has_a_cited_line_for_its_names_and_a_count(
    question: str, names: list[str], assistant: Assistant
) -> None:
    answer = assistant.ask(question)
    quotes(answer, assistant)
    assert all(name in answer.text for name in names)
    assert "named:" in answer.text


def test_a_comparison_shows_both_sides(assistant: Assistant) -> None:
    answer = assistant.ask("Compare steel and timber")
    assert "Steel:" in answer.text
    assert "Timber:" in answer.text
    assert quotes(answer, assistant)


def test_several_questions_are_answered_in_turn(assistant: Assistant) -> None:
    answer = assistant.ask("How much will the bridge cost and who leads the Coast Party?")
    quoted = quotes(answer, assistant)
    assert any("41 million" in quote for quote in quoted)
    assert any("Peter Strand" in quote for quote in quoted)


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("What is the title?", "Bridge"),
        ("How many articles are there?", "2 articles"),
        ("Which is the newest article?", "Library"),
        ("When was the article published?", "1 June 2025"),
    ],
)
def test_questions_about_the_record_are_answered_from_it(question: str, said: str, with_two: Assistant) -> None:
    answer = with_two.ask(question)
    assert answer.found
    assert said in answer.text


def test_the_assistant_has_no_opinion(assistant: Assistant) -> None:
    answer = assistant.ask("What do you think about the bridge?")
    assert answer.text == NOT_FOUND
    assert NO_OPINION in answer.notes


def test_tell_me_more_adds_sentences_that_were_not_quoted(assistant: Assistant) -> None:
    first = assistant.ask("What is this about?")
    history = [Turn("user", "What is this about?"), Turn("assistant", first.text)]
    more = quotes(assistant.ask("tell me more", history), assistant)
    assert more
    assert not set(more) & set(quotes(first, assistant))


def test_who_said_that_names_the_speaker(assistant: Assistant) -> None:
    first = assistant.ask("What would it cost to repair the old bridge?")
    history = [Turn("user", first.question), Turn("assistant", first.text)]
    assert "Peter Strand" in assistant.ask("Who said that?", history).text


def test_a_misspelt_word_is_corrected_and_said(assistant: Assistant) -> None:
    answer = assistant.ask("Which materiel did the enginer name?")
    assert any("Jonas Lie" in quote for quote in quotes(answer, assistant))
    assert any("material" in note for note in answer.notes)


def test_the_number_of_sentences_that_are_read_is_limited(
    assistant: Assistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The memory of an overview grows with its square."""
    monkeypatch.setattr("rag.generation.compose.MOST_SENTENCES", 4)
    quoted = quotes(assistant.ask("What is this article about?"), assistant)
    assert quoted
    assert all(BRIDGE.index(quote) < 800 for quote in quoted)


def test_of_an_earlier_answer_only_the_end_is_looked_at(assistant: Assistant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.assistant._MOST_SHOWN", 10)
    history = [Turn("user", "What is this article about?"), Turn("assistant", "x" * 100)]
    request, _ = assistant._request("tell me more", history)
    assert request.shown == "x" * 10


LADDERS = (
    "The council of Northport will spend 40,000 dollars on a fish ladder. Mara Quist, a biologist at the river trust, "
    "said eels could reach the lake by spring.\n\nTraffic on the quay will be slow in June. Buses stop at the old "
    "station. Shops stay open in the evening.\n\nQuist warned that the weir is still too steep. She said a second "
    "ladder would cost 90,000 dollars.\n"
)


@pytest.fixture(scope="module")
def ladders(tmp_path_factory: pytest.TempPathFactory, bundled_encoder: Encoder) -> Assistant:
    return assistant_of(tmp_path_factory.mktemp("ladders"), bundled_encoder, {"ladders.txt": LADDERS})


def test_a_line_that_begins_with_a_surname_has_the_full_name_in_front(ladders: Assistant) -> None:
    answer = ladders.ask("What did Quist say about the weir?")
    assert "**Mara Quist** — Quist warned that the weir is still too steep." in answer.text
    quotes(answer, ladders)


def test_a_full_name_is_not_repeated(ladders: Assistant) -> None:
    answer = ladders.ask("What did Quist say?")
    assert answer.text.startswith("- Mara Quist, a biologist")
    assert "**" not in answer.text
    assert len(quotes(answer, ladders)) == 3


def test_the_sentence_that_introduces_a_person_by_full_name_comes_first(ladders: Assistant) -> None:
    assert quotes(ladders.ask("Who is Quist?"), ladders)[0].startswith("Mara Quist, a biologist")


def test_after_an_overview_questions_stand_for_themselves(ladders: Assistant) -> None:
    overview = ladders.ask("What is this about?")
    history = [Turn("user", "What is this about?"), Turn("assistant", overview.text)]
    assert "Mara Quist" in ladders.ask("Who is quoted?", history).text
    assert ladders.ask("Why so steep?", history).search_query == "Why so steep?"


@pytest.mark.parametrize("question", ["What is this about?", "What is it about?", "Summarise it"])
def test_an_overview_asked_for_after_a_question_is_one_of_the_article(question: str, ladders: Assistant) -> None:
    first = ladders.ask("Who is Mara Quist?")
    history = [Turn("user", first.question), Turn("assistant", first.text)]
    assert ladders.ask(question, history).text == ladders.ask(question).text


LIVE = """Storm Odette live: latest updates

18:42

## Death toll corrected

The county corrected the number of injured to twelve; it had earlier said nineteen.

Posted at 17:05.

## Trains stopped

All trains between Harl and Ostby are cancelled until Thursday, the operator Norrail said.

15:30 GMT

## Nineteen injured

Nineteen people were injured by falling branches at 3 pm, the county said.

14:10

The school in Vik closed at 12:00. It sent its 240 pupils home.
"""


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, bundled_encoder: Encoder) -> Assistant:
    return assistant_of(tmp_path_factory.mktemp("live"), bundled_encoder, {"live.md": LIVE})


def test_the_numbers_of_a_live_blog_are_not_its_clock_times(live: Assistant) -> None:
    assert quotes(live.ask("What numbers are mentioned?"), live) == [
        "The county corrected the number of injured to twelve; it had earlier said nineteen.",
        "Nineteen people were injured by falling branches at 3 pm, the county said.",
        "The school in Vik closed at 12:00.",
        "It sent its 240 pupils home.",
    ]


def test_time_stamps_and_headings_are_not_in_the_overview_of_a_live_blog(live: Assistant) -> None:
    quoted = quotes(live.ask("What is this about?"), live)
    assert len(quoted) >= 2
    assert all(quote.endswith(".") and not quote.startswith("Posted") for quote in quoted)


FORWARDED = [
    """See below.

---------- Forwarded message ---------
From: Rut Ek <rut@example.org>
Date: Mon, 3 Mar 2025 at 08:00
Subject: Works in the northern basin begin in April and last until the end of the summer
To: Ida Berg <ida@example.org>

""",
    """*From:* Rut Ek
*Sent:* Monday, 3 March 2025 08:00
*To:* Ida Berg; Per Holm; Ana Lima; Otto Brandt; Lena Kolb
*Subject:* Works

""",
    """Von: Rut Ek <rut@example.org>
Gesendet: Montag, 3. März 2025 08:00
Betreff: Die Arbeiten im nördlichen Hafenbecken beginnen im April

""",
]
WORKS = "The works in the northern basin begin on 7 April. The crane will be replaced first.\n"


@pytest.mark.parametrize("text", FORWARDED, ids=["forwarded", "outlook", "german"])
def test_the_head_of_a_forwarded_message_is_not_quoted(text: str, tmp_path: Path, bundled_encoder: Encoder) -> None:
    assistant = assistant_of(tmp_path, bundled_encoder, {"mail.txt": text + WORKS})
    for question in ("What is this about?", "When do the works begin?"):
        quoted = quotes(assistant.ask(question), assistant)
        assert "The works in the northern basin begin on 7 April." in quoted
        assert not any("Rut Ek" in quote for quote in quoted)


REFERRING = """The new ferry will sail in May. It will carry 240 cars.

Mara Quist, a biologist at the river trust, said eels could reach the lake. "This would take two years," Quist said.

The council closed the old mill. They want to sell the 12 machines in it.

It rained on 30 days.
"""


@pytest.fixture(scope="module")
def referring(tmp_path_factory: pytest.TempPathFactory, bundled_encoder: Encoder) -> Assistant:
    return assistant_of(tmp_path_factory.mktemp("referring"), bundled_encoder, {"news.txt": REFERRING})


def test_a_line_that_refers_back_has_the_sentence_before_it(referring: Assistant) -> None:
    quoted = quotes(referring.ask("What numbers are mentioned?"), referring)
    assert quoted == [
        "The new ferry will sail in May.",
        "It will carry 240 cars.",
        "Mara Quist, a biologist at the river trust, said eels could reach the lake.",
        '"This would take two years," Quist said.',
        "The council closed the old mill.",
        "They want to sell the 12 machines in it.",
        "It rained on 30 days.",
    ], "nothing is before the last one in its paragraph"


def test_a_sentence_is_not_quoted_twice_for_a_line_that_refers_back(referring: Assistant) -> None:
    quoted = quotes(referring.ask("What did Quist say?"), referring)
    assert len(quoted) == len(set(quoted)) == 2


CHINESE = (
    "港口大学将上调学费\n\n港口大学校长王淑仪周一表示，明年的学费将上调百分之五。她说，学校的能源费用增加了一倍。学生代表李明反对这一决定。"
    "李明说：“许多学生付不起。”\n\n教育部部长陈国强在接受采访时指出，大学应当先削减开支。据居民赵丽介绍，周边的房租也在上涨。\n"
)


@pytest.fixture(scope="module")
def in_chinese(tmp_path_factory: pytest.TempPathFactory, bundled_encoder: Encoder) -> Assistant:
    return assistant_of(tmp_path_factory.mktemp("chinese"), bundled_encoder, {"fees.txt": CHINESE})


@pytest.mark.parametrize(
    ("question", "said"),
    [
        (
            "王淑仪说了什么？",
            ["港口大学校长王淑仪周一表示，明年的学费将上调百分之五。", "她说，学校的能源费用增加了一倍。"],
        ),
        ("李明说了什么？", ["李明说：“许多学生付不起。”"]),
        ("陈部长怎么看？", ["教育部部长陈国强在接受采访时指出，大学应当先削减开支。"]),
    ],
)
def test_what_somebody_said_is_quoted_in_chinese(question: str, said: list[str], in_chinese: Assistant) -> None:
    assert quotes(in_chinese.ask(question), in_chinese) == said


@pytest.mark.parametrize("question", ["列出文中的人物", "文章提到了哪些人？", "谁被采访了？"])
def test_the_people_of_a_chinese_article_are_listed(question: str, in_chinese: Assistant) -> None:
    answer = in_chinese.ask(question)
    assert answer.text.startswith("提到 4 个：")
    assert re.findall(r"\*\*([^*]+)\*\*", answer.text) == ["王淑仪", "李明", "陈国强", "赵丽"]
    quotes(answer, in_chinese)


@pytest.fixture(scope="module")
def with_twelve(tmp_path_factory: pytest.TempPathFactory, bundled_encoder: Encoder) -> Assistant:
    names = ["Ann Lee", "Bo Falk", "Cy Orr", "Di Moss", "Ed Marsh", "Flo Bray", "Gus Holt", "Ivy Pym", "Jon Ross"]
    names += ["Kim Vale", "Lou Dean", "Max Hume"]
    places = ["bridge", "pool", "school", "library", "pier", "market", "mill", "tower", "garden", "road", "lock", "dam"]
    texts = {
        f"{number}.md": f"---\ntitle: Report {number}\ndate: 2025-01-{number + 1:02}\n---\n"
        f"The {place} was closed on Monday. “It will open again in a week,” said mayor {name}.\n"
        for number, (name, place) in enumerate(zip(names, places, strict=True))
    }
    return assistant_of(tmp_path_factory.mktemp("twelve"), bundled_encoder, texts)


def test_a_list_is_complete_over_all_articles(with_twelve: Assistant) -> None:
    answer = with_twelve.ask("Which people are mentioned?")
    assert answer.text.startswith("12 people are named:")
    assert len(quotes(answer, with_twelve)) == 12


def test_an_overview_of_many_articles_says_how_many_it_leaves_out(with_twelve: Assistant) -> None:
    answer = with_twelve.ask("What are these articles about?")
    assert answer.text.startswith("The newest 8 of 12 articles:")
    assert [citation.title for citation in answer.citations] == [f"Report {number}" for number in range(11, 3, -1)]


def test_a_list_says_of_how_many_articles_it_is_made(with_twelve: Assistant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compose, "MOST_ARTICLES", 5)
    answer = with_twelve.ask("Which people are mentioned?")
    assert re.match(r"[1-5] people are named in [1-6] of 12 articles:", answer.text)
