"""How a person joins a list, confirms, leaves and changes their mind. Every step leaves a consent record."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from newsletter.audience.addresses import Address, normalise
from newsletter.audience.consent import Evidence, record_consent
from newsletter.audience.models import MailingList, Subscriber, Subscription, Suppression
from newsletter.audience.states import OptIn, SubscriptionState
from newsletter.audience.suppressions import active_suppression, applies_to
from newsletter.audience.text import language_tag, one_line, several_lines
from newsletter.audience.upsert import insert_if_new
from newsletter.db.session import enqueue_after_commit
from newsletter.errors import InvalidInput, NotFound
from newsletter.jobs import JobName, JobQueue

#: At most one confirmation mail per address in this time, whatever the list (S10).
CONFIRMATION_PAUSE: Final = timedelta(hours=24)
#: A confirmation link is good for this long (S8).
CONFIRMATION_LIFE: Final = timedelta(days=7)
#: An unsubscribe can be undone from its own page for this long.
UNDO_LIFE: Final = timedelta(hours=24)


def subscribe(
    session: Session,
    queue: JobQueue,
    email: str,
    mailing_list: MailingList,
    *,
    name: str = "",
    language: str | None = None,
    evidence: Evidence,
    secret: bytes | None = None,
    now: datetime,
) -> Subscription | None:
    """Ask to join a list: pending until confirmed on a double opt-in list. The caller answers everybody the same (S9).

    Returns None for a suppressed address, of which nothing is stored. Who left by themself may come back, by
    confirming. With the secret, erased people are recognised too.

    :raises InvalidInput: when the address is none.
    """
    address = normalise(email)
    stopped = active_suppression(session, address.key, mailing_list.publication_id, secret=secret)
    if stopped is not None and stopped.reason != "unsubscribed":
        return None
    person = get_or_create_subscriber(session, address, name=name, language=language, now=now)
    row = get_or_create_subscription(session, mailing_list.id, person.id, now)
    if row.state == SubscriptionState.CONFIRMED and stopped is None:
        return row
    _record(session, row, "subscribe", evidence, now)
    if mailing_list.optin == OptIn.SINGLE and stopped is None:
        set_confirmed(row, now)
    else:
        row.state = SubscriptionState.PENDING
        _request_confirmation(session, queue, row, now)
    session.flush()
    return row


def get_or_create_subscriber(
    session: Session, address: Address, *, name: str = "", language: str | None = None, now: datetime
) -> Subscriber:
    """Return the person with this address, made when unknown. A stranger's form changes nothing about a known one."""
    query = select(Subscriber).where(Subscriber.address_key == address.key)
    found = session.scalar(query)
    if found is not None:
        return found
    values: dict[str, Any] = {
        "email": address.email,
        "address_key": address.key,
        "name": one_line(name),
        "language": language_tag(language or ""),
        "attributes": {},
        "created_at": now,
        "updated_at": now,
    }
    session.execute(insert_if_new(session, Subscriber), [values])
    return session.scalars(query).one()


def get_or_create_subscription(
    session: Session, list_id: int, subscriber_id: int, now: datetime
) -> Subscription:
    """Return the membership, made pending when there was none."""
    values = {
        "list_id": list_id,
        "subscriber_id": subscriber_id,
        "state": SubscriptionState.PENDING.value,
        "created_at": now,
    }
    session.execute(insert_if_new(session, Subscription), [values])
    query = select(Subscription).where(
        Subscription.list_id == list_id, Subscription.subscriber_id == subscriber_id
    )
    return session.scalars(query).one()


def _request_confirmation(session: Session, queue: JobQueue, row: Subscription, now: datetime) -> None:
    """Ask for the mail, unless this address was asked within the pause; the person's row is the lock."""
    session.flush()
    session.execute(select(Subscriber.id).where(Subscriber.id == row.subscriber_id).with_for_update())
    query = select(func.max(Subscription.confirmation_requested_at))
    last = session.scalar(query.where(Subscription.subscriber_id == row.subscriber_id))
    if last is not None and last > now - CONFIRMATION_PAUSE:
        return
    row.confirmation_requested_at, row.confirmation_sent_at = now, None
    session.flush()
    enqueue_after_commit(session, queue, JobName.SEND_CONFIRMATION, subscription_id=row.id)


def set_confirmed(row: Subscription, now: datetime) -> None:
    """Make a membership count, whatever it was before."""
    row.state, row.confirmed_at, row.unsubscribed_at = SubscriptionState.CONFIRMED, now, None
    row.unsubscribe_reason, row.unsubscribe_source, row.campaign_id = "", "", None


def _record(session: Session, row: Subscription, action: str, evidence: Evidence, now: datetime) -> None:
    record_consent(
        session,
        subscriber_id=row.subscriber_id,
        list_id=row.list_id,
        action=action,
        evidence=evidence,
        now=now,
    )


