"""The links of an issue are written down before the first mail that carries them leaves."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.audience.upsert import insert_if_new
from newsletter.delivery.control.link_models import Link
from newsletter.delivery.sending.outgoing import MailRoom
from newsletter.issues.models import Issue
from newsletter.issues.service import take_snapshot
from newsletter.rendering.message import CompiledMessage


def keep_links_of(session: Session, issue: Issue, room: MailRoom) -> None:
    """Add the links of an issue as it is now, so that those of a test mail lead somewhere."""
    keep_links(session, issue.id, room.compiled(take_snapshot(session, issue), None))


def keep_links(session: Session, issue_id: int, message: CompiledMessage) -> None:
    """Add the links that the database does not know. What was repaired stays repaired; two senders at once are harmless."""
    known = set(session.scalars(select(Link.key).where(Link.issue_id == issue_id)))
    missing = [
        {
            "issue_id": issue_id, "key": key, "place": link.place, "item_id": link.item_id, "position": position,
            "words": link.words, "original": link.target, "target": link.target,
        }
        for position, (key, link) in enumerate(message.links)
        if key not in known
    ]  # fmt: skip
    if missing:
        session.execute(insert_if_new(session, Link), missing)
