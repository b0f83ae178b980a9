"""From what a server said to hard or soft. Words win over codes; only words or codes about a dead address make `hard`.

RFC 3463 gives the codes. A generic code (5.0.0, and Exchange's 5.5.0) says nothing: a precise one inside the diagnostic
beats it, and without any the words decide alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from newsletter.feedback.classify.failures import Action, Failure
from newsletter.feedback.classify.values import Kind, Reason
from newsletter.feedback.classify.words import reason_in_words

_LONGEST: Final = 4000
_STATUS: Final = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.]*\d)")
_CODE: Final = re.compile(r"(?<![\d.])([45]\d\d)(?=[ -])")
_DEAD_DETAILS: Final = frozenset({"1.1", "1.2", "1.3", "1.6", "1.10", "1.351", "2.1", "4.4", "4.310"})
_GENERIC: Final = re.compile(r"\d\.0\.0|5\.5\.0|5\.3\.0|[45]\.9\.\d|5\.1\.0|[45]\.2\.0")
_BY_DETAIL: Final = {
    "2.2": Reason.FULL,
    "3.1": Reason.FULL,
    "2.3": Reason.SIZE,
    "3.4": Reason.SIZE,
    "4.7": Reason.NETWORK,
    "1.7": Reason.POLICY,
    "1.8": Reason.POLICY,
}
_BY_SUBJECT: Final = {"7": Reason.POLICY, "6": Reason.POLICY, "4": Reason.NETWORK, "3": Reason.NETWORK}


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
    reason = _reason(failure, status or "", notice)
    passing = is_passing(failure.diagnostic or notice, status or "")
    kind = Kind.HARD if reason is Reason.DEAD and not passing else Kind.SOFT
    return Verdict(kind, reason, status)


def _reason(failure: Failure, status: str, notice: str) -> Reason:
    said = reason_in_words(failure.diagnostic or notice)
    if said is not None and said is not Reason.NETWORK:
        return said
    return _reason_of_status(status) or said or reason_in_words(notice) or Reason.UNKNOWN


def _reason_of_status(status: str) -> Reason | None:
    detail = status.partition(".")[2]
    if status.startswith("5") and detail in _DEAD_DETAILS:
        return Reason.DEAD
    if not status or _GENERIC.fullmatch(status):
        return None
    return _BY_DETAIL.get(detail) or _BY_SUBJECT.get(detail.partition(".")[0])


def best_status(reported: str, diagnostic: str, notice: str = "") -> str | None:
    """Return the most precise enhanced status: the reported one unless it is generic and a better one stands in the text."""
    if reported and not _GENERIC.fullmatch(reported):
        return reported
    found = [match[0] for text in (diagnostic, notice[:_LONGEST]) for match in _STATUS.finditer(text)]
    precise = [status for status in found if not _GENERIC.fullmatch(status)]
    return next(iter(precise), None) or reported or next(iter(found), None)


def is_passing(text: str, status: str) -> bool:
    """Say whether the server called the failure a passing one: 4xx, and nothing permanent."""
    if status:
        return status.startswith("4")
    code = _CODE.search(text[:_LONGEST])
    return code is not None and code[1].startswith("4")
