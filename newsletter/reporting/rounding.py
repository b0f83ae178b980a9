"""Numbers for everybody to see: coarse enough that nobody can be told from them. Pure."""

from __future__ import annotations

from typing import Final

#: Fewer people than this are never given as a number.
FEWEST: Final = 10


def said(count: int) -> str:
    """Return a count in words: its tens or its first two digits, or that it is small. None and few look alike."""
    if count < FEWEST:
        return f"fewer than {FEWEST}"
    return f"about {rounded(count):,}"


def rounded(count: int) -> int:
    """Return the count with two digits that count, 0 for a small one."""
    if count < FEWEST:
        return 0
    size = int("1" + "0" * max(1, len(str(count)) - 2))
    return (count + size // 2) // size * size


def share(part: int, whole: int) -> str:
    """Return a share in whole per cent, nothing where it would tell of a few."""
    if whole < 10 * FEWEST:
        return ""
    if part < FEWEST:
        return f"less than {max(1, -(-FEWEST * 100 // whole))} %"
    if whole - part < FEWEST:
        return f"more than {min(99, 100 - -(-FEWEST * 100 // whole))} %"
    return f"{round(part * 100 / whole)} %"
