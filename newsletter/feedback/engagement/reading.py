"""The numbers, for reports: always people, uncertain and machines apart; machines count nowhere else (C6)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, ColumnElement, Select, cast, func, select
from sqlalchemy.orm import Session

from newsletter.delivery.control.link_models import Link
from newsletter.feedback.engagement.judging import Verdict
from newsletter.feedback.engagement.models import CampaignTotal, Click, LinkTotal, Open
from newsletter.rendering.links import TRAP


@dataclass(frozen=True, slots=True)
class Numbers:
    """Deliveries, each counted once under its best verdict."""

    people: int = 0
    uncertain: int = 0
    machines: int = 0


@dataclass(frozen=True, slots=True)
class LinkNumbers:
    """One link of an issue and who followed it."""

    link_id: int
    place: str
    item_id: int | None
    words: str
    target: str
    is_repaired: bool
    numbers: Numbers


@dataclass(frozen=True, slots=True)
class PersonClick:
    """One link that one person's mail had followed; `verdict` says by whom."""

    campaign_id: int
    target: str
    words: str
    first_at: datetime
    last_at: datetime
    hits: int
    verdict: Verdict


def counts_clicks(session: Session, issue_id: int) -> bool:
    """Say whether mail of an issue went out with links that are counted."""
    return session.scalar(select(Link.id).where(Link.issue_id == issue_id).limit(1)) is not None


def click_numbers(session: Session, campaign_id: int) -> Numbers:
    """Return how many deliveries of a campaign had any link followed."""
    return _campaign(session, campaign_id, is_opens=False)


def open_numbers(session: Session, campaign_id: int) -> Numbers:
    """Return how many deliveries of a campaign were opened, among the people who agreed to be counted."""
    return _campaign(session, campaign_id, is_opens=True)


def _campaign(session: Session, campaign_id: int, *, is_opens: bool) -> Numbers:
    row = session.get(CampaignTotal, (campaign_id, is_opens))
    return Numbers() if row is None else Numbers(row.people, row.uncertain, row.machines)


def link_numbers(session: Session, campaign_id: int, issue_id: int) -> list[LinkNumbers]:
    """Return every link of a campaign's issue in the order of the mail, also those that nobody followed."""
    of_campaign = (LinkTotal.link_id == Link.id) & (LinkTotal.campaign_id == campaign_id)
    rows = session.execute(
        select(Link, LinkTotal)
        .outerjoin(LinkTotal, of_campaign)
        .where(Link.issue_id == issue_id, Link.place != TRAP)
        .order_by(Link.position, Link.id)
    )
    return [_link(link, total) for link, total in rows]


def _link(link: Link, total: LinkTotal | None) -> LinkNumbers:
    numbers = Numbers() if total is None else Numbers(total.people, total.uncertain, total.machines)
    is_repaired = link.target != link.original
    return LinkNumbers(link.id, link.place, link.item_id, link.words, link.target, is_repaired, numbers)


def clicks_by_hour(session: Session, campaign_id: int, *, limit: int = 24 * 14) -> list[tuple[int, int]]:
    """Return (hours since 1970, people who followed a link for the first time then), in order."""
    return _by_hour(session, Click, campaign_id, limit)


def opens_by_hour(session: Session, campaign_id: int, *, limit: int = 24 * 14) -> list[tuple[int, int]]:
    """Return (hours since 1970, people whose mail was opened for the first time then), in order."""
    return _by_hour(session, Open, campaign_id, limit)


def _by_hour(
    session: Session, model: type[Click] | type[Open], campaign_id: int, limit: int
) -> list[tuple[int, int]]:
    first = (
        select(func.min(model.first_at).label("at"))
        .where(model.campaign_id == campaign_id, model.verdict == int(Verdict.PERSON))
        .group_by(model.delivery_id)
        .subquery()
    )
    hour = _hour(session, first.c.at)
    query: Select[int, int] = select(hour, func.count()).group_by(hour).order_by(hour).limit(limit)
    return [(int(at), count) for at, count in session.execute(query)]


def _hour(session: Session, at: ColumnElement[datetime]) -> ColumnElement[int]:
    is_postgresql = session.get_bind().dialect.name == "postgresql"
    seconds = func.floor(func.extract("epoch", at)) if is_postgresql else func.unixepoch(at)
    return cast(seconds, BigInteger) // 3600


def clicks_of_person(session: Session, subscriber_id: int, *, limit: int = 100) -> list[PersonClick]:
    """Return what was followed in one person's mails, the latest first."""
    rows = session.execute(
        select(Click, Link.target, Link.words)
        .join(Link, Link.id == Click.link_id)
        .where(Click.subscriber_id == subscriber_id)
        .order_by(Click.last_at.desc(), Click.id.desc())
        .limit(limit)
    )
    return [
        PersonClick(
            click.campaign_id,
            target,
            words,
            click.first_at,
            click.last_at,
            click.hits,
            Verdict(click.verdict),
        )
        for click, target, words in rows
    ]
