"""Whose clicks and opens a publication counts: nobody's, those of people who agreed, or of all but who declined."""

from __future__ import annotations

from enum import StrEnum


class Counting(StrEnum):
    """A publication's rule. Opens are never counted without being asked for (C5)."""

    OFF = "off"
    ASKED = "asked"
    ALL = "all"


def is_counted(counting: str, choice: bool | None) -> bool:
    """Say whether a person who chose yes, no or nothing is counted; an unknown rule counts nobody."""
    if counting == Counting.ALL:
        return choice is not False
    return counting == Counting.ASKED and choice is True
