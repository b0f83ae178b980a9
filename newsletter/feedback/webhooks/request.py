"""One HTTP request of a provider as its adapter sees it, and how one is turned away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

#: No provider sends more; a larger body is not even read to its end (W1).
MOST_BYTES: Final = 1024 * 1024
MOST_EVENTS: Final = 10_000


class Refused(Exception):
    """A request that is not taken; `status` is the HTTP answer, the sentence never holds a secret (W3)."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """A request, its body untouched. `headers` has names in small letters; `url` is the address that was called."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    def header(self, name: str) -> str:
        """Return a header's value, empty when it is not there."""
        return self.headers.get(name.lower(), "")

    @property
    def content_type(self) -> str:
        """The media type without its parameters, in small letters."""
        return self.header("content-type").partition(";")[0].strip().lower()

    @property
    def path(self) -> str:
        """The path of the address."""
        return urlsplit(self.url).path


def check_size(request: WebhookRequest) -> None:
    """Refuse what is too large or packed: an archive bomb never unfolds, because nothing is unpacked.

    :raises Refused: with 413 or 415.
    """
    if len(request.body) > MOST_BYTES:
        raise Refused("The request is larger than 1 MB.", 413)
    if request.header("content-encoding").lower() not in ("", "identity"):
        raise Refused("The request is compressed: switch compression off.", 415)


def check_count(events: int) -> None:
    """Refuse a request of too many events.

    :raises Refused: with 413.
    """
    if events > MOST_EVENTS:
        raise Refused(f"The request holds more than {MOST_EVENTS:,} events.", 413)
