"""Numbers of issues: from a counter under a lock, provisional in a draft, final from approval, never reused."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.errors import Conflict, InvalidInput
from newsletter.issues.models import Issue, IssueSnapshotRow, Publication
from newsletter.issues.states import IssueState, number_is_final

HIGHEST_NUMBER = 1_000_000


def lock_publication(session: Session, publication_id: int) -> Publication:
    """Hold the publication's row until the end of the transaction (SQLite holds the whole database already)."""
    statement = select(Publication).where(Publication.id == publication_id).with_for_update()
    return session.execute(statement.execution_options(populate_existing=True)).scalar_one()


def next_number(session: Session, publication_id: int) -> int:
    """Take the next free number and move the counter past it."""
    publication = lock_publication(session, publication_id)
    number = publication.next_number
    while _taken(session, publication_id, number):
        number += 1
    publication.next_number = number + 1
    return number


def claim_number(session: Session, publication_id: int, number: int, *, issue_id: int | None = None) -> int:
    """Take a number that a person (or an old issue) names; moves the counter past it when it is the highest.

    :raises InvalidInput: when the number is out of range.
    :raises Conflict: when another issue has it.
    """
    if not 0 <= number <= HIGHEST_NUMBER:
        raise InvalidInput(f"An issue number is between 0 and {HIGHEST_NUMBER:,}.")
    publication = lock_publication(session, publication_id)
    holder = session.scalar(
        select(Issue.id).where(Issue.publication_id == publication_id, Issue.number == number)
    )
    if holder is not None and holder != issue_id:
        raise Conflict(f"No. {number} is taken by another issue of {publication.name}.")
    publication.next_number = max(publication.next_number, number + 1)
    return number


def change_number(session: Session, issue: Issue, number: int) -> None:
    """Give a draft another number. Mistyping 670 for 67 and mending it leaves no hole: the highest goes back.

    :raises Conflict: when the number is final or taken.
    """
    if has_final_number(session, issue):
        raise Conflict(f"No. {issue.number} is final since the approval: it cannot become No. {number}.")
    before = issue.number
    claim_number(session, issue.publication_id, number, issue_id=issue.id)
    publication = lock_publication(session, issue.publication_id)
    if before is not None and before == publication.next_number - 1 and number < before:
        publication.next_number = max(_highest_other(session, issue), number) + 1
    issue.number = number


def release_number(session: Session, issue: Issue) -> None:
    """Give a discarded draft's number back, only when it is the highest."""
    publication = lock_publication(session, issue.publication_id)
    if issue.number is not None and issue.number == publication.next_number - 1:
        publication.next_number = issue.number


def has_final_number(session: Session, issue: Issue) -> bool:
    """Say whether the issue was ever approved: an edit drops the approval, but never frees the number."""
    if number_is_final(IssueState(issue.state)):
        return True
    frozen = select(IssueSnapshotRow.id).where(IssueSnapshotRow.issue_id == issue.id).limit(1)
    return session.scalar(frozen) is not None


def _highest_other(session: Session, issue: Issue) -> int:
    statement = select(func.max(Issue.number)).where(
        Issue.publication_id == issue.publication_id, Issue.id != issue.id
    )
    return session.scalar(statement) or 0


def missing_numbers(session: Session, publication_id: int) -> list[int]:
    """Return the gaps between the lowest and the highest number ("12 and 31 were never sent")."""
    statement = select(Issue.number).where(Issue.publication_id == publication_id)
    numbers = {number for number in session.scalars(statement) if number is not None}
    return sorted(set(range(min(numbers), max(numbers))) - numbers) if numbers else []


def _taken(session: Session, publication_id: int, number: int) -> bool:
    statement = select(func.count()).where(Issue.publication_id == publication_id, Issue.number == number)
    return bool(session.scalar(statement))
