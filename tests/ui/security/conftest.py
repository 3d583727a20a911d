"""Cheap password hashes: these tests are about who is let in, and not about how slowly."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ui.security import users

PASSWORD_COST = (users._N, users._R, users._P)


@pytest.fixture
def password_cost() -> tuple[int, int, int]:
    """The scrypt parameters of the product."""
    return PASSWORD_COST


@pytest.fixture(scope="package", autouse=True)
def _cheap_password_hashes() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(users, "_NO_PASSWORD", users._NO_PASSWORD.replace(f"${users._N}$", "$16$"))
        patch.setattr(users, "_N", 16)
        yield
