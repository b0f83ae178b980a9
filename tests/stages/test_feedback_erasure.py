"""Erasing a person leaves their address nowhere in the database, and the ledger still adds up."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import select, text

from newsletter.audience.models import Subscriber
from newsletter.db.session import Sessions, unit_of_work
from newsletter.delivery.models import Delivery
from newsletter.delivery.states import DeliveryState
from newsletter.errors import Conflict, NotFound
from newsletter.feedback.erasure import erase_person
from newsletter.feedback.models import FeedbackEntry, ReturnedMail
from tests.support.ledger import sent_to

ADA, NOW, SECRET = "ada@example.com", datetime(2026, 3, 2, tzinfo=UTC), b"a secret for tests, long enough"


def everything(sessions: Sessions) -> str:
    """Return the whole database as text."""
    with sessions() as session:
        tables = session.scalars(text("SELECT name FROM sqlite_master WHERE type = 'table'")).all()
        return "".join(repr(session.execute(text(f"SELECT * FROM {table}")).all()) for table in tables)


def test_the_address_is_nowhere_any_more(sessions: Sessions) -> None:
    with unit_of_work(sessions) as session:
        ada, _ = sent_to(session, ADA, "bela@example.com")
        mail = ReturnedMail(digest="d", raw=b"To: ada@example.com", envelope_sender=ADA)
        session.add(mail)
        session.flush()
        session.add(
            FeedbackEntry(key="k", word="bounced", kind="soft", delivery_id=ada.id, address_key=ADA,
                          diagnostic=f"<{ADA}>: full", returned_mail_id=mail.id)
        )  # fmt: skip
        ada.response = f"250 2.1.5 <{ADA}> taken"
    assert ADA in everything(sessions)
    with unit_of_work(sessions) as session:
        erase_person(session, ADA, secret=SECRET, actor="admin", now=NOW)
    assert "ada" not in everything(sessions).lower().replace("adapter", "")
    with sessions() as session:
        rows = session.scalars(select(Delivery)).all()
        assert sorted(row.state for row in rows) == [DeliveryState.SENT, DeliveryState.SENT]
        assert session.scalars(select(Subscriber.email)).all() == ["bela@example.com"]


def test_who_still_waits_is_skipped_and_who_is_on_the_wire_is_not_touched(sessions: Sessions) -> None:
    with unit_of_work(sessions) as session:
        (row,) = sent_to(session, ADA)
        row.state = int(DeliveryState.CLAIMED)
    with unit_of_work(sessions) as session, pytest.raises(Conflict):
        erase_person(session, ADA, secret=SECRET, actor="admin", now=NOW)
    with unit_of_work(sessions) as session:
        session.scalars(select(Delivery)).one().state = int(DeliveryState.QUEUED)
    with unit_of_work(sessions) as session:
        erase_person(session, ADA, secret=SECRET, actor="admin", now=NOW)
        row = session.scalars(select(Delivery)).one()
        assert (row.state, row.reason) == (DeliveryState.SKIPPED, "erased")


def test_nobody_is_not_erased(sessions: Sessions) -> None:
    with unit_of_work(sessions) as session, pytest.raises(NotFound):
        erase_person(session, ADA, secret=SECRET, actor="admin", now=NOW)
