"""Who is at the other end: which conversations are theirs, and which language they read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..i18n.translate import Say, english, words_for
from ..security.request_guard import owner_id, parse_cookies


@dataclass(frozen=True, slots=True)
class Reader:
    """One reader. `owner` is under what their conversations are kept, empty where nothing tells; `session` is the page
    that is open; `say` gives the words of the page in their language."""

    owner: str = ""
    session: str = ""
    say: Say = english


def reader_of(request: Any) -> Reader:
    """The reader who sent a request, as the web framework hands it over: the name they logged in by, else the secret
    cookie of their browser. Nothing that the page itself sends is asked."""
    name = getattr(request, "username", None)
    owner = f"user:{name}" if name else owner_id(parse_cookies(request.headers.get("cookie") or ""))
    accepted = request.headers.get("accept-language") or ""
    return Reader(owner or "", str(request.session_hash or ""), words_for(accepted))
