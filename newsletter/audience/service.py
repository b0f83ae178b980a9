"""Lists, subscribers and subscriptions: create, find, subscribe, confirm, unsubscribe, erase."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.audience.addresses import Address, clean_name, normalise
from newsletter.audience.consent import Evidence, record_consent
from newsletter.audience.models import MailingList, Subscriber, Subscription, Suppression
from newsletter.audience.suppressions import active_suppression, hashed_key, suppress
from newsletter.db.session import enqueue_after_commit
from newsletter.errors import Conflict, InvalidInput, NotFound
from newsletter.issues.publications import check_slug, one_line
from newsletter.jobs import JobName, JobQueue

CONFIRMATION_PAUSE = timedelta(hours=24)


def create_list(
    session: Session,
    *,
    slug: str,
    name: str,
    publication_id: int | None = None,
    optin: str = "double",
    visibility: str = "public",
    description: str = "",
) -> MailingList:
    """Create a list.

    :raises InvalidInput: for a slug, opt-in or visibility that does not fit.
    :raises Conflict: when the slug is taken.
    """
    check_slug(slug)
    if optin not in ("single", "double") or visibility not in ("public", "private"):
        raise InvalidInput("A list is single or double opt-in, public or private.")
    if session.scalar(select(MailingList.id).where(MailingList.slug == slug)) is not None:
        raise Conflict(f"There is a list {slug!r} already.")
    row = MailingList(
        slug=slug, name=one_line(name, "name"), publication_id=publication_id, optin=optin, visibility=visibility,
        description=description,
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def find_list(session: Session, slug: str) -> MailingList:
    """Return the list with this slug.

    :raises NotFound: naming those that exist.
    """
    found = session.scalar(select(MailingList).where(MailingList.slug == slug))
    if found is None:
        known = ", ".join(session.scalars(select(MailingList.slug).order_by(MailingList.slug).limit(10)))
        raise NotFound(
            f"There is no list {slug!r}" + (f"; there is {known}." if known else ": create one first.")
        )
    return found


def list_lists(session: Session) -> list[MailingList]:
    """Return all lists by name."""
    return list(session.scalars(select(MailingList).order_by(MailingList.name)))


def list_counts(session: Session) -> dict[int, dict[str, int]]:
    """Return for each list the number of subscriptions by state."""
    statement = select(Subscription.list_id, Subscription.state, func.count()).group_by(
        Subscription.list_id, Subscription.state
    )
    counts: dict[int, dict[str, int]] = {}
    for list_id, state, count in session.execute(statement):
        counts.setdefault(list_id, {})[state] = count
    return counts


def find_subscriber(session: Session, email: str) -> Subscriber:
    """Return the subscriber with this address.

    :raises NotFound: when nobody has it.
    """
    found = session.scalar(select(Subscriber).where(Subscriber.address_key == normalise(email).key))
    if found is None:
        raise NotFound(f"Nobody is known as {email}.")
    return found


def get_or_create_subscriber(
    session: Session, address: Address, *, name: str = "", language: str | None = None
) -> Subscriber:
    """Return the person with this address, made when unknown; a known person's words are not overwritten."""
    person = session.scalar(select(Subscriber).where(Subscriber.address_key == address.key))
    if person is None:
        person = Subscriber(
            email=address.email, address_key=address.key, name=clean_name(name), language=language
        )
        session.add(person)
        session.flush()
    elif name and not person.name:
        person.name = clean_name(name)
    return person


def _subscription(session: Session, person_id: int, list_id: int) -> Subscription | None:
    statement = select(Subscription).where(
        Subscription.subscriber_id == person_id, Subscription.list_id == list_id
    )
    return session.scalar(statement)


def subscribe(
    session: Session, queue: JobQueue, email: str, mailing_list: MailingList, *, name: str = "", language: str | None = None,
    evidence: Evidence, now: datetime,
) -> Subscription:  # fmt: skip
    """Ask to join a list: pending until confirmed on a double opt-in list. The caller answers everybody the same.

    At most one confirmation mail goes to an address in 24 hours, across all lists (S10); none to a person who
    complained.
    """
    address = normalise(email)
    person = get_or_create_subscriber(session, address, name=name, language=language)
    row = _subscription(session, person.id, mailing_list.id)
    if row is None:
        row = Subscription(list_id=mailing_list.id, subscriber_id=person.id, state="pending", created_at=now)
        session.add(row)
    if row.state == "confirmed":
        return row
    row.state = "pending"
    record_consent(
        session,
        subscriber_id=person.id,
        list_id=mailing_list.id,
        action="subscribe",
        evidence=evidence,
        now=now,
    )
    session.flush()
    if mailing_list.optin == "single":
        confirm(session, row.id, evidence=evidence, now=now)
    elif _may_ask(session, person, now):
        row.confirmation_requested_at, row.confirmation_sent_at = now, None
        enqueue_after_commit(session, queue, JobName.SEND_CONFIRMATION, subscription_id=row.id)
    session.flush()
    return row


