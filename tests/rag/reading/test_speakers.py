"""Names and speakers in articles of any kind: the work grows with the length of the article, and not faster."""

from __future__ import annotations

import numpy as np
import pytest

from index import Span
from rag.reading import speakers as module
from rag.reading.document import Line
from rag.reading.speakers import LONGEST_LINE, names_in, speakers

NOTHING = np.zeros(1, dtype=np.float32)


def lines_of(*texts: str) -> list[Line]:
    return [Line(1, "a1", Span(0, len(text)), text, NOTHING, number, "statement") for number, text in enumerate(texts)]


def test_a_short_form_belongs_to_the_only_person_of_this_name_before_it() -> None:
    rows = lines_of("Ana Pereira, a biologist, found the eel.", "Pereira said it was rare.", "Lena Kolb agreed.")
    names = {name.text: name for name in names_in(rows)}
    assert names["Ana Pereira"].lines == [0, 1]
    assert "Pereira" not in names
    speaker = speakers(rows, list(names.values()))[1]
    assert speaker is not None
    assert speaker.text == "Ana Pereira"


def test_each_long_name_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    monkeypatch.setattr(module, "_is_person", lambda _places, _rows, name: bool(seen.append(name)) or True)
    words = [f"{a}{b}{c}" for a in "BCDFGHKLMN" for b in "aeiou" for c in "bgkmp"]
    long = [f"We met {word} Xu{word.lower()}." for word in words]
    names_in(lines_of(*long, *(f"Then {word} left." for word in words)))
    assert len(seen) == len(set(seen)) == len(words)


def test_a_surname_with_a_verb_of_saying_shows_that_the_full_name_is_a_persons() -> None:
    rows = lines_of(
        "14:06 Seshadri has White.", "Kaarel Ilves leads Priya Seshadri.", "“I won,” Ilves has just told us."
    )
    names = {name.text: (name.kind, name.lines) for name in names_in(rows)}
    assert names["Kaarel Ilves"] == ("person", [1, 2])
    assert "06 Seshadri" not in names


@pytest.mark.parametrize(
    "text",
    [
        "“People want to sleep,” said Tomas Reyk, who heads Lumen Rail.",
        "Ada Vance, who chairs Lumen Rail, welcomed it.",
        "Jo Brandt, who works for Lumen Rail, left early.",
    ],
)
def test_what_a_person_heads_is_an_organisation(text: str) -> None:
    kinds = {name.text: name.kind for name in names_in(lines_of("The operator Lumen Rail said on Monday no.", text))}
    assert kinds.pop("Lumen Rail") == "organisation"
    assert list(kinds.values()) == ["person"]


def test_the_number_of_names_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_NAMES", 2)
    rows = lines_of("We met Ana Pereira.", "We met Lena Kolb.", "We met Otto Brandt.", "Then Ana Pereira left.")
    assert [(name.text, name.lines) for name in names_in(rows)] == [("Ana Pereira", [0, 3]), ("Lena Kolb", [1])]


def test_a_line_that_is_too_long_for_a_sentence_names_nobody() -> None:
    long = f"Ana Pereira said {'so ' * (LONGEST_LINE // 3)}."
    rows = lines_of(long, "Lena Kolb said no.")
    names = names_in(rows)
    assert [name.text for name in names] == ["Lena Kolb"]
    assert speakers(rows, names)[0] is None


def test_in_one_line_few_verbs_are_compared_with_few_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """The work of a line is their product."""
    compared: list[str] = []
    monkeypatch.setattr(module, "_last_mention", lambda name, _: compared.append(name.text) or -1)
    names = ", ".join(f"Ana {a}{b}o" for a in "BCDFGHKL" for b in "aeiou")
    rows = lines_of(f"{names} said {'and said ' * 50}no.")
    speakers(rows, names_in(rows))
    assert 0 < len(compared) <= module._MOST_VERBS * module._MOST_IN_LINE
