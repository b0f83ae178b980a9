"""Issue states: what may follow what, for every pair."""

from __future__ import annotations

import itertools

import pytest

from newsletter.errors import Conflict
from newsletter.issues.snapshot import direction_of
from newsletter.issues.states import IssueState, can_move, is_editable, number_is_final, require_move

ALLOWED = {
    ("draft", "review"), ("draft", "approved"), ("draft", "archived"), ("review", "draft"), ("review", "approved"),
    ("approved", "draft"), ("approved", "sent"),
}  # fmt: skip


@pytest.mark.parametrize(("current", "following"), list(itertools.product(IssueState, IssueState)))
def test_every_pair(current: IssueState, following: IssueState) -> None:
    assert can_move(current, following) == ((current.value, following.value) in ALLOWED)
    if not can_move(current, following):
        with pytest.raises(Conflict, match=f"is {current.value}"):
            require_move(current, following)


def test_frozen_states_keep_their_number() -> None:
    assert [state.value for state in IssueState if number_is_final(state)] == ["approved", "sent", "archived"]
    assert [state.value for state in IssueState if is_editable(state)] == ["draft", "review", "approved"]


@pytest.mark.parametrize(
    ("tag", "direction"),
    [("fa", "rtl"), ("ar-EG", "rtl"), ("he_IL", "rtl"), ("en", "ltr"), ("arn", "ltr"), ("", "ltr")],
)
def test_direction(tag: str, direction: str) -> None:
    assert direction_of(tag) == direction
