"""Thresholds of the brakes: just below nothing happens, at them a warning or a stop (T7)."""

from __future__ import annotations

import pytest

from newsletter.clock import utcnow
from newsletter.delivery.brakes.thresholds import Counts, Level, judge_counts
from newsletter.delivery.sending.journal import Result
from newsletter.delivery.sending.tally import FLUSH_SECONDS, Tally
from newsletter.delivery.states import DeliveryState

NOW = utcnow()


@pytest.mark.parametrize(
    ("counts", "level"),
    [
        (Counts(), Level.FREE),
        (Counts(attempts=199, hard=199), Level.FREE),
        (Counts(attempts=200, hard=3), Level.FREE),
        (Counts(attempts=200, hard=4), Level.WARN),
        (Counts(attempts=200, hard=9), Level.WARN),
        (Counts(attempts=200, hard=10), Level.STOP),
        (Counts(attempts_of_day=1000, hard_of_day=19), Level.FREE),
        (Counts(attempts=200, hard=1, attempts_of_day=1000, hard_of_day=50), Level.STOP),
        (Counts(attempts=1000, unwritable=9), Level.FREE),
        (Counts(attempts=1000, unwritable=10), Level.STOP),
        (Counts(attempts_of_day=1000, complaints=2), Level.FREE),
        (Counts(attempts_of_day=3001, complaints=3), Level.FREE),
        (Counts(attempts_of_day=3000, complaints=3), Level.WARN),
        (Counts(attempts_of_day=1000, complaints=3), Level.STOP),
        (Counts(attempts_of_day=199, groups={"google": (199, 199)}), Level.FREE),
        (Counts(attempts_of_day=9999, groups={"google": (19, 19)}), Level.FREE),
        (Counts(attempts_of_day=9999, groups={"google": (100, 9)}), Level.FREE),
        (Counts(attempts_of_day=9999, groups={"other": (100, 1), "google": (100, 10)}), Level.STOP),
    ],
)
def test_levels(counts: Counts, level: Level) -> None:
    verdict = judge_counts(counts)
    assert verdict.level is level
    assert bool(verdict.why) is (level is not Level.FREE)


def answer(state: DeliveryState, reason: str | None = None, bounce: str | None = None) -> Result:
    return Result(1, 1, state, NOW, reason=reason, bounce=bounce)


def test_a_sender_counts_final_answers_only() -> None:
    tally = Tally()
    tally.count("google", answer(DeliveryState.SENT))
    tally.count("google", answer(DeliveryState.DEFERRED, "policy"))
    tally.count("google", answer(DeliveryState.FAILED, "dead", "hard"))
    tally.count("yahoo", answer(DeliveryState.FAILED, "policy", "soft"))
    tally.count_unwritable()
    assert not tally.is_due(FLUSH_SECONDS - 0.1, is_last=False)
    assert tally.is_due(FLUSH_SECONDS, is_last=False)
    total, group = tally.take(FLUSH_SECONDS, is_last=False)
    assert (total["attempts"], total["hard"], total["unwritable"], total["policy"]) == (4, 1, 1, 0)
    assert (group["group_name"], group["attempts"], group["policy"]) == ("yahoo", 1, 1)


def test_a_long_tail_of_groups_waits_until_the_end() -> None:
    tally = Tally()
    tally.count("google", answer(DeliveryState.SENT))
    assert [row["group_name"] for row in tally.take(2.0, is_last=False)] == [""]
    assert not tally.is_due(9.0, is_last=True)
    tally.count("google", answer(DeliveryState.SENT))
    assert [(row["group_name"], row["attempts"]) for row in tally.take(9.0, is_last=True)] == [
        ("", 1),
        ("google", 2),
    ]
