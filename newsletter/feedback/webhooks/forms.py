"""Forms in a body: `application/x-www-form-urlencoded` and `multipart/form-data` (RFC 7578), texts only."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from newsletter.feedback.webhooks.request import Refused, WebhookRequest

MOST_FIELDS: Final = 1000
_BOUNDARY: Final = re.compile(r"""boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))""", re.IGNORECASE)
_NAME: Final = re.compile(
    rb"""content-disposition:[^\r\n]{0,200}?;\s*name="([^"\r\n]{0,200})\"""", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form in their order; a name may come several times."""

    fields: tuple[tuple[str, str], ...]

    def first(self, name: str) -> str | None:
        """Return the first value of a field."""
        return next((value for key, value in self.fields if key == name), None)

    def last(self, name: str) -> str | None:
        """Return the last value of a field."""
        return next((value for key, value in reversed(self.fields) if key == name), None)


def read_form(request: WebhookRequest) -> Form:
    """Return the form in a body.

    :raises Refused: when there is none, it is cut off, or no UTF-8.
    """
    try:
        if request.content_type == "application/x-www-form-urlencoded":
            return Form(
                tuple(parse_qsl(request.body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS))
            )
        if request.content_type == "multipart/form-data":
            return Form(tuple(_multipart(request)))
    except ValueError:
        raise Refused("The form cannot be read.") from None
    raise Refused("The request is no form.", 415)


def _multipart(request: WebhookRequest) -> list[tuple[str, str]]:
    boundary = _BOUNDARY.search(request.header("content-type"))
    if boundary is None:
        raise ValueError("no boundary")
    mark = b"--" + (boundary[1] or boundary[2]).encode()
    parts = (b"\r\n" + request.body.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")).split(b"\r\n" + mark)
    if len(parts) < 2 or len(parts) > MOST_FIELDS or not parts[-1].startswith(b"--"):
        raise ValueError("cut off")
    return [_field(part) for part in parts[1:-1]]


def _field(part: bytes) -> tuple[str, str]:
    head, _, value = part.partition(b"\r\n\r\n")
    name = _NAME.search(head)
    if name is None:
        raise ValueError("a part without a name")
    return name[1].decode(), value.decode()
