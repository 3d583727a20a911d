"""What the packages promise to those who import them."""

from __future__ import annotations

import inspect
import itertools
from pathlib import Path
from types import ModuleType

import pytest

import index
import rag
from rag import Answer, Citation, Settings, ask, build_assistant, load_settings, open_index


@pytest.mark.parametrize("package", [index, rag])
def test_everything_behind_a_front_door_is_there_and_explained(package: ModuleType) -> None:
    for name in package.__all__:
        value = getattr(package, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert value.__doc__, f"{package.__name__}.{name} has no docstring"


def test_every_setting_is_described() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_one_call_gives_a_cited_answer(samples_home: Path) -> None:
    answer = ask("How many people at OpenAI studied at Tsinghua?", settings=load_settings(home=samples_home))
    assert isinstance(answer, Answer)
    assert answer.found
    assert answer.done
    assert "23" in answer.text
    assert answer.text.rstrip().endswith("[1]") or "[" in answer.text
    citation = answer.citations[0]
    assert isinstance(citation, Citation)
    assert citation.title == "Sora and China's AI industry: a briefing"
    assert citation.published == "2024-02-24"
    assert citation.support == "quoted"
    article = open_index(load_settings(home=samples_home)).article(citation.article_id)
    assert article is not None
    assert article.text[citation.start : citation.end] == citation.quote


def test_stream_gives_ever_fuller_answers_with_the_sources_first(samples_home: Path) -> None:
    answers = list(build_assistant(load_settings(home=samples_home)).stream("What is Boximator?"))
    assert answers[0].hits
    assert not answers[0].text
    assert [answer.done for answer in answers] == [False] * (len(answers) - 1) + [True]
    assert all(later.text.startswith(earlier.text) for earlier, later in itertools.pairwise(answers))


def test_two_homes_never_touch(samples_home: Path, tmp_path: Path) -> None:
    assert open_index(load_settings(home=tmp_path)).articles() == ()
    assert len(open_index(load_settings(home=samples_home)).articles()) == 1
