"""The public summary of a campaign: opt-in, at an address nobody can guess, with rounded numbers and no person in it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.accounts import audit
from newsletter.delivery.models import Campaign
from newsletter.delivery.states import CampaignState
from newsletter.errors import Conflict, NotFound
from newsletter.reporting.campaigns import campaign_report
from newsletter.reporting.clicks import item_table
from newsletter.reporting.models import SharedSummary
from newsletter.reporting.rounding import FEWEST, said, share

_TOKEN_BYTES: Final = 24
_MOST_ITEMS: Final = 5


@dataclass(frozen=True, slots=True)
class PublicSummary:
    """What everybody may read. Every number is in words, rounded; see `rounding`."""

    publication: str
    publication_slug: str
    language: str
    title: str
    number: int | None
    sent_on: date | None
    readers: str
    delivered: str
    left: str
    clicked: str
    #: The items that most people followed, with how many; none that few followed.
    items: tuple[tuple[str, str], ...]


def share_summary(session: Session, campaign: Campaign, *, actor: str, now: datetime) -> SharedSummary:
    """Open the public summary and return it with its address; again changes nothing.

    :raises Conflict: before the campaign has ended: numbers that move tell of single people.
    """
    known = shared_of(session, campaign.id)
    if known is not None:
        return known
    if campaign.state not in (CampaignState.FINISHED, CampaignState.CANCELLED):
        raise Conflict(f"This campaign is {campaign.state}: its summary can be shared once it has ended.")
    made = SharedSummary(
        campaign_id=campaign.id, token=secrets.token_urlsafe(_TOKEN_BYTES), shared_at=now, shared_by=actor
    )
    session.add(made)
    audit.record(session, actor=actor, action="report.share", object=f"campaign {campaign.id}")
    session.flush()
    return made


def unshare_summary(session: Session, campaign: Campaign, *, actor: str) -> None:
    """Close the public summary; its address never works again.

    :raises NotFound: when it is not shared.
    """
    known = shared_of(session, campaign.id)
    if known is None:
        raise NotFound("The summary of this campaign is not shared.")
    session.delete(known)
    audit.record(session, actor=actor, action="report.unshare", object=f"campaign {campaign.id}")


def shared_of(session: Session, campaign_id: int) -> SharedSummary | None:
    """Return the open summary of a campaign."""
    return session.scalar(select(SharedSummary).where(SharedSummary.campaign_id == campaign_id))


def public_summary(session: Session, token: str) -> PublicSummary:
    """Return what the address shows.

    :raises NotFound: for every other address; what was shared once looks like what never was.
    """
    shared = session.scalar(select(SharedSummary).where(SharedSummary.token == token))
    campaign = session.get(Campaign, shared.campaign_id) if shared else None
    if campaign is None:
        raise NotFound("There is nothing at this address.")
    return _summary(session, campaign)


def _summary(session: Session, campaign: Campaign) -> PublicSummary:
    report = campaign_report(session, campaign, is_exact=False)
    issue = campaign.issue
    return PublicSummary(
        publication=issue.publication.name,
        publication_slug=issue.publication.slug,
        language=issue.language or issue.publication.language,
        title=issue.title,
        number=issue.number,
        sent_on=campaign.started_at.date() if campaign.started_at else None,
        readers=said(report.sent),
        delivered=share(report.sent, report.sent + report.failed),
        left=said(report.unsubscribes),
        clicked=said(report.clicked) if report.clicked else "",
        items=_items(session, campaign),
    )


def _items(session: Session, campaign: Campaign) -> tuple[tuple[str, str], ...]:
    records = item_table(session, campaign).records()[:_MOST_ITEMS]
    counts = [(str(record["item"]), int(str(record["people"]))) for record in records]
    return tuple((title, said(people)) for title, people in counts if people >= FEWEST)