def _may_ask(session: Session, person: Subscriber, now: datetime) -> bool:
    blocked = active_suppression(session, person.address_key)
    if blocked is not None and blocked.reason in ("complaint", "erased", "manual", "hard_bounce"):
        return False
    latest = session.scalar(
        select(func.max(Subscription.confirmation_requested_at)).where(
            Subscription.subscriber_id == person.id
        )
    )
    return latest is None or latest < now - CONFIRMATION_PAUSE


def confirm(session: Session, subscription_id: int, *, evidence: Evidence, now: datetime) -> Subscription:
    """Confirm a subscription; lifts what the person's own unsubscribing had suppressed. Again changes nothing.

    :raises NotFound: when the subscription is gone.
    """
    row = session.get(Subscription, subscription_id)
    if row is None:
        raise NotFound("That request is not known any more. Ask again on the subscribe page.")
    if row.state == "confirmed":
        return row
    row.state, row.confirmed_at, row.unsubscribed_at = "confirmed", now, None
    key = row.subscriber.address_key
    own = select(Suppression).where(
        Suppression.address_key == key, Suppression.reason == "unsubscribed", Suppression.lifted_at.is_(None)
    )
    for suppression in session.scalars(own):
        suppression.lifted_at, suppression.lifted_by, suppression.lifted_reason = now, key, "subscribed again"
    record_consent(
        session,
        subscriber_id=row.subscriber_id,
        list_id=row.list_id,
        action="confirm",
        evidence=evidence,
        now=now,
    )
    session.flush()
    return row


def unsubscribe(
    session: Session,
    subscriber_id: int,
    *,
    list_ids: Iterable[int] | None = None,
    reason: str = "",
    source: str,
    campaign_id: int | None = None,
    now: datetime,
) -> int:
    """End subscriptions (all when `list_ids` is None) at once; return how many ended. Again changes nothing."""
    statement = select(Subscription).where(
        Subscription.subscriber_id == subscriber_id, Subscription.state != "unsubscribed"
    )
    if list_ids is not None:
        statement = statement.where(Subscription.list_id.in_(list(list_ids)))
    ended = list(session.scalars(statement))
    for row in ended:
        row.state, row.unsubscribed_at, row.unsubscribe_source = "unsubscribed", now, source
        row.unsubscribe_reason, row.campaign_id = reason[:500], campaign_id
        record_consent(
            session, subscriber_id=subscriber_id, list_id=row.list_id, action="unsubscribe",
            evidence=Evidence(source=source, wording=reason[:500]), now=now,
        )  # fmt: skip
    session.flush()
    return len(ended)


def undo_unsubscribe(session: Session, subscriber_id: int, *, list_ids: Iterable[int], now: datetime) -> int:
    """Take an unsubscribe back that the person says was a mistake."""
    statement = select(Subscription).where(
        Subscription.subscriber_id == subscriber_id,
        Subscription.list_id.in_(list(list_ids)),
        Subscription.state == "unsubscribed",
        Subscription.confirmed_at.is_not(None),
    )
    rows = list(session.scalars(statement))
    for row in rows:
        confirm(session, row.id, evidence=Evidence(source="undo"), now=now)
    return len(rows)


def erase(session: Session, email: str, *, secret: bytes, actor: str, now: datetime) -> None:
    """Delete a person; what remains is a keyed hash that keeps the address from being mailed again (C4).

    :raises NotFound: when nobody has this address.
    """
    person = find_subscriber(session, email)
    key = person.address_key
    for row in session.scalars(select(Suppression).where(Suppression.address_key == key)):
        row.address_key = hashed_key(key, secret)
        row.detail = ""
        if row.lifted_at is None:
            row.lifted_at, row.lifted_by, row.lifted_reason = now, actor, "replaced by the erasure"
    session.flush()
    suppress(session, hashed_key(key, secret), reason="erased", source="erasure", actor=actor, now=now)
    session.delete(person)
    session.flush()
