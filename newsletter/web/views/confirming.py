"""Typing something before a change that cannot be taken back."""

from __future__ import annotations

from newsletter.errors import InvalidInput


def hold_typed(typed: str, wanted: str, what: str) -> None:
    """Let through only what was typed as shown; spaces, commas and case do not matter.

    :raises InvalidInput: naming what has to be typed.
    """
    if not wanted or _bare(typed) != _bare(wanted):
        raise InvalidInput(f"Nothing was changed: type {what} ({wanted}) to go on.")


def _bare(text: str) -> str:
    return "".join(text.split()).replace(",", "").casefold()
