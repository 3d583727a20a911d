"""What of the settings concerns who may use a server, checked and ready for use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rag import SettingsError

from .audit_log import AuditLog
from .clients import Proxies, is_loopback
from .rate_limits import Limits
from .registry import AccountRegistry, AccountSnapshot, open_accounts

if TYPE_CHECKING:
    from rag import Settings

_TRUSTED_BY_THE_SERVER = "FORWARDED_ALLOW_IPS"


@dataclass(frozen=True)
class AccessPolicy:
    """Who may use a server, and how much. `user_header` is the header in which one of `proxies` names who is logged in;
    where it is `open_to_all`, nobody is asked, and addresses are limited. `log` tells of every request."""

    register: AccountRegistry
    user_header: str | None = None
    proxies: Proxies = field(default_factory=Proxies)
    limits: Limits = field(default_factory=lambda: Limits("none", 1000))
    open_to_all: bool = False
    log: AuditLog | None = None

    def is_on(self, known: AccountSnapshot) -> bool:
        """Whether anybody is asked who they are. A key that was revoked counts: revoking the last one opens nothing."""
        return not self.open_to_all and bool(known.keys or known.users or self.user_header)


def access_policy(settings: Settings, *, open_to_all: bool = False) -> AccessPolicy:
    """Who may use a server with these settings. Raises `SettingsError` where they contradict each other."""
    if settings.user_header and not settings.trusted_proxies:
        raise SettingsError(
            f"the setting 'user_header' is {settings.user_header!r}, but no proxy is trusted to send it",
            "Name the proxy's address in CITECHAT_TRUSTED_PROXIES, such as 127.0.0.1.",
        )
    return AccessPolicy(
        open_accounts(settings),
        settings.user_header,
        Proxies(settings.trusted_proxies),
        Limits(settings.rate_limit, settings.concurrency),
        open_to_all,
        AuditLog(settings.audit_log, contents=settings.audit_contents) if settings.audit_log else None,
    )


@contextmanager
def keep_peer_addresses() -> Iterator[None]:
    """While a server is started so, it tells who is at the other end of each connection.

    By itself it puts the address that X-Forwarded-For names in its place, for every program on this machine and whom a
    variable of the environment names; then nobody could tell a proxy from who pretends to come by one.
    """
    before = os.environ.get(_TRUSTED_BY_THE_SERVER)
    os.environ[_TRUSTED_BY_THE_SERVER] = ""
    try:
        yield
    finally:
        del os.environ[_TRUSTED_BY_THE_SERVER]
        if before is not None:
            os.environ[_TRUSTED_BY_THE_SERVER] = before


def require_access_control(host: str, access: AccessPolicy | None) -> None:
    """Raise `SettingsError` where other machines could use a server at this address and nobody is asked for a name."""
    if is_loopback(host) or (access is not None and access.is_on(access.register.read())):
        return
    raise SettingsError(
        f"at {host!r} other machines could read every article and ask at your cost: nobody is asked who they are",
        "Make a key (`citechat keys create NAME`) or a user (`citechat users add NAME`), or have a proxy log readers "
        "in (CITECHAT_USER_HEADER). To let everybody in all the same: --no-access-control --anyone-may-use-it",
    )
