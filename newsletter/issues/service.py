"""Issues: create, find, edit, freeze, discard; and old issues found among imported posts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from newsletter.clock import utcnow
from newsletter.content.models import Post
from newsletter.errors import Conflict, InvalidInput, NotFound
from newsletter.issues.assemble import snapshot_issue
from newsletter.issues.composing import post_item
from newsletter.issues.models import Issue, IssueSnapshotRow, Item, Publication, Section
from newsletter.issues.numbering import claim_number, missing_numbers, next_number, release_number
from newsletter.issues.publications import create_publication, get_publication, list_publications
from newsletter.issues.revisions import edited, require_editable
from newsletter.issues.snapshot import IssueSnapshot
from newsletter.issues.states import IssueState, number_is_final, require_move
from newsletter.issues.tray import tray

__all__ = [
    "approve_issue", "archive_imported_issues", "create_issue", "create_publication", "discard_issue", "edit_issue",
    "find_issue", "get_publication", "list_issues", "list_publications", "mark_sent", "missing_numbers",
    "take_snapshot", "tray",
]  # fmt: skip

EDITABLE_WORDS = ("number", "label", "title", "subject", "preheader", "intro", "outro", "language")
MOST_ITEMS = 500


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
) -> Issue:
    """Create the next issue with the named posts, or those of the tray (`unsent`, `since`), in one section.

    :raises NotFound: when a named post does not exist.
    """
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
        title=title if title is not None else default,
        subject=subject if subject is not None else default,
        preheader=preheader or "",
        state=IssueState.DRAFT.value,
        sections=[section],
    )
    session.add(issue)
    session.flush()
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

    :raises Conflict: when the issue is frozen, changed meanwhile, or the number is taken or final.
    """
    unknown = set(changes) - set(EDITABLE_WORDS)
    if unknown:
        raise InvalidInput(f"An issue has no {sorted(unknown)[0]!r}.")
    require_editable(issue, expected_version)
    if all(getattr(issue, word) == value for word, value in changes.items()):
        return issue
    number = changes.get("number", issue.number)
    if number is not None and number != issue.number:
        if number_is_final(IssueState(issue.state)):
            raise Conflict(
                f"No. {issue.number} is final since the approval. Take the approval back to change it."
            )
        claim_number(session, issue.publication_id, int(number), issue_id=issue.id)
    with edited(
        session, issue, f"change the {', '.join(changes)}", actor=actor, expected_version=expected_version
    ):
        for word, value in changes.items():
            setattr(issue, word, value)
    return issue


def take_snapshot(session: Session, issue: Issue) -> IssueSnapshot:
    """Return the issue as it would be sent now."""
    session.flush()
    return snapshot_issue(issue)


def approve_issue(session: Session, issue: Issue, *, actor: str) -> IssueSnapshotRow:
    """Freeze the issue as it is now and bind the approval to its content hash. Checks are the caller's.

    :raises Conflict: when the issue is in no state to be approved.
    """
    state = IssueState(issue.state)
    if state is IssueState.APPROVED and issue.snapshot_id is not None:
        return session.get_one(IssueSnapshotRow, issue.snapshot_id)
    require_move(state, IssueState.APPROVED)
    snapshot = take_snapshot(session, issue)
    row = _stored(session, issue, snapshot)
    issue.state = IssueState.APPROVED.value
    issue.approved_hash, issue.snapshot_id = row.content_hash, row.id
    issue.approved_by, issue.approved_at = actor, utcnow()
    session.flush()
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


def mark_sent(session: Session, issue_id: int, now: datetime) -> None:
    """Note that the first message left; from now on the issue is frozen for good."""
    issue = session.get_one(Issue, issue_id)
    if issue.state == IssueState.APPROVED:
        issue.state = IssueState.SENT.value
        issue.published_at = now


def discard_issue(session: Session, issue: Issue) -> None:
    """Delete a draft; its number is free again only if it is the highest.

    :raises Conflict: when the issue was approved or sent.
    """
    if issue.state not in (IssueState.DRAFT, IssueState.REVIEW):
        raise Conflict(f"This issue is {issue.state}; only a draft can be discarded.")
    release_number(session, issue)
    session.delete(issue)
    session.flush()


def archive_imported_issues(session: Session, publication: Publication) -> list[Issue]:
    """Turn imported posts that are old issues ("… Newsletter No. 67") into archived issues with that number.

    A number that is taken already is left alone: the issue here wins over the one found.
    """
    known = select(Issue.imported_post_id).where(Issue.imported_post_id.is_not(None))
    taken = set(session.scalars(select(Issue.number).where(Issue.publication_id == publication.id)))
    posts = session.scalars(
        select(Post).where(Post.issue_number.is_not(None), Post.id.not_in(known)).order_by(Post.id)
    )
    made = []
    for post in posts:
        if post.issue_number in taken or post.issue_number is None:
            continue
        taken.add(claim_number(session, publication.id, post.issue_number))
        made.append(_archived(publication, post))
    session.add_all(made)
    session.flush()
    return made


def _archived(publication: Publication, post: Post) -> Issue:
    item = post_item(post, "full")
    return Issue(
        publication=publication,
        number=post.issue_number,
        state=IssueState.ARCHIVED.value,
        title=post.title,
        subject=post.title,
        imported_post_id=post.id,
        published_at=post.published_at,
        sections=[Section(title="", position=0, items=[_first(item)])],
    )


def _first(item: Item) -> Item:
    item.position = 0
    return item
