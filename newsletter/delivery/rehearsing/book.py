"""The rehearsals that were performed: stored, and found again for the campaign that follows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.audience.models import MailingList
from newsletter.delivery.models import Campaign
from newsletter.delivery.rehearsing.models import Comparison, KeptRehearsal
from newsletter.delivery.rehearsing.stage import Rehearsal
from newsletter.issues.models import Issue


def keep(
    session: Session, issue: Issue, lists: Sequence[MailingList], found: Rehearsal, *, actor: str, now: datetime
) -> KeptRehearsal:  # fmt: skip
    """Store what a rehearsal found, for the campaign that follows it."""
    kept = KeptRehearsal(
        issue_id=issue.id, content_hash=found.content_hash, lists=_names(lists), at=now, actor=actor, people=found.people,
        suppressed=found.suppressed, failed=found.failed, largest_bytes=found.largest_bytes, seconds=found.seconds,
        people_hash=found.readers.hex, hash=found.hash,
    )  # fmt: skip
    session.add(kept)
    session.flush()
    return kept


def _names(lists: Sequence[MailingList]) -> str:
    return " ".join(str(each) for each in sorted(each.id for each in lists))


def rehearsal_before(session: Session, campaign: Campaign) -> KeptRehearsal | None:
    """Return the newest rehearsal of the campaign's issue with the same lists before its audience stood."""
    if campaign.frozen_at is None or campaign.retry_of is not None:
        return None
    query = select(KeptRehearsal).where(
        KeptRehearsal.issue_id == campaign.issue_id, KeptRehearsal.lists == _names(campaign.lists),
        KeptRehearsal.at <= campaign.frozen_at,
    )  # fmt: skip
    return session.scalars(query.order_by(KeptRehearsal.id.desc()).limit(1)).first()


def comparison_of(session: Session, campaign_id: int) -> tuple[Comparison, KeptRehearsal] | None:
    """Return a campaign's comparison and the rehearsal it is held against, if there is one."""
    query = select(Comparison, KeptRehearsal).join(KeptRehearsal, KeptRehearsal.id == Comparison.rehearsal_id)
    found = session.execute(query.where(Comparison.campaign_id == campaign_id)).first()
    return (found[0], found[1]) if found else None
