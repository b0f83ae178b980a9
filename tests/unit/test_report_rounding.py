"""Public numbers: rounded, never small, and never a share from which a small number follows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.reporting.rounding import FEWEST, rounded, said, share


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "fewer than 10"), (9, "fewer than 10"), (10, "about 10"), (47, "about 50"), (123, "about 120"),
        (47_902, "about 48,000"), (999, "about 1,000"),
    ],
)  # fmt: skip
def test_counts_in_words(count: int, words: str) -> None:
    assert said(count) == words


@pytest.mark.parametrize(
    ("part", "whole", "words"),
    [
        (3, 50, ""),
        (500, 1000, "50 %"),
        (3, 1000, "less than 1 %"),
        (997, 1000, "more than 99 %"),
        (95, 100, "more than 90 %"),
    ],
)
def test_shares_in_words(part: int, whole: int, words: str) -> None:
    assert share(part, whole) == words


@given(st.integers(0, 10**7))
def test_nobody_can_be_told_from_a_rounded_number(count: int) -> None:
    """A number shown stands for ten others at least, and is off by no more than five or one in twenty."""
    shown = rounded(count)
    assert shown == 0 or abs(shown - count) <= max(5, count / 20)
    assert sum(rounded(near) == shown for near in range(max(0, count - 10), count + 11)) >= FEWEST
    assert (shown == 0) == (count < FEWEST)
    assert len(str(shown).rstrip("0")) <= 2


@given(st.integers(0, 5000), st.integers(0, 5000))
def test_no_share_tells_of_a_few(part: int, rest: int) -> None:
    words = share(part, part + rest)
    if 0 < part < FEWEST or 0 < rest < FEWEST:
        assert not words or words.startswith(("less", "more"))
