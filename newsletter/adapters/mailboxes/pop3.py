"""A POP3 mailbox (RFC 1939): what is put away is deleted when the session ends well, and shows up again when it does not."""

from __future__ import annotations

import poplib
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

from newsletter.adapters.mailboxes.troubles import in_words, refused
from newsletter.feedback.mailboxes.box import MOST_AT_ONCE, Fetched
from newsletter.feedback.mailboxes.place import MailboxPlace
from newsletter.feedback.storing import LARGEST

_TIMEOUT_SECONDS: Final = 30
#: Lines of a mail that is too large to take whole; the report stands first.
_HEAD_LINES: Final = 2000
# The library drops the connection at a line of more than 2048 bytes; returned HTML mail has far longer ones.
poplib._MAXLINE = 1024 * 1024  # type: ignore[attr-defined]


@contextmanager
def open_pop3(place: MailboxPlace) -> Iterator[Pop3Mailbox]:
    """Open the maildrop.

    :raises MailboxGone: when it does not answer or does not let us in.
    """
    with in_words(place, "connecting"):
        client = _connect(place)
    try:
        with in_words(place, "signing in"):
            _sign_in(client, place)
        yield Pop3Mailbox(client, place)
        with in_words(place, "closing it"):
            client.quit()
    finally:
        with suppress(OSError):
            client.close()


def _connect(place: MailboxPlace) -> poplib.POP3:
    if place.security == "tls":
        return poplib.POP3_SSL(
            place.host, place.port, timeout=_TIMEOUT_SECONDS, context=ssl.create_default_context()
        )
    return poplib.POP3(place.host, place.port, timeout=_TIMEOUT_SECONDS)


def _sign_in(client: poplib.POP3, place: MailboxPlace) -> None:
    if place.security == "starttls":
        client.stls(ssl.create_default_context())
    try:
        client.user(place.user)
        client.pass_(place.password)
    except poplib.error_proto as error:
        raise refused(place, error) from error


class Pop3Mailbox:
    """The maildrop, locked for us until the session ends."""

    def __init__(self, client: poplib.POP3, place: MailboxPlace) -> None:
        self._client = client
        self._place = place

    def waiting(self) -> Iterator[Fetched]:
        """Yield the mails of the maildrop, oldest first."""
        with in_words(self._place, "listing mail"):
            sizes = [tuple(map(int, line.split()[:2])) for line in self._client.list()[1][:MOST_AT_ONCE]]
        for number, size in sizes:
            with in_words(self._place, "fetching mail"):
                raw = self._fetch(number, size)
            yield Fetched(str(number), raw)

    def _fetch(self, number: int, size: int) -> bytes:
        large = size > LARGEST
        lines = (self._client.top(number, _HEAD_LINES) if large else self._client.retr(number))[1]
        return (b"\r\n".join(lines) + b"\r\n")[:LARGEST]

    def put_away(self, names: Sequence[str]) -> None:
        """Mark the mails for deletion at the end of the session."""
        with in_words(self._place, "putting mail away"):
            for name in names:
                self._client.dele(int(name))
