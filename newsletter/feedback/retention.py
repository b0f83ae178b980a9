"""How long returned mail is kept: its text may hold anything about a person, so it goes; what it meant stays."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final, cast

from sqlalchemy import CursorResult, select, update
from sqlalchemy.orm import Session

from newsletter.feedback.models import ReturnedMail

_AT_ONCE: Final = 500


def empty_old_mail(session: Session, *, days: int, now: datetime) -> int:
    """Throw away the text of mail older than so many days, some at a time; return how many. The digest stays: a replay is known.

    Mail that waits to be applied is left alone.
    """
    old = (
        select(ReturnedMail.id)
        .where(
            ReturnedMail.emptied_at.is_(None),
            ReturnedMail.received_at < now - timedelta(days=days),
            ReturnedMail.state != "new",
        )
        .order_by(ReturnedMail.received_at)
        .limit(_AT_ONCE)
    )
    emptied = session.execute(
        update(ReturnedMail)
        .where(ReturnedMail.id.in_(old.scalar_subquery()))
        .values(raw=b"", envelope_sender="", envelope_recipient="", emptied_at=now)
        .execution_options(synchronize_session=False)
    )
    return cast("CursorResult[Any]", emptied).rowcount
