"""What holds of an index in a folder holds of one on a Chroma server: these tests run against both."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from servers import running_chroma

from index import Index


@pytest.fixture(scope="session")
def chroma_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server."""
    with running_chroma(tmp_path_factory.mktemp("chroma-server")) as (url, _):
        yield url


@pytest.fixture
def url(chroma_server: str) -> str:
    """The address of a database of the test's own."""
    return f"{chroma_server}/test-{uuid.uuid4().hex[:12]}"


@pytest.fixture(params=["folder", pytest.param("server", marks=pytest.mark.slow)])
def place(request: pytest.FixtureRequest) -> str | None:
    """Where Chroma is: in a folder (None), or at an address."""
    return None if request.param == "folder" else str(request.getfixturevalue("url"))


@pytest.fixture
def index(place: str | None, tmp_path: Path, hashing_encoder: Any) -> Iterator[Index]:
    """An empty index with the fake encoder, in each of the places."""
    with closing(Index(tmp_path / "index", hashing_encoder, place)) as index:
        yield index
