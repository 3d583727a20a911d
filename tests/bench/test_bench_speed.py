"""The speed bench measures what it says; how fast anything is, no test asserts."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from index import Index

REPOSITORY = Path(__file__).resolve().parents[2]
BENCH = REPOSITORY / "bench"


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCH))
    return SimpleNamespace(
        **{n: importlib.import_module(n) for n in ("question_sets", "filler", "speed", "speed_report")}
    )


def test_a_figure_that_misses_its_mark_is_said_to(bench: Any) -> None:
    report = bench.speed_report
    table = report.as_markdown(
        [
            report.Figure("slow", 2.0, mark=1.5),
            report.Figure("fast enough", 1.25, mark=1.2, at_least=True),
            report.Figure("plain", 1234.5, "MB"),
        ]
    )
    assert table.splitlines()[2:] == [
        "| slow | 2 | ≤ 1.5 | **missed** |",
        "| fast enough | 1.25 | ≥ 1.2 | met |",
        "| plain | 1,234 MB | | |",
    ]


def test_the_curve_is_compared_with_the_floor_and_with_its_own_start(bench: Any) -> None:
    report = bench.speed_report
    small = report.Point(1000, 30.0, 10.0, 20.0, 5.0, 1.2, 300, 70)
    large = report.Point(100_000, 45.0, 15.0, 30.0, 5.0, 1.5, 400, 6000)
    assert [figure.value for figure in report.curve_figures([small, large])] == [2.0, 6.0, 2.0, 1.5, 1.5]
    assert len(report.curve_figures([small])) == 3
    table = report.curve_markdown([small, large], 9)
    assert "| 100,000 | 45.0 ms | 15.0 ms | 30.0 ms | 5.0 ms | 1.50 s | 400 MB | 6,000 MB |" in table


def test_articles_are_english_and_no_two_alike(bench: Any, tmp_path: Path) -> None:
    sets = bench.question_sets
    english = tuple(sets.Document(str(n), "Title", f"Sentence number {n} is here. " * 8) for n in range(10))
    chinese = sets.Document("zh", "标题", "北京是中华人民共和国的首都。")
    words = bench.speed.write_articles([sets.QuestionSet("a", (*english, chinese), ())], tmp_path / "articles")
    texts = [path.read_text(encoding="utf-8") for path in sorted((tmp_path / "articles").iterdir())]
    assert len(texts) == len(set(texts)) == 300
    assert words == sum(len(text.split()) for text in texts)
    assert not any("北京" in text for text in texts)


def test_filler_makes_an_index_larger_and_what_was_there_is_still_found(
    bench: Any, index: Index, tmp_path: Path
) -> None:
    lines = [f"The owl sat in barn {n}. It watched the fox all night. Nobody else was there." for n in range(8)]
    (tmp_path / "owl.txt").write_text("\n\n".join(lines), encoding="utf-8")
    index.sync([tmp_path / "owl.txt"])
    encoded = len(index.encoder.embedded)  # type: ignore[attr-defined]
    for wanted in (40, 95, 95):
        bench.filler.grow(index.path, wanted)
        assert Index(index.path, index.encoder).count()[1] == wanted
    grown = Index(index.path, index.encoder)
    hits = grown.search("Where did the owl sit?", limit=20)
    assert any(not hit.passage.article_id.startswith("filler") for hit in hits)
    for hit in hits:
        article = grown.article(hit.passage.article_id)
        assert article is not None
        assert article.text[hit.passage.start : hit.passage.end] == hit.passage.text
    assert len(index.encoder.embedded) == encoded, "nothing is encoded for it"  # type: ignore[attr-defined]


@pytest.mark.nightly
def test_each_task_prints_what_it_measured(models: Path, tmp_path: Path) -> None:
    home, articles, questions = tmp_path / "home", tmp_path / "articles", tmp_path / "questions.txt"
    home.mkdir()
    (home / "models").symlink_to(models)
    articles.mkdir()
    (articles / "a.txt").write_text("The fox crossed the river at night.\n\nThe owl sat in the barn.", encoding="utf-8")
    questions.write_text("Who crossed the river?\nWhere did the owl sit?", encoding="utf-8")

    def run(task: str, *arguments: object) -> dict[str, Any]:
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "CITECHAT_HOME": str(home)}
        command = [sys.executable, str(BENCH / "speed_tasks.py"), task, *map(str, arguments)]
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment, timeout=300)
        result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        assert result["megabytes"] > 10
        return result

    indexed = run("citechat_index", home, articles)
    assert run("raw_encode", home, "onnx")["passages"] == indexed["passages"] > 0
    asked = run("citechat_ask", home, questions)
    assert len(asked["waits"]) == len(asked["floors"]) == 4
    assert np.median(asked["waits"]) > 0
    assert run("tutorial_index", tmp_path / "tutorial", articles)["passages"] == 1
    assert len(run("tutorial_ask", tmp_path / "tutorial", questions)["waits"]) == 2
