"""A change that was interrupted costs no more than what it left behind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chromadb.api.client import Client
from hashing import HashingEncoder

from index import Index
from index.storage.health import check

MANY = 300


class CountingEncoder(HashingEncoder):
    """Counts the texts that it embeds."""

    has_token_vectors = False
    count = 0

    def passages(self, texts: Sequence[str]) -> np.ndarray:
        self.count += len(texts)
        return super().passages(texts)


@pytest.fixture
def early_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chroma writes vectors to files after 200, so that a small index has them; by default it does after 1,000."""
    create: Callable[..., Any] = Client.create_collection
    hnsw = {"hnsw": {"space": "cosine", "batch_size": 100, "sync_threshold": 200}}
    for name in ("create_collection", "get_or_create_collection"):
        create = getattr(Client, name)
        monkeypatch.setattr(
            Client,
            name,
            lambda self, *given, create=create, **named: create(self, *given, **named | {"configuration": hnsw}),
        )


@pytest.mark.usefixtures("early_files")
def test_after_an_interrupted_change_a_large_index_is_not_embedded_again(tmp_path: Path) -> None:
    encoder = CountingEncoder()
    articles = tmp_path / "articles"
    articles.mkdir()
    for number in range(MANY):
        (articles / f"{number}.txt").write_text(f"Report {number} is about ship {number}.\n", encoding="utf-8")
    index = Index(tmp_path / "index", encoder)
    index.sync([articles])
    encoder.count = 0

    (tmp_path / "index" / ".unfinished").touch()
    (articles / "new.txt").write_text("Report 900 is about the harbour.\n", encoding="utf-8")
    report = index.sync([articles])

    assert (report.added, report.articles, encoder.count) == (1, MANY + 1, 1)
    assert check(tmp_path / "index") == []
    for number in range(1000, 1000 + MANY):  # enough to write the files again
        (articles / f"{number}.txt").write_text(f"Report {number} is about train {number}.\n", encoding="utf-8")
    assert index.sync([articles]).articles == 2 * MANY + 1
    assert check(tmp_path / "index") == []
    assert "harbour" in index.search("harbour", 1)[0].passage.text
