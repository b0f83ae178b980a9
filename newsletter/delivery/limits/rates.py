"""Rates as people write them: `100/hour`, `10/second`, `5000/day`. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

from newsletter.errors import InvalidInput

Per = Literal["second", "minute", "hour", "day"]
SECONDS: dict[str, int] = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
PERIODS: tuple[str, ...] = get_args(Per)
LARGEST = 1_000_000_000
_RATE = re.compile(
    r"\s*([\d ,_']{1,16})\s*(?:/|per)\s*(second|minute|hour|day|s|min|m|h|d)\s*", re.IGNORECASE
)
_SHORT = {"s": "second", "m": "minute", "min": "minute", "h": "hour", "d": "day"}


@dataclass(frozen=True, slots=True)
class Rate:
    """So many messages in any second, minute, hour or day."""

    count: int
    per: str

    def __str__(self) -> str:
        return f"{self.count}/{self.per}"

    @property
    def seconds(self) -> int:
        """The length of the window."""
        return SECONDS[self.per]


def parse_rate(text: str) -> Rate:
    """Read a rate.

    :raises InvalidInput: when it is none.
    """
    match = _RATE.fullmatch(text)
    digits = re.sub(r"\D", "", match[1]) if match else ""
    if match is None or not digits.isascii() or not digits.isdecimal():
        raise InvalidInput(f"“{text[:40]}” is not a rate: write 100/hour, 10/second, 60/minute or 5000/day.")
    word = match[2].lower()
    return Rate(checked_count(int(digits)), _SHORT.get(word, word))


def checked_count(count: int) -> int:
    """Return a count that a limit may have.

    :raises InvalidInput: for nought and for what nobody means.
    """
    if not 1 <= count <= LARGEST:
        raise InvalidInput(
            "A limit is at least 1 and at most 1,000,000,000: to stop all mail, pause the campaign."
        )
    return count
