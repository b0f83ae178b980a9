"""Reading hostile documents: nothing here raises, whatever stands where something else was expected."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from newsletter.feedback.webhooks.request import Refused

_LONGEST: Final = 4000
#: Seconds since 1970 that are milliseconds: from the year 5138 on.
_MILLISECONDS_FROM: Final = 100_000_000_000
_MOST_NESTED: Final = 8


def parse_json(raw: bytes | str) -> Any:
    """Return the document in a body.

    :raises Refused: when it is not JSON in UTF-8, nests too deep, or holds numbers that no provider writes.
    """
    try:
        return json.loads(raw.decode("utf-8") if isinstance(raw, bytes) else raw, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Refused("The request is no JSON in UTF-8.") from None


def _no_number(_text: str) -> Any:
    raise ValueError("not a number of JSON (RFC 8259 §6)")


def objects(document: Any) -> list[dict[str, Any]]:
    """Return an array of objects.

    :raises Refused: for anything else.
    """
    if not isinstance(document, list) or not all(isinstance(each, dict) for each in document):
        raise Refused("The request is no array of objects.")
    return document


def an_object(document: Any) -> dict[str, Any]:
    """Return an object.

    :raises Refused: for anything else.
    """
    if not isinstance(document, dict):
        raise Refused("The request is no object.")
    return document


def pick(document: Any, *path: str | int) -> Any:
    """Return what stands at a path of names and places; None where it breaks off."""
    for step in path:
        if isinstance(document, dict):
            document = document.get(step)
        elif isinstance(document, list) and isinstance(step, int) and step < len(document):
            document = document[step]
        else:
            return None
    return document


def text(document: Any, *path: str | int) -> str | None:
    """Return a text or number at a path as text; None for nothing, and for lists and objects."""
    value = pick(document, *path)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return clean(str(value)) or None


def first_text(document: Any, *names: str) -> str | None:
    """Return the first of several members that holds a text."""
    return next(filter(None, (text(document, name) for name in names)), None)


def items(document: Any, *path: str | int) -> list[Any]:
    """Return the list at a path; an empty one for anything else."""
    value = pick(document, *path)
    return value if isinstance(value, list) else []


def clean(value: str) -> str:
    """Return text that every database keeps, at most 4,000 characters: no NUL, no half of a surrogate pair."""
    return value[:_LONGEST].replace("\0", "").encode("utf-8", "replace").decode().strip()


def moment(value: Any) -> datetime | None:
    """Return a time given as seconds or milliseconds since 1970 or as ISO 8601; without a zone it is UTC."""
    number = _number(value)
    try:
        if number is not None:
            return datetime.fromtimestamp(number / 1000 if number >= _MILLISECONDS_FROM else number, UTC)
        read = datetime.fromisoformat(_seven_digits(value)) if isinstance(value, str) else None
    except (ValueError, OverflowError, OSError):
        return None
    if read is None:
        return None
    try:
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except OverflowError:
        return None


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and number > 0 else None


def _seven_digits(value: str) -> str:
    """Cut a fraction of seven digits and more, as .NET writes it, to the six that are read."""
    head, dot, rest = value.strip()[:64].partition(".")
    digits = len(rest) - len(rest.lstrip("0123456789"))
    return f"{head}{dot}{rest[: min(digits, 6)]}{rest[digits:]}"


def texts_in(value: Any, depth: int = 0) -> Iterator[str]:
    """Yield every text inside a document, down to eight levels: metadata comes in any shape."""
    if isinstance(value, str):
        yield value[:_LONGEST]
    elif depth < _MOST_NESTED and isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from texts_in(each, depth + 1)


def references(*values: Any) -> tuple[str, ...]:
    """Return the texts of several values that may hold our token."""
    return tuple(each for value in values for each in texts_in(value) if each)
