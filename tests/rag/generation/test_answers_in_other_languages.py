"""The marks of an LLM's answer stay at the ends of its sentences, in whatever language it answers."""

from __future__ import annotations

import pytest

from rag.generation.citation_parser import CitationParser

ANSWERS = {
    "German ordinals": [
        "Am 3. Mai stieg der Umsatz auf 4,2 Mio. Euro [1].",
        "Kinder bis zum 6. Lebensjahr zahlen nichts [2].",
        "Die Frist läuft bis zum 31. Dezember [1][3].",
    ],
    "a German ordinal at the beginning": ["Der 1. FC Köln gewann [1].", "Danach wurde am 2. Mai gefeiert [2]."],
    "German abbreviations": [
        "Nr. 5 spielte u. a. im Tor bzw. in der Abwehr.[1]",
        "Prof. Dr. Weber war z. B. zufrieden [2].",
        "Es waren ca. 3 Mrd. [3]",
        "Die Bank wächst.",
    ],
    "German quotations": ["„Das ist ein Erfolg. Wir warten“, sagte er [1].", "»Wann?«, fragte sie [2].", "Nie [3]."],
    "a German mark that is a word": ["[1] sagt, der Umsatz stieg.", "[2] sagt, er fiel am 3. Mai."],
    "a short German answer": ["Nein. [1]", "Er kam am 3. März [2]."],
    "French titles": [
        "M. Dupont a quitté la société [1].",
        "Mme Durand est citée à la p. 12 et dans le rapport n° 5 [2].",
        "Le Dr Bernard l'a dit [3].",
    ],
    "French abbreviations": [
        "Il est né en 52 av. J.-C. à Rome [1].",
        "Il était fatigué, c.-à-d. malade [2].",
        "Pourquoi ?",
        "Personne ne le sait… [3]",
    ],
    "French quotations": [
        "« Bonjour. Ça va ? » demanda-t-il [1].",
        "Elle répondit : « Oui. » [2]",
        "Puis elle partit [1].",
    ],
    "French list": ["M. Dupont est parti le 1er mai [1].", "Selon l'art. 3, les mineurs ne paient pas [2]."],
    "Spanish": [
        "El Sr. García vive en EE. UU. desde 1990 [1].",
        "¿Por qué?",
        "Nadie lo sabe [2].",
        "Véase el núm. 5 [3].",
    ],
    "Italian": ["Il dott. Rossi cita l'art. 3 della legge [1].", "Cesare morì nel 44 a.C. a Roma [2]."],
    "Portuguese": ["A Dr.ª Ana ganhou R$ 4,2 mi. em maio [1].", "O Sr. João não ganhou nada [2]."],
    "Dutch": ["Dhr. Jansen, d.w.z. de baas, kwam op 3 mei [1].", "'s Avonds ging hij m.b.t. de cijfers weg [2]."],
    "Polish": ["Spółka zarobiła 4,2 mln zł w 2021 r. w Krakowie [1].", "Zajęła 3. miejsce [2]."],
    "English": [
        "Revenue rose to $4.2 million on Jan. 5 [1].",
        "U.S. officials met Dr. Smith at 5 p.m. in No. 10 [2].",
        "citechat quotes it [3].",
        "That is all.",
    ],
}
CASES = [pytest.param(expected, id=name) for name, expected in ANSWERS.items()]


def _parsed(pieces: list[str]) -> list[str]:
    parser = CitationParser(sources=3)
    finished: list[str] = []
    for piece in pieces:
        parser.feed(piece)
        now = [parser.text[sentence.start : sentence.end] for sentence in parser.sentences]
        assert now[: len(finished)] == finished, "a finished sentence does not change"
        finished = now
    parser.close()
    return [parser.text[sentence.start : sentence.end] for sentence in parser.sentences]


@pytest.mark.parametrize("expected", CASES)
@pytest.mark.parametrize("size", [1, 4, 17, 10_000])
def test_each_mark_is_at_the_end_of_its_sentence(expected: list[str], size: int) -> None:
    answer = " ".join(expected)
    assert _parsed([answer[at : at + size] for at in range(0, len(answer), size)]) == expected


@pytest.mark.parametrize("expected", CASES)
def test_items_of_a_list_are_split_alike(expected: list[str]) -> None:
    answer = "".join(f"- {sentence}\n" for sentence in expected)
    assert _parsed([answer]) == expected
