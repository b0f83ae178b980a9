"""Sample data that `newsletter demo` works on: invented people at example.com and an invented observatory's feed."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

FEED = Path(__file__).with_name("feed.xml")

_GIVEN = [
    "Ada",
    "Bela",
    "Carmen",
    "Dara",
    "Emre",
    "Farah",
    "Goran",
    "Hana",
    "Ines",
    "Jonas",
    "Karim",
    "Leila",
    "Mira",
    "Nadia",
    "Omar",
    "Petra",
    "Quinn",
    "Rosa",
    "Samir",
    "Tove",
    "Uma",
    "Viktor",
    "Wanda",
    "Xenia",
    "Yusuf",
    "Zoë",
    "Søren",
    "Łukasz",
    "İpek",
    "Šárka",
]
_FAMILY = [
    "Almeida",
    "Brandt",
    "Castillo",
    "Demir",
    "Eriksen",
    "Farrokhi",
    "Grünwald",
    "Haddad",
    "Ivanova",
    "Jensen",
    "Kowalski",
    "Lindqvist",
    "Moreau",
    "Nakamura",
    "Okafor",
    "Pereira",
    "Quist",
    "Rahimi",
    "Şahin",
    "Tanaka",
    "Urquhart",
    "Vega",
    "Wójcik",
    "Yilmaz",
    "Zeman",
    "محمدی",
    "کریمی",
]


def subscriber(number: int) -> tuple[str, str]:
    """Return (address, name) of sample reader `number`, the same at every run."""
    given = _GIVEN[number % len(_GIVEN)]
    family = _FAMILY[(number // len(_GIVEN) + number) % len(_FAMILY)]
    return f"reader{number:06d}@example.com", f"{given} {family}"


def write_subscribers(file: TextIO, count: int) -> None:
    """Write a CSV of `count` sample readers with the headers people use."""
    writer = csv.writer(file)
    writer.writerow(["Email Address", "Full name"])
    writer.writerows(rows(count))


def rows(count: int) -> Iterator[tuple[str, str]]:
    """Yield `count` sample readers."""
    return (subscriber(number) for number in range(1, count + 1))


def refusal(address: str) -> str | None:
    """Return how the sample mail server refuses this address at RCPT, or None: 2 % do not exist, 0.5 % are full."""
    number = _number(address)
    if number % 50 == 7:
        return "550 5.1.1 No such mailbox here"
    if number % 200 == 31:
        return "552 5.2.2 Mailbox is full"
    return None


def bounces_later(address: str) -> tuple[str, str] | None:
    """Return (status, diagnostic) when this address is accepted but bounced afterwards: 1.5 % of the readers."""
    number = _number(address)
    if number % 100 == 23:
        return "5.1.1", "smtp; 550 5.1.1 The mailbox was removed"
    if number % 200 == 77:
        return "5.2.2", "smtp; 552 5.2.2 Mailbox is over its quota"
    return None


def _number(address: str) -> int:
    digits = "".join(character for character in address.partition("@")[0] if character.isdigit())
    return int(digits) if digits else 0
