"""What the public archive shows: issues that went out or came in as old ones, and what their authors wrote."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, UnaryExpression, select
from sqlalchemy.orm import Session

from newsletter.audience.models import MailingList
from newsletter.errors import NotFound
from newsletter.issues.assemble import snapshot_issue
from newsletter.issues.models import Issue, IssueSnapshotRow
from newsletter.issues.snapshot import IssueSnapshot
from newsletter.issues.states import IssueState

PUBLIC = (IssueState.SENT.value, IssueState.ARCHIVED.value)


@dataclass(frozen=True, slots=True)
class PublishedIssue:
    """An issue anybody may read. `content` is what went out; `snapshot` is the frozen mail, if it went out from here."""

    number: int
    title: str
    standfirst: str
    published_at: datetime | None
    content: IssueSnapshot
    snapshot: IssueSnapshot | None


def published_issues(
    session: Session, publication_id: int, *, limit: int, offset: int = 0
) -> list[PublishedIssue]:
    """Return issues by number, the highest first."""
    statement = (
        select(Issue)
        .where(Issue.publication_id == publication_id, Issue.state.in_(PUBLIC), Issue.number.is_not(None))
        .order_by(Issue.number.desc())
        .limit(limit)
        .offset(offset)
    )
    return [_published(session, issue) for issue in session.scalars(statement)]


def published_issue(session: Session, publication_id: int, number: int) -> PublishedIssue:
    """Return one issue.

    :raises NotFound: when it does not exist or is not out yet; both look the same from outside.
    """
    statement = select(Issue).where(
        Issue.publication_id == publication_id, Issue.number == number, Issue.state.in_(PUBLIC)
    )
    issue = session.scalar(statement) if number < 10**9 else None
    if issue is None:
        raise NotFound(f"There is no issue No. {number} here.")
    return _published(session, issue)


def _published(session: Session, issue: Issue) -> PublishedIssue:
    row = session.get(IssueSnapshotRow, issue.snapshot_id) if issue.snapshot_id else None
    frozen = IssueSnapshot.from_document(row.document) if row is not None else None
    return PublishedIssue(
        number=issue.number or 0,
        title=issue.title,
        standfirst=issue.preheader,
        published_at=issue.published_at or issue.approved_at,
        content=frozen or snapshot_issue(issue),
        snapshot=frozen if issue.state == IssueState.SENT else None,
    )


@dataclass(frozen=True, slots=True)
class Neighbour:
    """The issue before or after."""

    number: int
    title: str


def neighbours(
    session: Session, publication_id: int, number: int
) -> tuple[Neighbour | None, Neighbour | None]:
    """Return the issue before and the one after."""
    before, after = Issue.number < number, Issue.number > number
    return (
        _nearest(session, publication_id, before, Issue.number.desc()),
        _nearest(session, publication_id, after, Issue.number.asc()),
    )


def _nearest(
    session: Session, publication_id: int, side: ColumnElement[bool], order: UnaryExpression[int | None]
) -> Neighbour | None:
    statement = select(Issue).where(
        Issue.publication_id == publication_id, Issue.state.in_(PUBLIC), Issue.number.is_not(None), side
    )
    issue = session.scalars(statement.order_by(order).limit(1)).first()
    return Neighbour(issue.number or 0, issue.title) if issue is not None else None


def open_lists(session: Session, publication_id: int) -> list[MailingList]:
    """Return the lists that anybody may join."""
    statement = select(MailingList).where(
        MailingList.publication_id == publication_id, MailingList.visibility == "public"
    )
    return list(session.scalars(statement.order_by(MailingList.name)))
