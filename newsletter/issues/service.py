"""Issues: create, find, edit, freeze, discard."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from newsletter.accounts import audit
from newsletter.clock import utcnow
from newsletter.content.models import Post
from newsletter.errors import Conflict, InvalidInput, NotFound
from newsletter.issues.archiving import archive_imported_issues
from newsletter.issues.assemble import snapshot_issue
from newsletter.issues.composing import MOST_ITEMS, check_display, post_item
from newsletter.issues.models import Issue, IssueSnapshotRow, Publication, Section
from newsletter.issues.numbering import (
    change_number,
    has_final_number,
    missing_numbers,
    next_number,
    release_number,
)
from newsletter.issues.publications import (
    create_publication,
    edit_publication,
    get_publication,
    list_publications,
)
from newsletter.issues.revisions import edited, lock_issue, require_editable
from newsletter.issues.snapshot import IssueSnapshot
from newsletter.issues.states import IssueState, is_editable, require_move
from newsletter.issues.tray import tray
from newsletter.issues.wording import clean_issue_changes

__all__ = [
    "approve_issue", "archive_imported_issues", "create_issue", "create_publication", "current_snapshot", "discard_issue",
    "edit_issue", "edit_publication", "find_issue", "get_publication", "list_issues", "list_publications", "mark_sent", "missing_numbers",
    "ref_of", "request_review", "take_snapshot", "tray",
]  # fmt: skip

#: Who did it when nobody is signed in: the command line and the workers.
SYSTEM = "system"


def create_issue(
    session: Session,
    publication: Publication,
    *,
    post_ids: Sequence[int] | None = None,
    since: datetime | None = None,
    unsent: bool = False,
    limit: int | None = None,
    display: str = "excerpt",
    title: str | None = None,
    subject: str | None = None,
    preheader: str | None = None,
    actor: str = "",
) -> Issue:
    """Create the next issue with the named posts, or those of the tray (`unsent`, `since`), in one section.

    :raises NotFound: when a named post does not exist.
    :raises InvalidInput: for words that do not fit.
    """
    check_display(display)
    words = {"title": title, "subject": subject, "preheader": preheader}
    chosen_words = clean_issue_changes({name: value for name, value in words.items() if value is not None})
    posts = _chosen(session, publication, post_ids, since=since, unsent=unsent, limit=limit)
    number = next_number(session, publication.id)
    default = f"{publication.name} No. {number}"
    section = Section(title="", position=0)
    for position, post in enumerate(posts):
        item = post_item(post, display)
        item.position = position
        section.items.append(item)
    issue = Issue(
        publication=publication,
        number=number,
        state=IssueState.DRAFT.value,
        sections=[section],
        **({"title": default, "subject": default} | chosen_words),
    )
    session.add(issue)
    session.flush()
    audit.record(session, actor=actor or SYSTEM, action="issue.create", object=ref_of(issue))
    return issue


def _chosen(
    session: Session,
    publication: Publication,
    post_ids: Sequence[int] | None,
    *,
    since: datetime | None,
    unsent: bool,
    limit: int | None,
) -> list[Post]:
    if post_ids is not None:
        return _posts(session, post_ids)[:limit]
    if unsent or since is not None:
        return tray(session, publication, since=since, include_used=not unsent, limit=limit or MOST_ITEMS)
    return []


def _posts(session: Session, post_ids: Sequence[int]) -> list[Post]:
    if len(set(post_ids)) != len(post_ids):
        raise InvalidInput("A post is named twice.")
    found = {post.id: post for post in session.scalars(select(Post).where(Post.id.in_(post_ids)))}
    missing = [str(post_id) for post_id in post_ids if post_id not in found]
    if missing:
        raise NotFound(f"There is no post {', '.join(missing)}: see 'newsletter posts list'.")
    return [found[post_id] for post_id in post_ids]


def ref_of(issue: Issue) -> str:
    """Return how people name an issue: `letter/67`."""
    return f"{issue.publication.slug}/{issue.number}" if issue.number is not None else str(issue.id)


def find_issue(session: Session, ref: str) -> Issue:
    """Return the issue that REF names: `P/67`, or an id.

    :raises NotFound: when there is none.
    """
    slug, slash, number = ref.rpartition("/")
    statement = select(Issue).options(selectinload(Issue.sections).selectinload(Section.items))
    if slash and number.isdecimal() and len(number) < 10:
        statement = statement.join(Publication).where(Publication.slug == slug, Issue.number == int(number))
    elif ref.isdecimal() and len(ref) < 18:
        statement = statement.where(Issue.id == int(ref))
    else:
        raise NotFound(f"{ref!r} names no issue: write PUBLICATION/NUMBER, like letter/67, or an id.")
    issue = session.scalars(statement).first()
    if issue is None:
        raise NotFound(f"There is no issue {ref}.")
    return issue


def list_issues(session: Session, publication: Publication | None = None) -> list[Issue]:
    """Return issues, the newest number first."""
    statement = select(Issue).options(selectinload(Issue.publication))
    if publication is not None:
        statement = statement.where(Issue.publication_id == publication.id)
    return list(session.scalars(statement.order_by(Issue.number.desc().nulls_first(), Issue.id.desc())))


def edit_issue(
    session: Session,
    issue: Issue,
    changes: dict[str, Any],
    *,
    expected_version: int | None = None,
    actor: str = "",
) -> Issue:
    """Change the issue's own words or its number; an approval is dropped.

    :raises InvalidInput: for an unknown field or a value that does not fit.
    :raises Conflict: when the issue is frozen, changed meanwhile, or the number is taken or final.
    """
    wanted = clean_issue_changes(changes)
    require_editable(issue, expected_version)
    different = {word: value for word, value in wanted.items() if getattr(issue, word) != value}
    if not different:
        return issue
    what = f"change the {', '.join(different)}"
    with edited(session, issue, what, actor=actor, expected_version=expected_version):
        if "number" in different:
            change_number(session, issue, different.pop("number"))
        for word, value in different.items():
            setattr(issue, word, value)
    return issue


def take_snapshot(session: Session, issue: Issue) -> IssueSnapshot:
    """Return the issue as it would be sent now."""
    session.flush()
    return snapshot_issue(issue)


def current_snapshot(session: Session, issue: Issue) -> IssueSnapshot:
    """Return what was approved or sent; for a draft or an old issue what it is now."""
    if issue.snapshot_id is None:
        return take_snapshot(session, issue)
    return IssueSnapshot.from_document(session.get_one(IssueSnapshotRow, issue.snapshot_id).document)


def approve_issue(session: Session, issue: Issue, *, actor: str) -> IssueSnapshotRow:
    """Freeze the issue as it is now and bind the approval to its content hash. Checks are the caller's.

    :raises Conflict: when the issue is in no state to be approved.
    """
    state = IssueState(issue.state)
    if state is IssueState.APPROVED and issue.snapshot_id is not None:
        return session.get_one(IssueSnapshotRow, issue.snapshot_id)
    require_move(state, IssueState.APPROVED)
    lock_issue(session, issue)
    snapshot = take_snapshot(session, issue)
    row = _stored(session, issue, snapshot)
    issue.state = IssueState.APPROVED.value
    issue.approved_hash, issue.snapshot_id = row.content_hash, row.id
    issue.approved_by, issue.approved_at = actor, utcnow()
    session.flush()
    audit.record(
        session,
        actor=actor,
        action="issue.approve",
        object=ref_of(issue),
        details={"content_hash": row.content_hash},
    )
    return row


def _stored(session: Session, issue: Issue, snapshot: IssueSnapshot) -> IssueSnapshotRow:
    content_hash = snapshot.content_hash()
    known = select(IssueSnapshotRow).where(
        IssueSnapshotRow.issue_id == issue.id, IssueSnapshotRow.content_hash == content_hash
    )
    row = session.scalars(known).first()
    if row is None:
        row = IssueSnapshotRow(issue_id=issue.id, content_hash=content_hash, document=snapshot.to_document())
        session.add(row)
        session.flush()
    return row


def request_review(session: Session, issue: Issue) -> None:
    """Hand a draft to somebody else's eyes."""
    issue.state = require_move(IssueState(issue.state), IssueState.REVIEW).value
    session.flush()


def mark_sent(session: Session, issue_id: int, now: datetime, *, snapshot_id: int | None = None) -> None:
    """Note that the first message left; from now on the issue is frozen for good. Safe to call again.

    `snapshot_id` is what was sent: an edit that slipped in between start and first message does not change that.
    """
    issue = session.get_one(Issue, issue_id)
    if is_editable(IssueState(issue.state)):
        issue.state = IssueState.SENT.value
        issue.published_at = now
        issue.snapshot_id = snapshot_id or issue.snapshot_id


def discard_issue(session: Session, issue: Issue, *, actor: str = "") -> None:
    """Delete a draft that was never approved; its number is free again only if it is the highest.

    :raises Conflict: when the issue was ever approved: its number is final and stays with it.
    """
    if has_final_number(session, issue):
        raise Conflict(
            f"No. {issue.number} was approved, its number is final: change the issue instead of discarding it."
        )
    lock_issue(session, issue)
    audit.record(session, actor=actor or SYSTEM, action="issue.discard", object=ref_of(issue))
    release_number(session, issue)
    session.delete(issue)
    session.flush()
