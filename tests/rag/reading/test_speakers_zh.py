"""People and speakers in Chinese articles."""

from __future__ import annotations

import numpy as np
import pytest

from index import Span
from rag.reading.document import Line
from rag.reading.speakers import matches, names_in, speakers
from rag.reading.speakers_zh import people_in

SCHOOL = (
    "港口大学校长王淑仪周一表示，明年的学费将上调百分之五。",
    "她说，学校的能源费用增加了一倍。",
    "学生代表李明反对这一决定。",
    "李明说：“许多学生付不起。”",
    "美国经济学家约翰·史密斯认为，学费上涨并不罕见。",
    "白宫没有回应，华为表示遗憾。",
    "王校长最后承认，决定来得太晚。",
)
HARBOUR = (
    "据市长陈国强介绍，港口将于周五重新开放。",
    "渔民赵丽对记者说，她等了三天。",
    "许多专家认为，风暴的损失还不清楚。",
    "欧阳建华律师指出，保险公司应当赔偿。",
    "“这不是我们的责任。”",
    "保险公司的发言人没有回答。",
)
FOOTBALL = (
    "主教练刘洋在赛后接受采访时表示，球队踢得很好。",
    "和队友一样，前锋马克·范德堡也认为裁判做得不错。",
    "他还说，下一场比赛更重要。",
    "任何人都可以买票，方面没有限制。",
)


def lines_of(*texts: str) -> list[Line]:
    nothing = np.zeros(1, dtype=np.float32)
    return [Line(1, "a1", Span(0, len(text)), text, nothing, number, "statement") for number, text in enumerate(texts)]


@pytest.mark.parametrize(
    ("texts", "people"),
    [
        (SCHOOL, {"王淑仪": [0, 6], "李明": [2, 3], "约翰·史密斯": [4]}),
        (HARBOUR, {"陈国强": [0], "赵丽": [1], "欧阳建华": [3]}),
        (FOOTBALL, {"刘洋": [0], "马克·范德堡": [1]}),
    ],
    ids=["school", "harbour", "football"],
)
def test_people_are_named_with_the_lines_that_mention_them(
    texts: tuple[str, ...], people: dict[str, list[int]]
) -> None:
    assert {name.text: name.lines for name in names_in(lines_of(*texts)) if name.kind == "person"} == people


@pytest.mark.parametrize(
    ("texts", "said_by"),
    [
        (SCHOOL, ["王淑仪", "王淑仪", None, "李明", "约翰·史密斯", None, "王淑仪"]),
        (HARBOUR, ["陈国强", "赵丽", None, "欧阳建华", "欧阳建华", None]),
        (FOOTBALL, ["刘洋", "马克·范德堡", "马克·范德堡", None]),
    ],
    ids=["school", "harbour", "football"],
)
def test_the_speaker_stands_before_the_verb_of_saying(texts: tuple[str, ...], said_by: list[str | None]) -> None:
    rows = [*lines_of(*texts)]
    for row in rows:
        object.__setattr__(row, "paragraph", 0)
    found = speakers(rows, names_in(rows))
    assert [name.text if name else None for name in found] == said_by


@pytest.mark.parametrize(
    ("wanted", "who"),
    [
        ("王淑仪", "王淑仪"),
        ("王校长", "王淑仪"),
        ("王淑仪校长", "王淑仪"),
        ("校长", "王淑仪"),
        ("史密斯", "约翰·史密斯"),
        ("李教授", "李明"),
        ("张校长", None),
        ("部长", None),
        ("学费", None),
    ],
)
def test_a_person_is_asked_for_by_name_by_title_or_by_both(wanted: str, who: str | None) -> None:
    names = names_in(lines_of(*SCHOOL))
    assert [name.text for name in names if matches(name, wanted)] == ([who] if who else [])


@pytest.mark.parametrize(
    "text",
    [
        "许多教授认为这很难。",
        "有关方面表示遗憾。",
        "这部小说很长。",
        "他被称为英雄。",
        "于是说法不一。",
        "高级法官没有来。",
    ],
)
def test_common_words_are_not_names(text: str) -> None:
    assert people_in({0: text}) == {}


def test_two_people_with_one_surname_are_not_confused() -> None:
    rows = lines_of("王淑仪表示同意。", "王建国表示反对。", "王女士说，她很高兴。")
    assert {name.text: name.lines for name in names_in(rows)} == {"王淑仪": [0], "王建国": [1]}


@pytest.mark.parametrize("unit", ["王", "王明对", "约·", "据王明在", "说", "校长王", "“"])
def test_the_names_of_a_hostile_article_are_found_in_linear_time(unit: str) -> None:
    text = unit * (2000 // len(unit))
    people_in(dict.fromkeys(range(50), text))
