"""Every edit goes through `edited()`: it guards the version, keeps the state before for undo, and drops an approval."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from newsletter.clock import utcnow
from newsletter.errors import Conflict
from newsletter.issues.models import Issue, IssueRevision, Item, Section
from newsletter.issues.numbering import change_number, has_final_number
from newsletter.issues.states import IssueState, is_editable

KEPT_REVISIONS = 100
_CHANGED = "Somebody changed this issue meanwhile: load it again, look at both, then repeat your change."
WORDS = ("label", "title", "subject", "preheader", "intro", "outro", "language")
ITEM_WORDS = (
    "post_id", "kind", "display", "title", "blurb", "url", "image_url", "image_alt", "read_more", "placed", "placed_hash",
)  # fmt: skip


@contextmanager
def edited(
    session: Session, issue: Issue, what: str, *, actor: str = "", expected_version: int | None = None
) -> Iterator[None]:
    """Guard one edit of an issue.

    :raises Conflict: when the issue is frozen, or somebody changed it since `expected_version`.
    """
    lock_issue(session, issue)
    require_editable(issue, expected_version)
    session.flush()
    session.add(
        IssueRevision(
            issue_id=issue.id, version=issue.version, actor=actor, what=what, document=composition(issue)
        )
    )
    yield
    _touch(issue)
    session.flush()
    session.expire(issue, ["sections"])
    _forget_old(session, issue.id)


def lock_issue(session: Session, issue: Issue) -> None:
    """Hold the issue's row until the end of the transaction.

    :raises Conflict: when somebody changed it since it was read.
    """
    statement = select(Issue.version, Issue.state).where(Issue.id == issue.id).with_for_update()
    row = session.execute(statement).first()
    if row is None:
        raise Conflict("This issue was discarded meanwhile.")
    if tuple(row) != (issue.version, issue.state):
        raise Conflict(_CHANGED)


def require_editable(issue: Issue, expected_version: int | None = None) -> None:
    """Refuse an edit of a frozen issue or over somebody else's edit.

    :raises Conflict: with a sentence that says what to do.
    """
    if not is_editable(IssueState(issue.state)):
        raise Conflict(f"This issue is {issue.state} and cannot be changed any more.")
    if expected_version is not None and expected_version != issue.version:
        raise Conflict(_CHANGED)


def _touch(issue: Issue) -> None:
    issue.version += 1
    issue.updated_at = utcnow()
    if issue.state in (IssueState.APPROVED, IssueState.REVIEW):
        issue.state = IssueState.DRAFT.value
        issue.approved_hash = issue.approved_by = issue.approved_at = issue.snapshot_id = None


def composition(issue: Issue) -> dict[str, Any]:
    """Return everything an editor can change, as JSON."""
    return {
        "number": issue.number,
        "words": {word: getattr(issue, word) for word in WORDS},
        "sections": [
            {
                "title": section.title,
                "items": [{word: getattr(item, word) for word in ITEM_WORDS} for item in section.items],
            }
            for section in issue.sections
        ],
    }


def undo(session: Session, issue: Issue) -> str:
    """Take the last edit back and return what it was.

    :raises Conflict: when there is nothing to undo or the issue is frozen.
    """
    lock_issue(session, issue)
    require_editable(issue)
    statement = (
        select(IssueRevision)
        .where(IssueRevision.issue_id == issue.id)
        .order_by(IssueRevision.id.desc())
        .limit(1)
    )
    revision = session.scalars(statement).first()
    if revision is None:
        raise Conflict("There is nothing to undo.")
    _restore(session, issue, revision.document)
    what = revision.what
    session.delete(revision)
    _touch(issue)
    session.flush()
    return what


def _restore(session: Session, issue: Issue, document: dict[str, Any]) -> None:
    for word, value in document["words"].items():
        setattr(issue, word, value)
    number = document["number"]
    if number is not None and number != issue.number and not has_final_number(session, issue):
        change_number(session, issue, number)
    issue.sections.clear()
    session.flush()
    for place, section in enumerate(document["sections"]):
        items = [Item(position=position, **words) for position, words in enumerate(section["items"])]
        issue.sections.append(Section(title=section["title"], position=place, items=items))


def _forget_old(session: Session, issue_id: int) -> None:
    newest = (
        select(IssueRevision.id)
        .where(IssueRevision.issue_id == issue_id)
        .order_by(IssueRevision.id.desc())
        .offset(KEPT_REVISIONS)
        .limit(1)
        .scalar_subquery()
    )
    session.execute(
        delete(IssueRevision).where(IssueRevision.issue_id == issue_id, IssueRevision.id <= newest)
    )
