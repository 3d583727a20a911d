"""Which names of a question a text does not hold, whichever way they are written."""

from __future__ import annotations

import pytest

from rag.text.entities import missing_names


@pytest.mark.parametrize(
    ("question", "text", "missing"),
    [
        ("What did Elon Musk say about Sora?", "Zhou Hongyi spoke about Sora.", {"elon", "musk"}),
        ("What did Zhou say?", "Zhou Hongyi spoke.", set()),
        ("What do Chinese firms plan?", "China has many firms.", set()),
        ("Who runs the UN?", "The United Nations has a new head.", set()),
        ("Who leads on AI?", "Ten firms lead on artificial intelligence.", set()),
        ("Who captured Fort Beausejour?", "The British captured Fort Beauséjour.", set()),
        ("Who went to Fort Dusquesne?", "Braddock led troops to Fort Duquesne.", set()),
        ("How many sit on the Warsaw City Counil?", "The Warsaw City Council has 60 members.", set()),
        ("Who left Oslo?", "Nobody left Olso.", {"oslo"}),  # too short to tell a slip from another name
        ("who founded it?", "It was founded in Oslo.", set()),
    ],
)
def test_a_name_is_missing_when_no_form_or_similar_spelling_is_there(
    question: str, text: str, missing: set[str]
) -> None:
    assert missing_names(question, text) == missing
