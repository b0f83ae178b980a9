"""Returned mail that nobody understood, and what a person makes of it: assigned to an address, dismissed, or put back."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal, get_args

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, defer

from newsletter.accounts import audit
from newsletter.audience.addresses import normalise
from newsletter.audience.models import Subscriber
from newsletter.delivery.models import Delivery
from newsletter.errors import Conflict, InvalidInput, NotFound
from newsletter.feedback.applying import apply_event
from newsletter.feedback.events import Event
from newsletter.feedback.models import ReturnedMail
from newsletter.feedback.taking_back import take_back

Meaning = Literal["hard", "soft", "complaint", "unsubscribe"]

#: What the tabs of the tray show.
PILES: Final = {
    "open": ("unmatched", "failed"),
    "ordinary": ("ignored",),
    "handled": ("assigned", "dismissed"),
    "understood": ("applied",),
}
_OPEN: Final = (*PILES["open"], *PILES["ordinary"])


def pile_query(pile: str, *, before: int | None = None) -> Select[ReturnedMail]:
    """Return the query for the mails of a pile, newest first, without their text."""
    statement = select(ReturnedMail).where(ReturnedMail.state.in_(PILES[pile]))
    if before is not None:
        statement = statement.where(ReturnedMail.id < before)
    return statement.order_by(ReturnedMail.id.desc()).options(defer(ReturnedMail.raw))


def count_open(session: Session) -> int:
    """Return how many mails wait for a person."""
    waiting = select(func.count()).select_from(ReturnedMail)
    return session.scalar(waiting.where(ReturnedMail.state.in_(PILES["open"]))) or 0


def assign(
    session: Session, mail_id: int, email: str, meaning: str, *, actor: str, now: datetime
) -> ReturnedMail:
    """Say whom a mail is about and what it means; the newest delivery to the address is taken for the one it answers.

    :raises InvalidInput: for a meaning that is none, or no address.
    :raises NotFound: when no mail of ours ever went to the address.
    :raises Conflict: when the mail was handled meanwhile.
    """
    if meaning not in get_args(Meaning):
        raise InvalidInput(f"Say what the mail means: {', '.join(get_args(Meaning))}.")
    mail = _open_mail(session, mail_id)
    delivery = _newest_delivery(session, normalise(email).key)
    is_new = apply_event(session, delivery, _event(meaning, mail, now), now)
    mail.state, mail.kind, mail.note = "assigned", meaning, "" if is_new else "It was known already."
    _close(session, mail, actor, "assign", now, address=delivery.address, meaning=meaning)
    return mail


def _event(meaning: str, mail: ReturnedMail, now: datetime) -> Event:
    """Return the event of a meaning; said by a person, it has no status."""
    if meaning == "hard":
        return Event("bounced", now, "hand", kind="hard", reason="dead", returned_mail_id=mail.id)
    if meaning == "soft":
        return Event("bounced", now, "hand", kind="soft", returned_mail_id=mail.id)
    word = "complained" if meaning == "complaint" else "unsubscribed"
    return Event(word, now, "hand", returned_mail_id=mail.id)


def dismiss(session: Session, mail_id: int, *, actor: str, now: datetime) -> None:
    """Say that a mail means nothing.

    :raises Conflict: when it was handled meanwhile.
    """
    mail = _open_mail(session, mail_id)
    mail.state = "dismissed"
    _close(session, mail, actor, "dismiss", now)


def undo(session: Session, mail_id: int, *, actor: str, now: datetime) -> None:
    """Put a mail back, and take back what assigning it had changed.

    :raises Conflict: when no person has handled it.
    """
    mail = _locked(session, mail_id)
    if mail.state not in PILES["handled"]:
        raise Conflict("There is nothing to undo: nobody has handled this mail.")
    if mail.state == "assigned" and mail.applied_at is not None:
        take_back(session, mail.id, mail.applied_at, actor=actor, now=now)
    mail.state, mail.note = "unmatched", f"Put back by {actor}."
    _close(session, mail, "", "undo", now, by=actor)


def _close(
    session: Session, mail: ReturnedMail, handled_by: str, what: str, now: datetime, **details: str
) -> None:
    mail.applied_at, mail.handled_by = now, handled_by
    actor = handled_by or details.pop("by")
    audit.record(
        session,
        actor=actor,
        action=f"returned.{what}",
        object=f"returned mail {mail.id}",
        details=dict(details),
    )


def find_mail(session: Session, mail_id: int) -> ReturnedMail:
    """Return a mail.

    :raises NotFound: when there is none.
    """
    mail = session.get(ReturnedMail, mail_id) if 0 < mail_id < 1 << 62 else None
    if mail is None:
        raise NotFound("There is no such returned mail.")
    return mail


def _locked(session: Session, mail_id: int) -> ReturnedMail:
    mail = find_mail(session, mail_id)
    session.refresh(mail, with_for_update=True)
    return mail


def _open_mail(session: Session, mail_id: int) -> ReturnedMail:
    mail = _locked(session, mail_id)
    if mail.state not in _OPEN:
        raise Conflict(f"This mail was handled meanwhile: it is {mail.state} now.")
    return mail


def _newest_delivery(session: Session, address_key: str) -> Delivery:
    newest = (
        select(Delivery)
        .join(Subscriber, Subscriber.id == Delivery.subscriber_id)
        .where(Subscriber.address_key == address_key, Delivery.sent_at.is_not(None))
        .order_by(Delivery.id.desc())
        .limit(1)
    )
    delivery = session.scalar(newest)
    if delivery is None:
        raise NotFound(f"No mail of ours went to {address_key}: check the address, or dismiss the mail.")
    return delivery
