"""Output for a terminal: control characters from articles are never printed as they are."""

from __future__ import annotations

import json

import pytest

from index import Article
from ui.cli.output import print_articles, print_json, progress_bar

HOSTILE = "na\x9b31mme\x7f \x1b[31m"


def test_json_contains_no_control_characters_and_means_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"title": f"北京 {HOSTILE}"})
    printed = capsys.readouterr().out
    assert "北京" in printed
    assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in printed.rstrip("\n"))
    assert json.loads(printed) == {"title": f"北京 {HOSTILE}"}


def test_lists_and_progress_contain_no_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    print_articles([(Article("a", HOSTILE, HOSTILE, "", author=HOSTILE), 3)])
    with progress_bar() as update:
        update(HOSTILE, 1, 2)
    captured = capsys.readouterr()
    for line in (captured.out + captured.err).splitlines():
        assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in line), repr(line)
