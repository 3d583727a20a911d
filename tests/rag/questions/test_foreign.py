"""A question in another language than the articles is recognized, and the answer says what it needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag import Assistant, build_assistant, load_settings, open_index

ENGLISH = (
    "The council of Northport bought sixteen trams on Monday.\n\n"
    "Wang Shuyi, who teaches at the technical university, said that the trams were made in China and cost 31 million "
    "pounds. They will run from the harbour to the market."
)
GERMAN = (
    "Der Stadtrat von Nordhafen hat am Montag sechzehn Straßenbahnen gekauft.\n\n"
    "Wang Shuyi, die an der technischen Hochschule lehrt, sagte, dass die Bahnen in China gebaut wurden."
)


def about(text: str, folder: Path) -> Assistant:
    (folder / "trams.txt").write_text(text, encoding="utf-8")
    settings = load_settings(home=folder / "home")
    open_index(settings).sync([folder / "trams.txt"])
    return build_assistant(settings)


@pytest.fixture(scope="module")
def english(tmp_path_factory: pytest.TempPathFactory) -> Assistant:
    return about(ENGLISH, tmp_path_factory.mktemp("english"))


@pytest.mark.parametrize(
    "question",
    [
        "¿Cuándo se inventó el teléfono móvil?",
        "Wer hat gestern das Fußballspiel gewonnen?",
        "Combien de personnes habitent dans la capitale ?",
        "哪些公司在开发类似的模型？",
    ],
)
def test_the_answer_names_the_language_of_the_articles(question: str, english: Assistant) -> None:
    answer = english.ask(question)
    assert not answer.found
    assert "The articles are in English." in " ".join(answer.notes)
    assert not any("Showing results" in note for note in answer.notes), "no word is taken for a misspelt English one"


def test_a_question_in_the_language_of_the_articles_has_no_such_note(english: Assistant, tmp_path: Path) -> None:
    german = about(GERMAN, tmp_path)
    for assistant, question in (
        (english, "Who won the football match yesterday?"),
        (german, "Kocht man Nudeln mit Salz?"),
    ):
        answer = assistant.ask(question)
        assert not answer.found
        assert not any("The articles are in" in note for note in answer.notes)
    assert "German" in " ".join(german.ask("Who won the football match yesterday?").notes)
