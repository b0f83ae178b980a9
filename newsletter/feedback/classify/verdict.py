"""From what a report says about one recipient to hard or soft; only words or codes about a dead address make `hard`."""

from __future__ import annotations

from dataclasses import dataclass

from newsletter.feedback.classify.failures import Action, Failure
from newsletter.feedback.classify.values import Kind, Reason
from newsletter.reasons import best_status, is_passing, reason_of


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one recipient."""

    kind: Kind
    reason: Reason
    status: str | None


def judge(failure: Failure, notice: str = "") -> Verdict:
    """Return the verdict on one recipient; `notice` is the human text, asked when the machine's words say nothing."""
    status = best_status(failure.status, failure.diagnostic, notice)
    if failure.action is Action.DELIVERED:
        return Verdict(Kind.NONE, Reason.UNKNOWN, status)
    if failure.action is Action.DELAYED:
        return Verdict(Kind.SOFT, Reason.DELAYED, status)
    reason = reason_of(failure.diagnostic, status or "", notice)
    passing = is_passing(failure.diagnostic or notice, status or "")
    return Verdict(Kind.HARD if reason is Reason.DEAD and not passing else Kind.SOFT, reason, status)
