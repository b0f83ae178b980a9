"""Why an address gets nothing, in one sentence: because of what, said by whom, on which day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from newsletter.audience.models import Suppression
from newsletter.feedback.models import FeedbackEntry

_BECAUSE: Final = {
    "soft_bounce": "mail to it kept failing",
    "complaint": "its owner marked a mail as spam",
    "unsubscribed": "its owner left",
    "manual": "somebody here decided so",
    "imported": "it came with an imported list of suppressions",
    "erased": "its owner was erased",
}
_DEAD: Final = "the mailbox does not exist"
_FAILED: Final = "mail to it failed for good"
_SOURCES: Final = {
    "mail": "a mail that came back",
    "smtp": "the server that was handed the mail",
    "hand": "a person who read the returned mail",
}
_OWN_WORDS: Final = ("bounce", "complaint", "web", "")


@dataclass(frozen=True, slots=True)
class Explanation:
    """The parts of the sentence. `quote` is what the server wrote, word for word; `said_by` may be empty."""

    because: str
    said_by: str
    quote: str
    at: datetime
    campaign_id: int | None


def explain(session: Session, suppression: Suppression) -> Explanation:
    """Return why an address is suppressed; the entry that led to it says most, where there is one."""
    entry = _cause(session, suppression)
    return Explanation(
        because=_because(suppression, entry),
        said_by=_said_by(suppression, entry),
        quote=(entry.diagnostic if entry else "") or suppression.detail,
        at=suppression.created_at,
        campaign_id=suppression.campaign_id,
    )


def _because(suppression: Suppression, entry: FeedbackEntry | None) -> str:
    if suppression.reason == "hard_bounce":
        return _FAILED if entry is not None and entry.reason != "dead" else _DEAD
    because = _BECAUSE.get(suppression.reason, suppression.reason.replace("_", " "))
    # A rule's sentence stands in the detail; the entry that met it is the last of several.
    return f"{because}: {suppression.detail}" if suppression.reason == "soft_bounce" and entry else because


def _said_by(suppression: Suppression, entry: FeedbackEntry | None) -> str:
    if entry is not None:
        return entry.said_by or _SOURCES.get(entry.source, entry.source)
    if suppression.created_by:
        return suppression.created_by
    return "" if suppression.source in _OWN_WORDS else suppression.source


def _cause(session: Session, suppression: Suppression) -> FeedbackEntry | None:
    """Return the latest entry before the suppression that can have led to it."""
    fits = _fitting(suppression.reason)
    if fits is None:
        return None
    return session.scalar(
        select(FeedbackEntry)
        .where(
            FeedbackEntry.address_key == suppression.address_key,
            FeedbackEntry.campaign_id == suppression.campaign_id,
            FeedbackEntry.at <= suppression.created_at,
            fits,
        )
        .order_by(FeedbackEntry.at.desc(), FeedbackEntry.id.desc())
        .limit(1)
    )


def _fitting(reason: str) -> ColumnElement[bool] | None:
    if reason == "complaint":
        return FeedbackEntry.word == "complained"
    kinds = {"hard_bounce": "hard", "soft_bounce": "soft"}
    return FeedbackEntry.kind == kinds[reason] if reason in kinds else None
