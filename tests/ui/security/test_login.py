"""What counts as a failed login, and names that no database accepts."""

from __future__ import annotations

from typing import Any

import pytest
from servers import run_elsewhere

from ui.security.login import ATTEMPT, Attempt, Login
from ui.security.rate_limits import Reservation


class NoUsers:
    """Users of whom none exists; names and passwords must be valid UTF-8, as for a database."""

    def user_with(self, name: str, password: str) -> None:
        name.encode()
        password.encode()


@pytest.mark.parametrize(("status", "failures"), [(200, 0), (302, 0), (400, 1), (422, 1), (500, 1), (429, 0)])
def test_every_response_that_is_not_a_success_counts_as_a_failed_login(status: int, failures: int) -> None:
    taken_back: list[None] = []

    async def send(_message: Any) -> None:
        pass

    async def respond() -> None:
        ATTEMPT.set(Attempt("192.0.2.7"))
        login: Any = Login(NoUsers())  # type: ignore[arg-type]
        with Reservation(lambda: taken_back.append(None)) as counted:
            hardened = login.harden({"scheme": "http"}, send, counted)
            await hardened({"type": "http.response.start", "status": status, "headers": []})
            assert len(taken_back) == 1 - failures, "before the client can send the next one"

    run_elsewhere(respond())
    assert len(taken_back) == 1 - failures


@pytest.mark.parametrize(("name", "password"), [("\ud800ann", "secret"), ("ann", "\udfffsecret")])
def test_a_name_or_password_with_a_lone_surrogate_is_wrong_and_not_an_error(name: str, password: str) -> None:
    async def log_in() -> bool:
        ATTEMPT.set(Attempt("192.0.2.7"))
        return await Login(NoUsers()).may_log_in(name, password)  # type: ignore[arg-type]

    assert run_elsewhere(log_in()) is False
