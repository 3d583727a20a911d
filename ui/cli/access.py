"""The commands `citechat keys` and `citechat users`, which manage access to a server."""

from __future__ import annotations

import getpass
import sys
from typing import TYPE_CHECKING, Any

import click

from .options import json_option
from .output import fail, print_json, print_message

if TYPE_CHECKING:
    from ..security.access import AccountRegistry
    from ..security.keys import Key

_MAX_LINE = 2000  # in characters, far longer than any valid password


@click.group()
def keys() -> None:
    """Create, list and revoke API keys.

    A program needs a key to use a server with access control.
    """


@keys.command("create")
@click.argument("name", metavar="NAME", help="The program that will use the key.")
@click.option("--write", is_flag=True, help="Allow the key to add and remove articles, too.")
@click.option("--metrics", is_flag=True, help="Allow the key to read /metrics, and nothing else.")
@click.option("--expires", type=int, metavar="DAYS", show_default="never", help="Days until the key expires.")
def create_key(name: str, write: bool, metrics: bool, expires: int | None) -> None:
    """Create a key and print its secret, which is shown only once."""
    key, secret = _register().keys.create(name, write=write, metrics=metrics, days=expires)
    click.echo(secret)  # the only output on stdout, so that it can be piped
    until = f"until {key.expires}" if key.expires else "until it is revoked"
    print_message(f"The key {key.id} may {_allowed(key.scopes)} {until}. Its secret is not shown again.")


@keys.command("list")
@json_option
def list_keys(as_json: bool) -> None:
    """List the keys, without their secrets."""
    listed = _register().keys.listing()
    if as_json:
        print_json([_key_row(key) for key in listed])
        return
    for key in listed:
        expires = f"expires {key.expires}" if key.expires else "does not expire"
        click.echo(f"{key.id}  {key.state:<7}  {_scopes(key.scopes):<14}  created {key.created}, {expires}  {key.name}")
    if not listed:
        print_message("There are no keys. Create one with `citechat keys create NAME`.")


@keys.command("revoke")
@click.argument("id_", metavar="ID", help="Key id, as shown by `citechat keys list`.")
def revoke_key(id_: str) -> None:
    """Revoke a key; a running server rejects it within five seconds."""
    if not _register().keys.revoke(id_):
        fail(f"Cannot revoke {id_!r}: there is no such key.", "`citechat keys list` shows the keys.")
    print_message(f"Revoked the key {id_}. Running servers will reject it within five seconds.")


@click.group()
def users() -> None:
    """Add, list and remove users of the chat."""


@users.command("add")
@click.argument("name", metavar="NAME")
@click.option("--from-proxy", is_flag=True, help="Keep the conversations of a proxy's user of the same name.")
def add_user(name: str, from_proxy: bool) -> None:
    """Add a user; the password is asked for, or read from stdin."""
    if sys.stdin.isatty():
        password = getpass.getpass("Password: ")
        if getpass.getpass("Repeat the password: ") != password:
            fail("The two passwords differ.", "Try again.")
    else:
        password = sys.stdin.readline(_MAX_LINE).rstrip("\r\n")
    _register().users.add(name, password, from_proxy=from_proxy)
    print_message(f"{name} can log in. If the chat is running without logins, restart it.")


@users.command("list")
@json_option
def list_users(as_json: bool) -> None:
    """List the users who can log in."""
    listed = _register().users.listing()
    if as_json:
        print_json([{"name": user.name, "created": user.created} for user in listed])
        return
    for user in listed:
        click.echo(f"{user.name}  since {user.created}")
    if not listed:
        print_message("There are no users. Add one with `citechat users add NAME`.")


@users.command("remove")
@click.argument("name", metavar="NAME")
def remove_user(name: str) -> None:
    """Remove a user.

    Their conversations are kept, but a new user of the same name does not get them.
    """
    if not _register().users.remove(name):
        fail(f"Cannot remove {name!r}: there is no such user.", "`citechat users list` shows the users.")
    print_message(f"Removed {name}. Running servers will reject this user's sessions within five seconds.")


def _register() -> AccountRegistry:
    from rag import load_settings

    from ..security.access import open_accounts

    return open_accounts(load_settings())


def _key_row(key: Key) -> dict[str, Any]:
    row = {"id": key.id, "name": key.name, "scopes": sorted(key.scopes), "state": key.state}
    return row | {"created": key.created, "expires": key.expires or None, "revoked": key.revoked or None}


def _allowed(scopes: frozenset[str]) -> str:
    return _scopes(scopes).replace("metrics", "read metrics")


def _scopes(scopes: frozenset[str]) -> str:
    return " and ".join(sorted(scopes))
