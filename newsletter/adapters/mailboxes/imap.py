"""An IMAP mailbox (RFC 9051, RFC 3501) with IDLE (RFC 2177). Mail is fetched without marking it, and put away once committed."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from imapclient import IMAPClient
from imapclient.exceptions import LoginError

from newsletter.adapters.mailboxes.troubles import in_words, refused
from newsletter.feedback.mailboxes.box import MOST_AT_ONCE, Fetched, MailboxGone
from newsletter.feedback.mailboxes.place import MailboxPlace
from newsletter.feedback.storing import LARGEST

#: For every answer, not for a visit.
_TIMEOUT_SECONDS: Final = 30
#: Mails searched at once: an answer about a million is a line too long for imaplib.
_WINDOW: Final = 20_000
_AT_ONCE: Final = 25
_BYTES_AT_ONCE: Final = 8 * 1024 * 1024
#: Servers may keep no flags of ours; then it is their own `\\Seen`.
_OUR_FLAG: Final = b"NewsletterTaken"
_SEEN: Final = b"\\Seen"
_BODY: Final = b"BODY[]<0>"
#: Without IDLE the mailbox is looked at this often while it is watched.
_PAUSE_SECONDS: Final = 30


@contextmanager
def open_imap(place: MailboxPlace) -> Iterator[ImapMailbox]:
    """Open the folder of an IMAP server.

    :raises MailboxGone: when it does not answer, does not let us in, or has no such folder.
    """
    with in_words(place, "connecting"):
        client = IMAPClient(
            place.host,
            place.port,
            ssl=place.security == "tls",
            ssl_context=ssl.create_default_context() if place.security == "tls" else None,
            timeout=_TIMEOUT_SECONDS,
        )
    with client:
        with in_words(place, "signing in"):
            _sign_in(client, place)
        with in_words(place, f"opening the folder {place.folder}"):
            chosen = client.select_folder(place.folder)
        yield ImapMailbox(client, place, chosen)


def _sign_in(client: IMAPClient, place: MailboxPlace) -> None:
    if place.security == "starttls":
        client.starttls(ssl.create_default_context())
    try:
        client.login(place.user, place.password)
    except LoginError as error:
        raise refused(place, error) from error


class ImapMailbox:
    """The selected folder."""

    def __init__(self, client: IMAPClient, place: MailboxPlace, chosen: dict[bytes, Any]) -> None:
        self._client = client
        self._place = place
        if b"READ-ONLY" in chosen:
            raise MailboxGone(
                f"The folder {place.folder} is read-only for {place.user}: allow it to change mail."
            )
        self._flag = _OUR_FLAG if b"\\*" in chosen.get(b"PERMANENTFLAGS", ()) else _SEEN

    def waiting(self) -> Iterator[Fetched]:
        """Yield mail that was not put away, oldest first."""
        with in_words(self._place, "searching"):
            found = self._find()
        for start in range(0, len(found), _AT_ONCE):
            with in_words(self._place, "listing mail"):
                groups = self._groups(found[start : start + _AT_ONCE])
            for group in groups:
                with in_words(self._place, "fetching mail"):
                    mails = self._fetch(group)
                yield from mails

    def _find(self) -> list[int]:
        """Return the UIDs of what waits, enough for one visit, window by window of message numbers."""
        total = int(self._client.select_folder(self._place.folder)[b"EXISTS"])
        wanted = self._unhandled()
        found: list[int] = []
        for first in range(1, total + 1, _WINDOW):
            found += self._client.search([f"{first}:{min(first + _WINDOW - 1, total)}", *wanted])
            if len(found) >= MOST_AT_ONCE:
                break
        return sorted(found)[:MOST_AT_ONCE]

    def _unhandled(self) -> list[str]:
        if self._place.after == "delete":
            return ["UNDELETED"]
        return ["UNSEEN"] if self._flag == _SEEN else ["UNKEYWORD", self._flag.decode()]

    def _groups(self, uids: list[int]) -> list[list[int]]:
        """Split UIDs so that no answer is large."""
        sizes = self._client.fetch(uids, ["RFC822.SIZE"])
        groups: list[list[int]] = [[]]
        together = 0
        for uid in (uid for uid in uids if uid in sizes):
            size = min(int(sizes[uid][b"RFC822.SIZE"]), LARGEST)
            if groups[-1] and together + size > _BYTES_AT_ONCE:
                groups.append([])
                together = 0
            groups[-1].append(uid)
            together += size
        return [group for group in groups if group]

    def _fetch(self, uids: list[int]) -> list[Fetched]:
        """Fetch mails, each up to the largest size; one that another client deleted meanwhile is left out."""
        answers = self._client.fetch(uids, [f"BODY.PEEK[]<0.{LARGEST}>"])
        return [
            Fetched(str(uid), bytes(answers[uid][_BODY]))
            for uid in uids
            if isinstance(answers.get(uid, {}).get(_BODY), bytes)
        ]

    def put_away(self, names: Sequence[str]) -> None:
        """Delete the mails, or mark them, as the place says."""
        uids = [int(name) for name in names]
        with in_words(self._place, "putting mail away"):
            if self._place.after == "keep":
                self._client.add_flags(uids, [self._flag], silent=True)
                return
            self._client.delete_messages(uids, silent=True)
            if self._client.has_capability("UIDPLUS"):
                self._client.uid_expunge(uids)
            else:
                self._client.expunge()

    def wait(self, seconds: float) -> bool:
        """Wait until the server speaks of new mail, or for a while when it cannot."""
        if not self._client.has_capability("IDLE"):
            time.sleep(min(seconds, _PAUSE_SECONDS))
            return True
        with in_words(self._place, "waiting for mail"):
            self._client.idle()
            news = self._client.idle_check(timeout=seconds)
            self._client.idle_done()
            return bool(news)
