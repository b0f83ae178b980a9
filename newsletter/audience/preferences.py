"""What a person can change about themself: name, language, lists."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from newsletter.audience.consent import Evidence, record_consent
from newsletter.audience.models import MailingList, Subscriber, Subscription
from newsletter.audience.states import SubscriptionState, Visibility
from newsletter.audience.subscribing import accept, get_or_create_subscription, unsubscribe
from newsletter.audience.text import language_tag, one_line
from newsletter.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Choice:
    """One list that the person may tick."""

    mailing_list: MailingList
    is_chosen: bool


def choices(session: Session, subscriber_id: int, publication_id: int | None) -> list[Choice]:
    """Return the lists a person may choose from: the publication's public ones and any they are on."""
    own = select(Subscription.list_id).where(
        Subscription.subscriber_id == subscriber_id, Subscription.state == SubscriptionState.CONFIRMED
    )
    same = (
        MailingList.publication_id.is_(None)
        if publication_id is None
        else MailingList.publication_id == publication_id
    )
    offered = or_((MailingList.visibility == Visibility.PUBLIC) & same, MailingList.id.in_(own))
    chosen = set(session.scalars(own))
    rows = session.scalars(select(MailingList).where(offered).order_by(MailingList.name, MailingList.id))
    return [Choice(each, each.id in chosen) for each in rows]


def save_preferences(
    session: Session,
    person: Subscriber,
    *,
    name: str,
    language: str,
    list_ids: Collection[int],
    publication_id: int | None,
    evidence: Evidence,
    secret: bytes | None = None,
    now: datetime,
) -> bool:
    """Store what the person chose; returns whether anything changed. Lists they were not offered are left alone.

    :raises InvalidInput: when the language is none we know.
    :raises NotFound: when the address must not be mailed and still joins a list.
    """
    changed = _save_words(session, person, name, language, evidence, now)
    for choice in choices(session, person.id, publication_id):
        wanted = choice.mailing_list.id in list_ids
        if wanted == choice.is_chosen:
            continue
        changed = True
        if wanted:
            _join(session, person, choice.mailing_list, evidence, secret, now)
        else:
            ids = [choice.mailing_list.id]
            unsubscribe(session, person.id, list_ids=ids, source="preferences", evidence=evidence, now=now)
    session.flush()
    return changed


def _save_words(
    session: Session, person: Subscriber, name: str, language: str, evidence: Evidence, now: datetime
) -> bool:
    tag = language_tag(language) if language.strip() else None
    if language.strip() and tag is None:
        raise InvalidInput("This is no language we know. Choose one from the list.")
    if (person.name, person.language) == (one_line(name), tag):
        return False
    person.name, person.language, person.updated_at = one_line(name), tag, now
    record_consent(
        session, subscriber_id=person.id, list_id=None, action="change", evidence=evidence, now=now
    )
    return True


def _join(
    session: Session,
    person: Subscriber,
    mailing_list: MailingList,
    evidence: Evidence,
    secret: bytes | None,
    now: datetime,
) -> None:
    """Join at once: who holds the link has shown that the mailbox is theirs."""
    row = get_or_create_subscription(session, mailing_list.id, person.id, now)
    accept(session, row, secret=secret, now=now)
    record_consent(
        session,
        subscriber_id=person.id,
        list_id=mailing_list.id,
        action="confirm",
        evidence=evidence,
        now=now,
    )
