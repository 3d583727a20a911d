"""A real PostgreSQL, where its programs are installed."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator

import pytest
from postgresql import PostgreSQL, programs, running_postgresql


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """One server for all tests. Without its programs they are skipped, except where CITECHAT_REQUIRE_POSTGRESQL=1 says
    that a skipped test would be a test that nobody ran."""
    where = programs()
    if where is None:
        reason = "no PostgreSQL: install its server"
        if os.environ.get("CITECHAT_REQUIRE_POSTGRESQL") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    with running_postgresql(where) as server:
        yield server


@pytest.fixture
def database(postgresql: PostgreSQL) -> str:
    """The address of an empty database there."""
    return postgresql.database(f"test_{uuid.uuid4().hex[:12]}")
