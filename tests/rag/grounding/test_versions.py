"""Several articles on one story: copies, dates, and reports that differ, end to end with the bundled models."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from index import Encoder, Index
from rag import Answer, Assistant
from rag.grounding.differences import Report, asked_figure, differ
from rag.notes import (
    DATED,
    DATED_BETWEEN,
    DIFFER,
    DIFFER_PARTLY_DATED,
    DIFFER_SAME_DAY,
    DIFFER_UNDATED,
    GONE,
    NEWEST,
    NOTES,
    UNDATED,
    fill,
    parse_note,
)
from rag.reading.loader import load_reader

TEXTS = Path(__file__).parent / "texts" / "versions"

Ask = Callable[[str], Answer]


@pytest.fixture(scope="module")
def assistant_for(tmp_path_factory: pytest.TempPathFactory, bundled_encoder: Encoder) -> Callable[..., Assistant]:
    """`assistant_for(paths)`: an assistant with the bundled reader for these files."""
    reader = load_reader("bundled", lambda: bundled_encoder)

    def build(*paths: Path) -> Assistant:
        index = Index(tmp_path_factory.mktemp("versions") / "index", bundled_encoder)
        index.sync(paths)
        return Assistant(index, reader=reader)

    return build


@pytest.fixture(scope="module")
def dam(assistant_for: Callable[..., Assistant]) -> Assistant:
    """A wire report, an update with other figures two days later, and an undated copy of the wire report."""
    return assistant_for(TEXTS / "dam")


@pytest.fixture(scope="module")
def bridge(assistant_for: Callable[..., Assistant]) -> Assistant:
    """Two reports without a date that give another price."""
    return assistant_for(TEXTS / "bridge")


@pytest.fixture(scope="module")
def mill(assistant_for: Callable[..., Assistant]) -> Assistant:
    """Two reports that say the same in other words, and one on another town."""
    return assistant_for(TEXTS / "mill")


def quoted(answer: Answer, assistant: Assistant) -> list[tuple[str, str]]:
    """Return the source and the text of each quote, after a check that its offsets are exact."""
    for citation in answer.citations:
        article = assistant.article(citation.article_id)
        assert article is not None
        assert article.text[citation.start : citation.end] == citation.quote
    return [(citation.source, citation.quote) for citation in answer.citations]


def sources(answer: Answer) -> list[str]:
    return [citation.source for citation in answer.citations]


# Copies


@pytest.mark.parametrize(
    "question",
    [
        "When did the dam burst?",
        "What happened in Olvik?",
        "Are people still missing?",
        "What do the articles say about Olvik?",
        "What is this about?",
        "Summarise the articles",
    ],
)
def test_a_sentence_that_several_articles_have_is_quoted_once(question: str, dam: Assistant) -> None:
    answer = dam.ask(question)
    texts = [text for _, text in quoted(answer, dam)]
    assert texts
    for sentence in ("A dam burst near Olvik on Tuesday morning.", "Four people are missing, the police said."):
        assert sum(sentence in text for text in texts) <= 1


def test_the_dated_original_is_quoted_and_not_the_undated_copy(dam: Assistant) -> None:
    assert sources(dam.ask("When did the dam burst?")) == ["1_wire.txt"]


def test_an_overview_of_several_articles_says_that_one_repeats_another(dam: Assistant) -> None:
    answer = dam.ask("What are these articles about?")
    assert answer.text.startswith("3 articles, the newest first:")
    assert "1 of them repeats the text of another." in answer.text
    assert sources(answer) == ["2_update.txt", "1_wire.txt"]


# Reports that differ


def test_dated_reports_that_differ_are_both_quoted_with_the_newer_first(dam: Assistant) -> None:
    answer = dam.ask("How many households were evacuated?")
    assert sources(answer) == ["2_update.txt", "1_wire.txt"]
    (newer, older) = [text for _, text in quoted(answer, dam)]
    assert "350, not 200" in newer
    assert older == "About 200 households were evacuated."
    assert answer.notes == ("The articles differ. The newest report is of 5 June 2025.",)


def test_without_dates_nobody_can_say_which_report_is_newer(bridge: Assistant) -> None:
    answer = bridge.ask("How much will the bridge cost?")
    assert sorted(sources(answer)[:2]) == ["plan.txt", "report.txt"]
    assert DIFFER_UNDATED in answer.notes


def test_of_reports_with_and_without_a_date_the_note_names_the_date_it_knows(
    assistant_for: Callable[..., Assistant], tmp_path: Path
) -> None:
    dated = "Flood in Varna\nPublished 7 May 2025\n\nThe river Vel flooded Varna. About 300 houses were damaged.\n"
    undated = (
        "Varna under water\n\nThe river Vel has flooded Varna, the mayor said. In Varna, 450 houses were damaged.\n"
    )
    (tmp_path / "a.txt").write_text(dated)
    (tmp_path / "b.txt").write_text(undated)
    answer = assistant_for(tmp_path).ask("How many houses were damaged in Varna?")
    assert sources(answer) == ["a.txt", "b.txt"]
    assert fill(DIFFER_PARTLY_DATED, day="7 May 2025") in answer.notes


@pytest.mark.parametrize(
    "question",
    [
        "How many workers were evacuated in Tarn?",  # about 60 and 62; 140 in another year; 25 in another town
        "How many workers were evacuated from the paper mill?",
        "Was anybody hurt at the paper mill in Tarn?",
    ],
)
def test_reports_in_other_words_and_numbers_of_other_things_do_not_differ(question: str, mill: Assistant) -> None:
    answer = mill.ask(question)
    assert answer.found
    assert not [note for note in answer.notes if "differ" in note]


@pytest.mark.parametrize(
    "question",
    [
        "How long is the old bridge?",
        "How much will the road to the bridge cost?",
    ],
)
def test_a_figure_of_one_report_only_is_no_difference(question: str, bridge: Assistant) -> None:
    assert not [note for note in bridge.ask(question).notes if "differ" in note]


WIRE = (
    "About 200 households were evacuated.",
    "A dam burst near Olvik on Tuesday. The police found four people alive.",
)


@pytest.mark.parametrize(
    ("text", "before", "differs"),
    [
        ("350 households were evacuated.", "A dam burst near Olvik on Tuesday, the police said.", True),
        ("The number of evacuated households was 350, not 200.", "The dam near Olvik burst, the police said.", True),
        ("The number of evacuated households rose from 200 to 350.", "The dam near Olvik burst, police said.", True),
        ("The police evacuated three hundred households.", "The dam near Olvik burst on Tuesday.", True),
        ("More than 300 households were evacuated.", "A dam burst near Olvik, the police said on Tuesday.", True),
        ("At least 190 households were evacuated.", "A dam burst near Olvik, the police said on Tuesday.", False),
        ("Some 205 households were evacuated.", "A dam burst near Olvik, the police said on Tuesday.", False),
        ("In Strand, 350 households were evacuated.", "A dam burst near Olvik on Tuesday, the police said.", False),
        (
            "350 households were evacuated.",
            "A dam burst near Olvik on Tuesday. A wall fell in Strand, police say.",
            False,
        ),
        ("In 1987, 350 households were evacuated.", "A dam burst near Olvik on Tuesday, the police said.", False),
        ("Two years ago, 350 households were evacuated.", "A dam burst near Olvik, the police said.", False),
        ("350 people were evacuated.", "A dam burst near Olvik on Tuesday, the police said.", False),
        ("350 cows of the households were evacuated.", "A dam burst near Olvik on Tuesday, police said.", False),
        ("Another 150 households were evacuated.", "A dam burst near Olvik on Tuesday, the police said.", False),
        ("80 of the 350 households were evacuated.", "A dam burst near Olvik on Tuesday, police said.", False),
        ("Up to 350 households could be evacuated.", "A dam burst near Olvik on Tuesday, the police said.", False),
        ("350 households were not evacuated.", "A dam burst near Olvik on Tuesday, the police said.", False),
        ("90 evacuated households have returned.", "A dam burst near Olvik on Tuesday, the police said.", False),
        ("350 households were evacuated and nobody was hurt.", "A dam burst near Olvik, the police said.", True),
        ("350 wooden households were evacuated.", "A dam burst near Olvik on Tuesday, police said.", False),
        ("350 households have no power.", "A dam burst near Olvik on Tuesday, the police said.", False),
        ("350 households were evacuated.", "A fire in a chemical plant is spreading through the docks.", False),
    ],
)
def test_only_the_same_figure_of_the_same_thing_differs(text: str, before: str, differs: bool) -> None:
    question = "How many households were evacuated?"
    asked = asked_figure(question)
    assert asked is not None
    said, context = WIRE
    reports = [
        Report(said, "Dam bursts", f"{context} {said}", f"{context} ", date(2025, 6, 3)),
        Report(text, "Dam news", f"{before} {text}", f"{before} ", date(2025, 6, 5)),
    ]
    assert bool(differ(asked, *reports)) == differs


@pytest.mark.parametrize(
    ("question", "one", "other", "differs"),
    [
        ("How much did the tunnel cost?", "The tunnel cost 40 million euros.", "The tunnel cost €55m.", True),
        ("How much did the tunnel cost?", "The tunnel cost 40 million euros.", "The tunnel cost $55m.", False),
        ("How much did the tunnel cost?", "The tunnel cost 40 million euros.", "The gate cost 5 million euros.", False),
        ("How long is the tunnel?", "The tunnel is 800 metres long.", "The tunnel is 900 metres long.", True),
        ("How long is the tunnel?", "The tunnel is 800 metres long.", "The tunnel is 0.5 miles long.", False),
        (
            "What is the population of Olvik?",
            "The population of Olvik is 3,000.",
            "Olvik: a population of 3,400.",
            True,
        ),
        ("How long is the tunnel?", "The old tunnel is 800 metres long.", "The new tunnel is 900 metres long.", False),
        ("How long is the tunnel?", "The old tunnel is 800 metres long.", "The tunnel is 900 metres long.", False),
        ("How long is the tunnel?", "The new tunnel is 800 metres long.", "The tunnel is 900 metres long.", True),
        (
            "How long is the tunnel?",
            "The tunnel is 800 metres long.",
            "The road to the tunnel is 90 metres long.",
            False,
        ),
        ("How much is the budget?", "The budget is 9 million euros.", "The school budget is 3 million euros.", False),
        ("How much is the budget?", "The school budget is 4 million euros.", "The school budget is €3m.", False),
        ("How much is a ticket for the bus?", "A ticket for the bus is 3 euros.", "A ticket for the bus is €4.", True),
        ("How much is a ticket for the bus?", "A ticket for the bus is 3 euros.", "A ticket for a tram is €4.", False),
        ("How often did it rain?", "It rained 3 times.", "It rained 4 times.", False),
        ("Who was hurt?", "3 miners were hurt.", "4 miners were hurt.", False),
    ],
)
def test_measures_are_compared_in_one_unit(question: str, one: str, other: str, differs: bool) -> None:
    asked = asked_figure(question)
    about = "The engineers of the valley road opened the works near Olvik on Monday."
    reports = [Report(text, "Works", f"{about} {text}", f"{about} ", None) for text in (one, other)]
    assert bool(asked and differ(asked, *reports)) == differs


def test_reports_of_different_years_are_not_compared() -> None:
    asked = asked_figure("How many workers were hired?")
    assert asked is not None
    about = "The shipyard in Olvik hired workers, the manager said on Monday morning."
    old, new = (
        Report(text, "Shipyard", f"{about} {text}", f"{about} ", day)
        for text, day in (("40 workers were hired.", date(2021, 3, 1)), ("75 workers were hired.", date(2025, 3, 1)))
    )
    assert differ(asked, old, new) is None


@pytest.mark.parametrize(
    ("question", "one", "other"),
    [
        ("How many people were injured in Lom?", "Twelve people were injured.", "15 people were injured, they said."),
        ("How many people were injured in Lom?", "12 people were injured.", "The crash injured fifteen people."),
        ("How many pupils were rescued in Lom?", "3 pupils were rescued.", "Firefighters rescued 4 pupils."),
    ],
)
def test_a_third_story_of_another_town_is_no_part_of_the_difference(
    question: str, one: str, other: str, assistant_for: Callable[..., Assistant], tmp_path: Path
) -> None:
    about = "A bus left the road in Lom on Saturday night."
    what = "pupils were rescued" if "pupils" in one else "people were injured"
    for name, day, text in (("a", 3, f"{about} {one}"), ("b", 4, f"{about} The road is closed. {other}")):
        (tmp_path / f"{name}.txt").write_text(f"Bus crash in Lom\nPublished {day} May 2025\n\n{text}\n")
    (tmp_path / "c.txt").write_text(f"Train\nPublished 6 May 2025\n\nA train hit a car in Rena. 30 {what}.\n")
    answer = assistant_for(tmp_path).ask(question)
    assert sources(answer)[:2] == ["b.txt", "a.txt"]
    assert fill(DIFFER, day="4 May 2025") in answer.notes


# Dates


@pytest.mark.parametrize(
    "question", ["What is the latest on the Olvik dam?", "Are people still missing?", "Who is missing in Olvik now?"]
)
def test_a_question_for_the_latest_is_answered_from_the_newest_article_first(question: str, dam: Assistant) -> None:
    answer = dam.ask(question)
    assert sources(answer)[0] == "2_update.txt"
    assert "found alive" in answer.citations[0].quote
    assert fill(NEWEST, day="5 June 2025") in answer.notes


def test_the_newest_article_does_not_answer_for_another_story(
    assistant_for: Callable[..., Assistant], tmp_path: Path
) -> None:
    zinc = "Zinc falls\nPublished 9 June 2025\n\nThe current price of zinc in Lund is 2,600 dollars a tonne.\n"
    copper = "Copper rises\nPublished 2 June 2025\n\nThe current price of copper in Oslo is 9,400 dollars a tonne.\n"
    (tmp_path / "zinc.txt").write_text(zinc)
    (tmp_path / "copper.txt").write_text(copper)
    assert sources(assistant_for(tmp_path).ask("What is the current price of copper in Oslo?"))[0] == "copper.txt"


def test_yesterday_is_answered_with_the_dates_of_the_articles(dam: Assistant, bridge: Assistant) -> None:
    answer = dam.ask("What happened in Olvik yesterday?")
    assert "yesterday" not in answer.text
    assert fill(DATED_BETWEEN, first="3 June 2025", last="5 June 2025") in answer.notes
    assert UNDATED in bridge.ask("What did the council of Halden vote for last week?").notes


def test_one_date_is_named_once(mill: Assistant) -> None:
    answer = mill.ask("What did the smoke reach today?")
    assert sources(answer) == ["neighbours.txt"]
    assert fill(DATED, day="4 March 2025") in answer.notes


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("Which article is the newest?", "The newest is “Olvik dam: all missing people found alive"),
        ("What is the latest report?", "The newest is “Olvik dam: all missing people found alive"),
        ("Which one is the oldest?", "The oldest is “Dam bursts near Olvik"),
    ],
)
def test_the_record_says_which_article_is_the_newest(question: str, said: str, dam: Assistant) -> None:
    answer = dam.ask(question)
    assert answer.text.startswith(said)
    assert answer.text.endswith("1 article has no date in the record.")


# Files that no longer exist


def test_a_copy_that_still_exists_is_quoted_before_one_whose_file_is_gone(
    assistant_for: Callable[..., Assistant], tmp_path: Path
) -> None:
    story = "The ferry Lind ran aground off Varde on Friday. All 80 passengers were taken to the shore."
    (tmp_path / "old.txt").write_text(f"Ferry aground\nPublished 9 May 2025\n\n{story}\n")
    (tmp_path / "new.txt").write_text(f"Ferry aground\nPublished 8 May 2025\n\n{story} The hull is intact.\n")
    assistant = assistant_for(tmp_path)
    question = "Where did the ferry Lind run aground?"
    assert sources(assistant.ask(question)) == ["old.txt"]
    (tmp_path / "old.txt").unlink()
    answer = assistant.ask(question)
    assert sources(answer) == ["new.txt"]
    assert not [note for note in answer.notes if "no longer exists" in note]


def test_an_article_whose_file_is_gone_is_quoted_last_and_named(
    assistant_for: Callable[..., Assistant], tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("Zoo opens\n\nThe zoo of Varde opens at nine on weekdays, the keeper said.\n")
    (tmp_path / "b.txt").write_text("Zoo closes\n\nThe zoo of Varde opens at ten on weekdays, the director said.\n")
    assistant = assistant_for(tmp_path)
    question = "When does the zoo of Varde open on weekdays?"
    first, second = sources(assistant.ask(question))
    (tmp_path / first).unlink()
    answer = assistant.ask(question)
    assert sources(answer) == [second, first]
    title = next(citation.title for citation in answer.citations if citation.source == first)
    assert fill(GONE, title=title) in answer.notes


def test_a_folder_that_is_missing_says_nothing_about_its_articles(
    assistant_for: Callable[..., Assistant], tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    (disk / "a.txt").write_text("Zoo opens\n\nThe zoo of Varde opens at nine on weekdays, the keeper said.\n")
    assistant = assistant_for(disk)
    disk.rename(tmp_path / "elsewhere")
    answer = assistant.ask("When does the zoo of Varde open?")
    assert sources(answer) == ["a.txt"]
    assert not [note for note in answer.notes if "no longer exists" in note]


# Notes


@pytest.mark.parametrize("template", NOTES)
def test_a_filled_note_is_parsed_into_its_template(template: str) -> None:
    words = {"day": "5 June 2025", "first": "3 June 2025", "last": "5 June 2025", "title": "Dam bursts"}
    used = {name: word for name, word in words.items() if "{" + name + "}" in template}
    assert parse_note(fill(template, **used)) == (template, used)


def test_the_same_day_and_other_days_have_their_own_note() -> None:
    assert {DIFFER, DIFFER_SAME_DAY} < set(NOTES)


def test_of_identical_texts_the_newest_that_still_exists_is_cited(
    assistant_for: Callable[..., Assistant], tmp_path: Path
) -> None:
    story = "The museum of Grenna reopened on Saturday with a show of 40 clocks, and the queue went round the square."
    for day in (3, 5, 4):
        (tmp_path / f"{day}.md").write_text(f"---\ntitle: Clocks\ndate: 2025-06-0{day}\nsite: {day}\n---\n{story}\n")
    assistant = assistant_for(tmp_path)
    question = "How many clocks does the museum of Grenna show?"
    for expected in ("5.md", "4.md", "3.md"):
        assert sources(assistant.ask(question)) == [expected]
        (tmp_path / "left.txt").touch()  # the folder is not empty
        (tmp_path / expected).unlink()
    assert sources(assistant.ask(question)) == ["5.md"]
    assert fill(GONE, title="Clocks") in assistant.ask(question).notes
