"""Plug-ins of other packages, found by their entry points."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any

from .errors import SettingsError


def load_plugin(group: str, name: str, kind: str, method: str) -> Any | None:
    """Return the object of the plug-in with this name in an entry point group, or None if no package provides it.

    `kind` says what it is, such as "reader", and `method` names the method that it must have. Raises `SettingsError` if
    it cannot be loaded or does not have the method.
    """
    plugin = next((each for each in entry_points(group=group) if each.name == name), None)
    if plugin is None:
        return None
    try:
        loaded = plugin.load()()
    except Exception as error:
        raise SettingsError(
            f"the plug-in {plugin.value!r} could not load the {kind} {plugin.name!r} ({type(error).__name__}: {error})",
            "See the documentation of the plug-in.",
        ) from error
    if not callable(getattr(loaded, method, None)):
        raise SettingsError(
            f"the plug-in {plugin.value!r} returned {type(loaded).__name__!r}, which has no method {method!r}",
            f"An entry point in {group!r} must return a {kind.capitalize()}; report this to its authors.",
        )
    return loaded
