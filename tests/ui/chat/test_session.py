"""Who a reader is: told by what a browser always sends, and by nothing that a page can make up."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from ui.chat.page import load_gradio
from ui.chat.session import Visitor, visitor_of
from ui.i18n.translate import chinese, english
from ui.security.request_guard import COOKIE

# The framework leaves event loops open for the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")

SECRET = "0123456789abcdef" * 2
OWNER = hashlib.sha256(SECRET.encode()).hexdigest()


def request(owner: str | None = None, session: str | None = "s1", **headers: str) -> Any:
    """A request as the web framework hands it over, after access control has named the owner."""
    from starlette.requests import Request

    sent = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": sent}
    state = {"owner": owner, "can_log_out": True} if owner else {}
    return load_gradio().Request(Request({**scope, "state": state}), owner and "ann", session)


def test_a_reader_is_who_has_the_secret() -> None:
    assert visitor_of(request(cookie=f"{COOKIE}={SECRET}")) == Visitor(OWNER, "s1", english)
    assert SECRET not in repr(visitor_of(request(cookie=f"{COOKIE}={SECRET}")))


def test_a_reader_who_logged_in_is_known_by_name_from_every_browser() -> None:
    here = visitor_of(request("user:#1", cookie=f"{COOKIE}={SECRET}"))
    there = visitor_of(request("user:#1"))
    assert here.owner == there.owner == "user:#1"
    assert here.can_log_out
    assert not visitor_of(request()).can_log_out


@pytest.mark.parametrize(
    "cookie",
    [
        "",
        "other=1",
        f"{COOKIE}=",
        f"{COOKIE}=x",
        f"{COOKIE}={SECRET[:-1]}",
        f"{COOKIE}={SECRET}0",
        f"{COOKIE}={SECRET.upper()}",
        f"{COOKIE}={OWNER}",
        f"{COOKIE}=user:ann",
        f"{COOKIE.upper()}={SECRET}",
        ";;;=;",
    ],
)
def test_who_has_no_secret_of_ours_is_nobody(cookie: str) -> None:
    assert visitor_of(request(cookie=cookie)).owner == ""
    assert visitor_of(request()).owner == ""


@pytest.mark.parametrize(
    "other", ["keys=1", "items=1; pop=2", "get=1", "__dict__=1", "__class__=1", "a=b=c; \xff=\xfe"]
)
def test_cookies_of_other_programs_of_this_host_change_nothing(other: str) -> None:
    assert visitor_of(request(cookie=f"{other}; {COOKIE}={SECRET}")).owner == OWNER


def test_nothing_but_the_cookie_is_asked() -> None:
    made_up = request(session="user:ann", username_="ann", x_forwarded_user="ann", authorization="Basic YW5uOng=")
    assert visitor_of(made_up) == Visitor("", "user:ann", english)


def test_the_browser_tells_which_language_is_read() -> None:
    assert visitor_of(request(accept_language="zh-CN,zh;q=0.9")).translate is chinese
    assert visitor_of(request(accept_language="en")).translate is english
    assert visitor_of(request()).translate is english


def test_a_request_without_a_session_has_none() -> None:
    assert visitor_of(request(session=None)).session == ""
