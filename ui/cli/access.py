"""The commands `citechat keys` and `citechat users`, and what `citechat chat` is told about who may use it."""

from __future__ import annotations

import argparse
import getpass
import json
import sys
from typing import TYPE_CHECKING, Any, NoReturn

from .commands import say

if TYPE_CHECKING:
    from ..security.access import AccountRegistry

_LONGEST_LINE = 2000  # characters; a password is refused long before


def add_commands(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add both to the commands there are."""
    keys = _group(subparsers, "keys", "Make, list and revoke API keys; with one, programs may use a server.")
    create = keys.add_parser("create", help="Make a key and print its secret, which is shown this once.")
    create.add_argument("name", metavar="NAME", help="the program that will use it")
    create.add_argument("--write", action="store_true", help="it may add and remove articles, too")
    create.add_argument("--expires", type=int, metavar="DAYS", help="days that it is good for (default: until revoked)")
    create.set_defaults(run=create_key)
    listed = keys.add_parser("list", help="List the keys; their secrets are not known.")
    listed.add_argument("--json", action="store_true", help="print JSON")
    listed.set_defaults(run=list_keys)
    revoke = keys.add_parser("revoke", help="Have a key refused, within five seconds also where a server runs.")
    revoke.add_argument("id", metavar="ID", help="as `citechat keys list` shows it")
    revoke.set_defaults(run=revoke_key)

    users = _group(subparsers, "users", "Say who may log in to the chat's page.")
    add = users.add_parser("add", help="Let somebody log in; the password is asked for, or read from stdin.")
    add.add_argument("name", metavar="NAME")
    add.set_defaults(run=add_user)
    listed = users.add_parser("list", help="List who may log in.")
    listed.add_argument("--json", action="store_true", help="print JSON")
    listed.set_defaults(run=list_users)
    remove = users.add_parser("remove", help="Let somebody in no longer; their conversations stay.")
    remove.add_argument("name", metavar="NAME")
    remove.set_defaults(run=remove_user)


def add_options(chat: argparse.ArgumentParser) -> None:
    """Add the two that have to be given together to ask nobody for a key or a login."""
    chat.add_argument("--no-access-control", action="store_true", help="ask nobody for a key or a login")
    chat.add_argument("--anyone-may-use-it", action="store_true", help="say that the above is meant")


def create_key(options: argparse.Namespace) -> int:
    """Print the secret alone to stdout, so that it can be piped to where it is used."""
    key, secret = _register().keys.create(options.name, write=options.write, days=options.expires)
    print(secret)
    until = f"until {key.expires}" if key.expires else "until it is revoked"
    say(f"The key {key.id} may {_may(key.scopes)} {until}. Its secret is not shown again.")
    return 0


def list_keys(options: argparse.Namespace) -> int:
    """A line a key: id, scopes, state, when it was made and expires, name."""
    keys = _register().keys.listing()
    rows = [
        {"id": key.id, "name": key.name, "scopes": sorted(key.scopes), "state": key.state}
        | {"created": key.created, "expires": key.expires or None, "revoked": key.revoked or None}
        for key in keys
    ]
    if options.json:
        print(json.dumps(rows, ensure_ascii=False))
        return 0
    for key in keys:
        expires = f"expires {key.expires}" if key.expires else "does not expire"
        print(f"{key.id}  {key.state:<7}  {_may(key.scopes):<14}  made {key.created}, {expires}  {key.name}")
    if not keys:
        say("There are no keys. Make one: `citechat keys create NAME`.")
    return 0


def revoke_key(options: argparse.Namespace) -> int:
    """Revoke one."""
    if not _register().keys.revoke(options.id):
        _refuse(f"there is no key {options.id!r} to revoke", "`citechat keys list` shows those that there are.")
    say(f"The key {options.id} is revoked; servers that run refuse it within five seconds.")
    return 0


def add_user(options: argparse.Namespace) -> int:
    """Ask twice at a terminal; where the password is piped, its first line is taken."""
    if sys.stdin.isatty():
        password = getpass.getpass("Password: ")
        if getpass.getpass("Once more: ") != password:
            _refuse("the two passwords differ", "Try again.")
    else:
        password = sys.stdin.readline(_LONGEST_LINE).rstrip("\r\n")
    _register().users.add(options.name, password)
    say(f"{options.name} may log in. A chat that runs without logins has to be started anew.")
    return 0


def list_users(options: argparse.Namespace) -> int:
    """A line a user."""
    listed = _register().users.listing()
    if options.json:
        print(json.dumps([{"name": name, "created": created} for name, created in listed]))
        return 0
    for name, created in listed:
        print(f"{name}  since {created}")
    if not listed:
        say("There are no users. Add one: `citechat users add NAME`.")
    return 0


def remove_user(options: argparse.Namespace) -> int:
    """Remove one."""
    if not _register().users.remove(options.name):
        _refuse(f"there is no user {options.name!r}", "`citechat users list` shows those that there are.")
    say(f"{options.name} may log in no longer; servers that run refuse them within five seconds.")
    return 0


def _group(subparsers: argparse._SubParsersAction[Any], name: str, summary: str) -> argparse._SubParsersAction[Any]:
    group = subparsers.add_parser(name, help=summary, description=summary)
    kinds: argparse._SubParsersAction[Any] = group.add_subparsers(title="commands", metavar="COMMAND", required=True)
    return kinds


def _register() -> AccountRegistry:
    from rag import load_settings

    from ..security.access import open_accounts

    return open_accounts(load_settings())


def _may(scopes: frozenset[str]) -> str:
    return " and ".join(sorted(scopes))


def _refuse(message: str, hint: str) -> NoReturn:
    from ..security.errors import AccessError

    raise AccessError(message, hint)