def find_confirmable(session: Session, subscription_id: int, now: datetime) -> Subscription:
    """Return the subscription a confirmation link stands for; also when it is confirmed already.

    :raises NotFound: when the link has run out, or its subscription is gone or ended since.
    """
    row = session.get(Subscription, subscription_id)
    if row is None:
        raise NotFound("That request is not known any more. Ask again on the subscribe page.")
    if row.state == SubscriptionState.UNSUBSCRIBED:
        raise NotFound("This subscription was ended since. Ask again on the subscribe page.")
    asked = row.confirmation_requested_at
    if row.state == SubscriptionState.PENDING and (asked is None or asked < now - CONFIRMATION_LIFE):
        raise NotFound("This link has run out. Ask again on the subscribe page.")
    return row


def confirm(
    session: Session, subscription_id: int, *, evidence: Evidence, secret: bytes | None = None, now: datetime
) -> Subscription:
    """Confirm a subscription; lifts what the person's own unsubscribing had suppressed. Again changes nothing.

    :raises NotFound: when the link has run out, or the address must not be mailed for another reason.
    """
    row = find_confirmable(session, subscription_id, now)
    if row.state == SubscriptionState.CONFIRMED:
        return row
    accept(session, row, secret=secret, now=now)
    _record(session, row, "confirm", evidence, now)
    session.flush()
    return row


def accept(session: Session, row: Subscription, *, secret: bytes | None, now: datetime) -> None:
    """Make a membership count because its owner says so; lifts their own suppression, no other.

    :raises NotFound: when the address must not be mailed for another reason.
    """
    key, publication_id = row.subscriber.address_key, row.list.publication_id
    stopped = active_suppression(session, key, publication_id, secret=secret)
    if stopped is not None and stopped.reason != "unsubscribed":
        raise NotFound("This address cannot be subscribed. Write to us if you think it should.")
    session.execute(
        update(Suppression)
        .where(
            Suppression.address_key == key, Suppression.reason == "unsubscribed", applies_to(publication_id)
        )
        .values(lifted_at=now, lifted_by=key, lifted_reason="subscribed again")
    )
    set_confirmed(row, now)


def unsubscribe(
    session: Session,
    subscriber_id: int,
    *,
    list_ids: Iterable[int] | None = None,
    reason: str = "",
    source: str,
    campaign_id: int | None = None,
    evidence: Evidence | None = None,
    now: datetime,
) -> int:
    """End subscriptions (all when `list_ids` is None) at once; return how many ended. Again changes nothing."""
    query = select(Subscription).where(
        Subscription.subscriber_id == subscriber_id, Subscription.state != SubscriptionState.UNSUBSCRIBED
    )
    if list_ids is not None:
        query = query.where(Subscription.list_id.in_(list(list_ids)))
    ended = list(session.scalars(query.order_by(Subscription.id).with_for_update()))
    for row in ended:
        row.state, row.unsubscribed_at, row.unsubscribe_source = (
            SubscriptionState.UNSUBSCRIBED,
            now,
            source[:20],
        )
        row.unsubscribe_reason, row.campaign_id = several_lines(reason, 500), campaign_id
        _record(session, row, "unsubscribe", evidence or Evidence(source), now)
    session.flush()
    return len(ended)


def undo_unsubscribe(
    session: Session,
    subscriber_id: int,
    *,
    list_ids: Iterable[int] | None = None,
    campaign_id: int | None = None,
    evidence: Evidence | None = None,
    now: datetime,
) -> int:
    """Take back an unsubscribe of the last day, as its page offers; return how many came back.

    Only what was confirmed before comes back. With `campaign_id`, only what ended through that campaign's mail:
    an old, forwarded mail cannot bring anybody back.
    """
    query = select(Subscription).where(
        Subscription.subscriber_id == subscriber_id,
        Subscription.state == SubscriptionState.UNSUBSCRIBED,
        Subscription.confirmed_at.is_not(None),
        Subscription.unsubscribed_at > now - UNDO_LIFE,
    )
    if list_ids is not None:
        query = query.where(Subscription.list_id.in_(list(list_ids)))
    if campaign_id is not None:
        query = query.where(Subscription.campaign_id == campaign_id)
    rows = list(session.scalars(query))
    for row in rows:
        confirmed_at = row.confirmed_at
        set_confirmed(row, now)
        row.confirmed_at = confirmed_at
        _record(session, row, "undo", evidence or Evidence("undo"), now)
    session.flush()
    return len(rows)


def note_reason(session: Session, subscriber_id: int, *, campaign_id: int, reason: str) -> None:
    """Keep why a person left, when they care to say.

    :raises InvalidInput: when nothing is said.
    """
    text = several_lines(reason, 500)
    if not text:
        raise InvalidInput("Choose or write a reason first.")
    session.execute(
        update(Subscription)
        .where(Subscription.subscriber_id == subscriber_id, Subscription.campaign_id == campaign_id)
        .where(Subscription.state == SubscriptionState.UNSUBSCRIBED)
        .values(unsubscribe_reason=text)
    )
