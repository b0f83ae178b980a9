"""The first stage of a send as people ask for it: seed addresses, a share in per cent, and a hold (T8). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from newsletter.errors import InvalidInput

#: Near the golden ratio of 100 and prime to it: numbers in a row are spread evenly, a short list gets its share too.
_STRIDE = 61
_SHIFT = 37
LONGEST_HOLD = timedelta(days=2)
_SPAN = re.compile(r"(\d{1,5})\s*(m|min|h|d)?", re.ASCII)
_MINUTES = {"m": 1, "min": 1, "h": 60, "d": 1440, None: 1}


@dataclass(frozen=True, slots=True)
class Stage:
    """A share in per cent, how long the rest waits after it, and addresses that come before both."""

    percent: int
    hold: timedelta
    seeds: tuple[str, ...] = ()


def place(subscriber_id: Any, campaign_id: int) -> Any:
    """Return a place from 0 to 99 of a number, or of a column: who is below the per cent is in the first part.

    Every stretch of a list has the same share, and each campaign begins with other people.
    """
    return (subscriber_id * _STRIDE + campaign_id * _SHIFT) % 100


def parse_percent(text: str) -> int:
    """Return the whole per cent of "5%".

    :raises InvalidInput: when it is no number from 1 to 99.
    """
    digits = text.strip().removesuffix("%").strip()
    if not (digits.isascii() and digits.isdigit() and 1 <= int(digits[:4]) <= 99):
        raise InvalidInput(f"{text!r} is no first stage: write a whole per cent from 1% to 99%.")
    return int(digits)


def parse_hold(text: str) -> timedelta:
    """Return the span of "30m", "2h" or "1d"; minutes without a unit.

    :raises InvalidInput: when it is none, or longer than two days.
    """
    match = _SPAN.fullmatch(text.strip().lower())
    span = timedelta(minutes=int(match[1]) * _MINUTES[match[2]]) if match else None
    if span is None or span > LONGEST_HOLD:
        raise InvalidInput(f"{text!r} is no time to hold: write it like 30m or 2h, at most 2d.")
    return span
