"""Returned mail is kept raw first; what it means is read later, as often as needed."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.audience.upsert import insert_if_new
from newsletter.db.session import enqueue_after_commit
from newsletter.feedback.models import ReturnedMail
from newsletter.jobs import JobName, JobQueue

#: A returned mail may hold the whole message that it returns; ours are far below this.
LARGEST: Final = 10 * 1024 * 1024
#: A row this old whose job never ran has lost its hint.
_HINT_LIFE: Final = timedelta(minutes=1)
_SWEPT_AT_ONCE: Final = 500


def store_returned_mail(
    session: Session, raw: bytes, *, recipient: str = "", sender: str = "", came_by: str = "", now: datetime
) -> ReturnedMail | None:
    """Keep a mail that came back; None when exactly this mail to this address is known already.

    Recipient and sender are those of the envelope, empty where there was none; `came_by` is smtp|lmtp|imap|pop3|maildir|file.
    """
    values = {
        "digest": hashlib.sha256(recipient.lower().encode() + b"\0" + raw).hexdigest(),
        "envelope_recipient": _plain(recipient),
        "envelope_sender": _plain(sender),
        "raw": raw,
        "came_by": came_by,
        "state": "new",
        "received_at": now,
        "kind": "",
        "note": "",
    }
    statement = insert_if_new(session, ReturnedMail).values(values).returning(ReturnedMail.id)
    mail_id = session.scalar(statement)
    return None if mail_id is None else session.get_one(ReturnedMail, mail_id)


def _plain(address: str) -> str:
    return address.encode("utf-8", "replace").decode().replace("\0", "")[:320]


def take_in(
    session: Session,
    queue: JobQueue,
    raw: bytes,
    *,
    recipient: str = "",
    sender: str = "",
    came_by: str = "",
    now: datetime,
) -> ReturnedMail | None:
    """Keep a mail that came back and ask for it to be applied once it is committed."""
    row = store_returned_mail(session, raw, recipient=recipient, sender=sender, came_by=came_by, now=now)
    if row is not None:
        enqueue_after_commit(session, queue, JobName.APPLY_RETURNED_MAIL, returned_mail_id=row.id)
    return row


def enqueue_forgotten(session: Session, queue: JobQueue, now: datetime) -> int:
    """Ask again for mail that nobody has applied within a minute; return how many."""
    forgotten = list(
        session.scalars(
            select(ReturnedMail.id)
            .where(ReturnedMail.state == "new", ReturnedMail.received_at < now - _HINT_LIFE)
            .order_by(ReturnedMail.id)
            .limit(_SWEPT_AT_ONCE)
        )
    )
    for mail_id in forgotten:
        enqueue_after_commit(session, queue, JobName.APPLY_RETURNED_MAIL, returned_mail_id=mail_id)
    return len(forgotten)


def waiting_mail(session: Session) -> list[int]:
    """Return the ids of mail that is not applied yet, oldest first."""
    return list(
        session.scalars(select(ReturnedMail.id).where(ReturnedMail.state == "new").order_by(ReturnedMail.id))
    )
