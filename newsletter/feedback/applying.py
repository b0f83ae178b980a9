"""What a returned mail changes. The signed token says about whom it is, the text only what kind of news it brings (M19)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from newsletter.audience.consent import Evidence
from newsletter.audience.service import unsubscribe
from newsletter.audience.suppressions import suppress
from newsletter.delivery.models import CampaignList, Delivery
from newsletter.delivery.states import DeliveryState
from newsletter.delivery.tally import note_complaint, note_hard_bounce
from newsletter.feedback.classify import Classified, Kind, Reason, classify
from newsletter.feedback.entries import add_entry, is_known_person
from newsletter.feedback.models import ReturnedMail
from newsletter.feedback.return_address import Claim, claim_of
from newsletter.feedback.softness import suppress_if_lasting
from newsletter.rendering.tokens import Keyring


def apply_returned_mail(
    session: Session, mail_id: int, *, keyring: Keyring, now: datetime
) -> ReturnedMail | None:
    """Read a stored mail and do what it says; a mail that was applied before changes nothing. None when it is gone."""
    mail = session.scalar(select(ReturnedMail).where(ReturnedMail.id == mail_id).with_for_update())
    if mail is None or mail.state != "new":
        return mail
    found = classify(mail.raw)
    claim = claim_of(mail.envelope_recipient, mail.raw, keyring)
    mail.kind, mail.applied_at = found.kind.value, now
    mail.state, mail.note = _apply(session, mail, found, claim, now)
    return mail


def mark_failed(session: Session, mail_id: int, why: str, *, now: datetime) -> None:
    """Put a mail aside that could not be applied; it stays to be looked at."""
    session.execute(
        update(ReturnedMail)
        .where(ReturnedMail.id == mail_id, ReturnedMail.state == "new")
        .values(state="failed", note=why[:500], applied_at=now)
    )


def _apply(
    session: Session, mail: ReturnedMail, found: Classified, claim: Claim | None, now: datetime
) -> tuple[str, str]:
    """Return the new state of the mail, and why in words when it changed nothing."""
    delivery = None if claim is None else session.get(Delivery, claim.delivery_id)
    if claim is None or delivery is None:
        return "unmatched", "No return path or message of ours is named in it."
    if found.kind in (Kind.HARD, Kind.SOFT):
        _apply_bounce(session, mail, found, delivery, now)
    elif found.kind is Kind.COMPLAINT:
        _apply_complaint(session, mail, found, delivery, now)
    elif found.kind is Kind.AUTOREPLY:
        add_entry(session, delivery, word="autoresponded", at=now, source="mail", returned_mail_id=mail.id)
    elif claim.asks_to_leave or found.kind is Kind.UNSUBSCRIBE:
        _apply_unsubscribe(session, mail, delivery, now)
    else:
        return "ignored", "Ordinary mail: no bounce, no complaint, no wish to leave."
    return "applied", ""


def _apply_bounce(
    session: Session, mail: ReturnedMail, found: Classified, delivery: Delivery, now: datetime
) -> None:
    _settle_ambiguous(session, delivery)
    is_delay = found.reason is Reason.DELAYED
    kind = _kind_for(found, delivery)
    is_new = add_entry(
        session,
        delivery,
        word="deferred" if is_delay else "bounced",
        kind="" if is_delay else kind.value,
        at=now,
        status=(found.status or "")[:12] or None,
        reason=found.reason.value,
        diagnostic=found.diagnostic.replace("\0", ""),
        source="mail",
        returned_mail_id=mail.id,
    )
    if not is_new or is_delay or not is_known_person(session, delivery.subscriber_id):
        return
    if kind is Kind.HARD:
        note_hard_bounce(session, delivery.campaign_id, delivery.sent_at or now)
        suppress(
            session,
            delivery.address_key,
            reason="hard_bounce",
            source="bounce",
            detail=found.diagnostic,
            campaign_id=delivery.campaign_id,
            now=now,
        )
    else:
        suppress_if_lasting(session, delivery.address_key, campaign_id=delivery.campaign_id, now=now)


def _kind_for(found: Classified, delivery: Delivery) -> Kind:
    """Return the kind for our reader: an alias that reaches several people is not dead because one of them is."""
    others = [each for each in found.recipients if each.lower() != delivery.address.lower()]
    is_group = len(others) > 1 and len(others) == len(found.recipients)
    return Kind.SOFT if is_group else found.kind


def _settle_ambiguous(session: Session, delivery: Delivery) -> None:
    """A report about a message proves that the relay had accepted it."""
    if delivery.state != DeliveryState.AMBIGUOUS:
        return
    session.execute(
        update(Delivery)
        .where(Delivery.id == delivery.id, Delivery.state == int(DeliveryState.AMBIGUOUS))
        .values(state=int(DeliveryState.SENT))
        .execution_options(synchronize_session=False)
    )


def _apply_complaint(
    session: Session, mail: ReturnedMail, found: Classified, delivery: Delivery, now: datetime
) -> None:
    """Whoever calls our mail spam gets no more of it, from no publication."""
    is_new = add_entry(
        session,
        delivery,
        word="complained",
        at=now,
        diagnostic=found.diagnostic,
        source="mail",
        returned_mail_id=mail.id,
    )
    if not is_new or not is_known_person(session, delivery.subscriber_id):
        return
    note_complaint(session, delivery.campaign_id, delivery.sent_at or now)
    suppress(
        session,
        delivery.address_key,
        reason="complaint",
        source="complaint",
        detail=found.diagnostic,
        campaign_id=delivery.campaign_id,
        now=now,
    )
    unsubscribe(session, delivery.subscriber_id, source="complaint", now=now)


def _apply_unsubscribe(session: Session, mail: ReturnedMail, delivery: Delivery, now: datetime) -> None:
    """End the memberships that the mail was for, as often as it is asked: they may have come back in between."""
    lists = list(
        session.scalars(select(CampaignList.list_id).where(CampaignList.campaign_id == delivery.campaign_id))
    )
    unsubscribe(
        session,
        delivery.subscriber_id,
        list_ids=lists or None,
        source="mail",
        campaign_id=delivery.campaign_id,
        evidence=Evidence("mail"),
        now=now,
    )
    add_entry(session, delivery, word="unsubscribed", at=now, source="mail", returned_mail_id=mail.id)
