"""Forgetting a person in every room: the ledger keeps that somebody got the issue, not who (C4).

The keyed hash that takes the address's place still answers a question about an address that is asked with it.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import case, select, update
from sqlalchemy.orm import Session

from newsletter.audience import erasure
from newsletter.audience.addresses import normalise
from newsletter.audience.suppressions import hashed_key
from newsletter.delivery.models import Delivery, to_addresses
from newsletter.delivery.states import IN_FLIGHT, DeliveryState
from newsletter.errors import Conflict
from newsletter.feedback.engagement.choosing import forget_person
from newsletter.feedback.models import FeedbackEntry, ReturnedMail
from newsletter.feedback.webhooks.keeping import forget as forget_requests

ERASED = "erased"
_UNSYNCED = {"synchronize_session": False}
_OPEN = (int(DeliveryState.QUEUED), int(DeliveryState.DEFERRED))


def erase_person(session: Session, email: str, *, secret: bytes, actor: str, now: datetime) -> None:
    """Delete a person and every trace of the address but keyed hashes.

    :raises NotFound: when nothing is known about the address.
    :raises Conflict: while a mail to it is on the wire.
    """
    key = normalise(email).key
    _hold_wire(session, key)
    _forget_returned_mails(session, key, now)
    forget_requests(session, key)
    person_id = erasure.erase(session, email, secret=secret, actor=actor, now=now)
    if person_id is not None:
        forget_person(session, person_id)
    hashed = hashed_key(key, secret)
    session.execute(
        update(FeedbackEntry)
        .where(FeedbackEntry.address_key == key)
        .values(address_key=hashed, diagnostic="")
        .execution_options(**_UNSYNCED)
    )
    session.execute(
        update(Delivery)
        .where(to_addresses(key))
        .values(
            address=ERASED,
            address_key=hashed,
            response=None,
            reason=case((Delivery.state.in_(_OPEN), ERASED), else_=Delivery.reason),
            state=case((Delivery.state.in_(_OPEN), int(DeliveryState.SKIPPED)), else_=Delivery.state),
        )
        .execution_options(**_UNSYNCED)
    )


def _hold_wire(session: Session, key: str) -> None:
    on_the_wire = select(Delivery.id).where(to_addresses(key), Delivery.state.in_(IN_FLIGHT))
    if session.scalar(on_the_wire.limit(1)) is not None:
        raise Conflict("A mail to this address is being sent at this moment: erase it in a minute.")


def _forget_returned_mails(session: Session, key: str, now: datetime) -> None:
    """Empty the mails that came back for this person; an auto-reply may say anything about them."""
    its = select(FeedbackEntry.returned_mail_id).where(
        FeedbackEntry.address_key == key, FeedbackEntry.returned_mail_id.is_not(None)
    )
    session.execute(
        update(ReturnedMail)
        .where(ReturnedMail.id.in_(its))
        .values(raw=b"", envelope_sender="", note="", emptied_at=now)
        .execution_options(**_UNSYNCED)
    )
