"""A returned mail read and applied. The signed token says about whom it is, the text only what kind of news it brings (M19)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from newsletter.db.session import Sessions, unit_of_work
from newsletter.delivery.models import Delivery
from newsletter.errors import NewsletterError
from newsletter.feedback.applying import apply_event
from newsletter.feedback.classify import Classified, Kind, Reason, classify
from newsletter.feedback.events import BounceKind, Event
from newsletter.feedback.models import ReturnedMail
from newsletter.feedback.reporter import reporter_of
from newsletter.feedback.return_address import claim_of
from newsletter.rendering.tokens import Keyring

_SOURCE = "mail"


def apply_returned_mail(
    session: Session, mail_id: int, *, keyring: Keyring, now: datetime
) -> ReturnedMail | None:
    """Read a stored mail and do what it says; a mail that was applied before changes nothing. None when it is gone."""
    mail = session.scalar(select(ReturnedMail).where(ReturnedMail.id == mail_id).with_for_update())
    if mail is None or mail.state != "new":
        return mail
    found = classify(mail.raw)
    mail.kind, mail.applied_at = found.kind.value, now
    mail.state, mail.note = _apply(session, mail, found, keyring, now)
    return mail


def apply_or_set_aside(
    sessions: Sessions, mail_id: int, *, keyring: Keyring, now: datetime
) -> ReturnedMail | None:
    """Apply a mail in work of its own. One that cannot be read is put aside; trouble with the database leaves it to be tried again.

    :raises Unavailable: when the database does not answer.
    """
    try:
        with unit_of_work(sessions) as session:
            return apply_returned_mail(session, mail_id, keyring=keyring, now=now)
    except (NewsletterError, SQLAlchemyError):
        raise
    except Exception as error:
        with unit_of_work(sessions) as session:
            mark_failed(session, mail_id, repr(error), now=now)
        raise


def mark_failed(session: Session, mail_id: int, why: str, *, now: datetime) -> None:
    """Put a mail aside that could not be applied; it stays to be looked at."""
    session.execute(
        update(ReturnedMail)
        .where(ReturnedMail.id == mail_id, ReturnedMail.state == "new")
        .values(state="failed", note=why[:500], applied_at=now)
    )


def _apply(
    session: Session, mail: ReturnedMail, found: Classified, keyring: Keyring, now: datetime
) -> tuple[str, str]:
    """Return the new state of the mail, and why in words when it changed nothing."""
    claim = claim_of(mail.envelope_recipient, mail.raw, keyring)
    delivery = None if claim is None else session.get(Delivery, claim.delivery_id)
    if claim is None or delivery is None:
        return "unmatched", "No return path or message of ours is named in it."
    event = event_in(
        found.about(delivery.address), delivery, asks_to_leave=claim.asks_to_leave, at=now, mail_id=mail.id
    )
    if event is None:
        return "ignored", "Ordinary mail: no bounce, no complaint, no wish to leave."
    apply_event(session, delivery, replace(event, said_by=reporter_of(mail.raw)), now)
    return "applied", ""


def event_in(
    found: Classified, delivery: Delivery, *, asks_to_leave: bool, at: datetime, mail_id: int
) -> Event | None:
    """Return the news that a mail brings about a delivery; None for ordinary mail."""
    word = _word(found, asks_to_leave=asks_to_leave)
    if word is None:
        return None
    is_bounce = word == "bounced"
    is_failure = is_bounce or word == "deferred"
    return Event(
        word,
        at,
        _SOURCE,
        kind=_kind_for(found, delivery) if is_bounce else None,
        reason=found.reason.value if is_failure else "unknown",
        status=found.status if is_failure else None,
        diagnostic=found.diagnostic if is_failure or word == "complained" else "",
        returned_mail_id=mail_id,
    )


def _word(found: Classified, *, asks_to_leave: bool) -> str | None:
    if found.kind in (Kind.HARD, Kind.SOFT):
        return "deferred" if found.reason is Reason.DELAYED else "bounced"
    if found.kind is Kind.COMPLAINT:
        return "complained"
    if found.kind is Kind.AUTOREPLY:
        return "autoresponded"
    return "unsubscribed" if asks_to_leave or found.kind is Kind.UNSUBSCRIBE else None


def _kind_for(found: Classified, delivery: Delivery) -> BounceKind:
    """Return the kind for our reader: an alias that reaches several people is not dead because one of them is."""
    others = [each for each in found.recipients if each.lower() != delivery.address.lower()]
    is_group = len(others) > 1 and len(others) == len(found.recipients)
    return "soft" if is_group or found.kind is Kind.SOFT else "hard"
