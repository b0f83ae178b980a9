"""Repair of a link in mail that was sent: its id stays, its target changes, and every change can be undone."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.accounts import audit
from newsletter.delivery.control.link_models import Link, LinkRepair
from newsletter.errors import Conflict, InvalidInput, NotFound
from newsletter.rendering.links import TRAP, is_web_address


def find_link(session: Session, link_id: int, *, issue_id: int | None = None) -> Link:
    """Return a link that people see; with `issue_id` one of that issue.

    :raises NotFound: when there is none.
    """
    link = session.get(Link, link_id, with_for_update=True)
    if link is None or link.place == TRAP or issue_id not in (None, link.issue_id):
        raise NotFound(f"There is no link {link_id} here: list them with 'newsletter links list'.")
    return link


def repair_link(session: Session, link: Link, target: str, *, actor: str, now: datetime) -> None:
    """Lead everybody who follows the link from now on to another page; mail already sent included.

    :raises InvalidInput: for anything but an absolute http or https address.
    :raises Conflict: when it leads there already.
    """
    wanted = target.strip()
    if not is_web_address(wanted):
        raise InvalidInput("A link leads to a whole address: one that begins with https:// or http://.")
    if wanted == link.target:
        raise Conflict("The link leads there already; nothing was changed.")
    _change(session, link, wanted, "link.repair", actor, now)


def undo_repair(session: Session, link: Link, *, actor: str, now: datetime) -> None:
    """Take the last change back; doing it again takes back the undoing.

    :raises Conflict: when the link was never changed.
    """
    last = session.scalar(
        select(LinkRepair).where(LinkRepair.link_id == link.id).order_by(LinkRepair.id.desc()).limit(1)
    )
    if last is None:
        raise Conflict("This link still leads where it led when the mail was sent: there is nothing to undo.")
    _change(session, link, last.before, "link.undo", actor, now)


def repairs_of(session: Session, issue_id: int) -> list[tuple[LinkRepair, Link]]:
    """Return the changes to an issue's links, the latest first."""
    query = select(LinkRepair, Link).join(Link, Link.id == LinkRepair.link_id)
    rows = session.execute(query.where(Link.issue_id == issue_id).order_by(LinkRepair.id.desc()).limit(100))
    return [(repair, link) for repair, link in rows]


def _change(session: Session, link: Link, target: str, action: str, actor: str, now: datetime) -> None:
    session.add(LinkRepair(link_id=link.id, at=now, actor=actor, before=link.target, after=target))
    details = {"before": link.target, "after": target}
    link.target = target
    session.flush()
    audit.record(session, actor=actor, action=action, object=f"link {link.id}", details=details)
