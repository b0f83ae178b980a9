"""Whose database this is: a backup that is restored elsewhere sends nothing until somebody adopts it (R16).

The database holds one instance id, the installation has one too. Whatever sends compares them, once per task.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from newsletter.accounts import audit
from newsletter.delivery.events import note_once
from newsletter.delivery.models import Campaign, Installation
from newsletter.delivery.states import CampaignState
from newsletter.errors import Conflict

ONLY_ROW = 1
_LIVE = (CampaignState.SCHEDULED.value, CampaignState.FREEZING.value, CampaignState.SENDING.value)
STRAY = (
    "This database belongs to another installation (a restored backup?): nothing is sent from here. "
    "When the other one will never send again, run 'newsletter instance adopt'."
)


@dataclass(frozen=True, slots=True)
class Standing:
    """The database's instance id (None before the first start) beside this installation's."""

    database: str | None
    here: str
    adopted_at: datetime | None
    adopted_by: str

    @property
    def is_home(self) -> bool:
        """True when this installation may send."""
        return self.database is None or self.database == self.here


def standing(session: Session, here: str) -> Standing:
    """Read whose database this is."""
    row = session.get(Installation, ONLY_ROW)
    if row is None:
        return Standing(None, here, None, "")
    return Standing(row.instance, here, row.adopted_at, row.adopted_by)


def is_home(session: Session, here: str) -> bool:
    """Say whether what is due may be sent from here; a fresh database belongs to whoever starts first."""
    owner = session.scalar(select(Installation.instance).where(Installation.id == ONLY_ROW))
    return owner is None or owner == here


def must_be_home(session: Session, here: str) -> None:
    """Refuse to send from a copy.

    :raises Conflict: when the database belongs to another installation.
    """
    if not is_home(session, here):
        raise Conflict(STRAY)


def adopt_fresh(session: Session, here: str, *, now: datetime) -> bool:
    """Make a fresh database ours and return whether it is ours; of two machines that start at once one wins."""
    if session.scalar(select(Installation.id)) is None:
        dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
        values = {"id": ONLY_ROW, "instance": here, "adopted_at": now, "adopted_by": "first start"}
        session.execute(dialect.insert(Installation).values(values).on_conflict_do_nothing())
    return is_home(session, here)


def adopt(session: Session, here: str, *, actor: str, now: datetime) -> Standing:
    """Make the database ours: the person vouches that no other installation sends from a copy of it."""
    before = standing(session, here)
    session.merge(Installation(id=ONLY_ROW, instance=here, adopted_at=now, adopted_by=actor))
    session.flush()
    details = {"before": before.database, "now": here}
    audit.record(session, actor=actor, action="instance.adopt", object="installation", details=details)
    return before


def tell_campaigns(session: Session, *, now: datetime) -> None:
    """Write into the log of every campaign that would be sent why it is not."""
    for campaign_id in session.scalars(select(Campaign.id).where(Campaign.state.in_(_LIVE))).all():
        note_once(session, campaign_id, STRAY, now=now)
