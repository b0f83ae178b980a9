"""Counts of the brakes kept small: what no short window looks at any more is added up to a row a minute."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

from sqlalchemy import and_, delete, func, insert, select
from sqlalchemy.orm import Session

from newsletter.delivery.brakes.thresholds import DAY, GROUP_WINDOW
from newsletter.delivery.models import AttemptTally

#: A day folded is 1,440 rows; a campaign is folded again when so many more have gathered.
SLACK = 3_000
COUNTS = ("attempts", "hard", "policy", "unwritable", "complaints")


def fold_tallies(session: Session, now: datetime) -> None:
    """Fold the counts of every campaign that has many. Two at once are harmless: a row is deleted by one of them."""
    row, old = AttemptTally, AttemptTally.at < now - GROUP_WINDOW
    many = select(row.campaign_id).where(old).group_by(row.campaign_id).having(func.count() > SLACK)
    for campaign_id in session.scalars(many).all():
        _fold(session, campaign_id, now)


def _fold(session: Session, campaign_id: int, now: datetime) -> None:
    row = AttemptTally
    old = and_(row.campaign_id == campaign_id, row.at < now - GROUP_WINDOW)
    columns = (row.at, row.group_name, *(getattr(row, name) for name in COUNTS))
    gone = session.execute(
        delete(row).where(old).returning(*columns).execution_options(synchronize_session=False)
    ).all()
    sums: defaultdict[datetime, list[int]] = defaultdict(lambda: [0] * len(COUNTS))
    for at, group_name, *counts in gone:
        # Of a group only the last ten minutes matter.
        if not group_name and at > now - DAY:
            minute = at.replace(second=0, microsecond=0)
            sums[minute] = [one + more for one, more in zip(sums[minute], counts, strict=True)]
    folded = [
        {"campaign_id": campaign_id, "at": minute, "group_name": "", **dict(zip(COUNTS, total, strict=True))}
        for minute, total in sums.items()
    ]
    if folded:
        session.execute(insert(row), folded)
