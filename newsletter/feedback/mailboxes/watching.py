"""Staying at a mailbox: mail is fetched as it arrives (IMAP IDLE), or every so often where nothing tells of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from newsletter.db.session import unit_of_work
from newsletter.errors import Unavailable
from newsletter.feedback.mailboxes.box import MailboxGone, OpenMailbox, WatchedMailbox
from newsletter.feedback.mailboxes.fetching import Bounds, Intake, Visit, visit
from newsletter.feedback.mailboxes.place import MailboxPlace
from newsletter.feedback.mailboxes.turns import record_visit, wait_after

#: RFC 2177 asks for a new IDLE within 29 minutes. A minute also bounds how long mail waits that came between looking and waiting.
IDLE_SECONDS: Final = 60


def watch(
    place: MailboxPlace, open_mailbox: OpenMailbox, intake: Intake, *, every_seconds: int
) -> Iterator[Visit]:
    """Yield every visit that brought something or met trouble, for ever. After trouble it is tried again, ever more seldom."""
    every = timedelta(seconds=every_seconds)
    failures = 0
    while True:
        try:
            for found in _stay(place, open_mailbox, intake, every):
                failures = 0
                if found.mails:
                    yield found
        except Unavailable as gone:
            failures += 1
            yield _noted(place, intake, every, Visit(trouble=str(gone)))
        time.sleep(wait_after(failures, every).total_seconds())


def _stay(
    place: MailboxPlace, open_mailbox: OpenMailbox, intake: Intake, every: timedelta
) -> Iterator[Visit]:
    """Visit and wait with one open connection; a mailbox that cannot tell of mail is left after its visits."""
    with open_mailbox(place) as box:
        while True:
            found = _noted(place, intake, every, visit(box, intake, Bounds()))
            if found.trouble:
                raise MailboxGone(found.trouble)
            yield found
            if not found.more and not _waited(box):
                return


def _waited(box: object) -> bool:
    if not isinstance(box, WatchedMailbox):
        return False
    box.wait(IDLE_SECONDS)
    return True


def _noted(place: MailboxPlace, intake: Intake, every: timedelta, found: Visit) -> Visit:
    """Write the visit down where people look; the database may be what is gone."""
    now = intake.clock.now()
    try:
        with unit_of_work(intake.sessions) as session:
            record_visit(session, str(place), found, every, now)
    except Unavailable as gone:
        return Visit(found.taken, found.known, trouble=found.trouble or str(gone))
    return found
