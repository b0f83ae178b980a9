"""The states of an issue and which may follow which. Sending has its own states on the campaign."""

from __future__ import annotations

from enum import StrEnum

from newsletter.errors import Conflict


class IssueState(StrEnum):
    """draft → review → approved → sent, or archived (an old issue found among imported posts)."""

    DRAFT = "draft"
    REVIEW = "review"
    APPROVED = "approved"
    SENT = "sent"
    ARCHIVED = "archived"


_MOVES: dict[IssueState, frozenset[IssueState]] = {
    IssueState.DRAFT: frozenset({IssueState.REVIEW, IssueState.APPROVED, IssueState.ARCHIVED}),
    IssueState.REVIEW: frozenset({IssueState.DRAFT, IssueState.APPROVED}),
    IssueState.APPROVED: frozenset({IssueState.DRAFT, IssueState.SENT}),
    IssueState.SENT: frozenset(),
    IssueState.ARCHIVED: frozenset(),
}


def can_move(current: IssueState, following: IssueState) -> bool:
    """Say whether `following` may come after `current`."""
    return following in _MOVES[current]


def require_move(current: IssueState, following: IssueState) -> IssueState:
    """Return `following`, or say in a sentence why it cannot come next.

    :raises Conflict: when the move is not allowed.
    """
    if not can_move(current, following):
        raise Conflict(f"This issue is {current.value}; it cannot become {following.value}.")
    return following


def is_editable(state: IssueState) -> bool:
    """Draft, review and approved can be edited (an edit drops the approval); sent and archived are frozen."""
    return state in (IssueState.DRAFT, IssueState.REVIEW, IssueState.APPROVED)


def number_is_final(state: IssueState) -> bool:
    """From approval on a number is never changed or reused."""
    return state in (IssueState.APPROVED, IssueState.SENT, IssueState.ARCHIVED)
