"""Enhanced status codes (RFC 3463) and what they say by themselves. A generic one (5.0.0, Exchange's 5.5.0) says nothing."""

from __future__ import annotations

import re
from typing import Final

from newsletter.reasons.reason import Reason
from newsletter.reasons.words import LONGEST

_STATUS: Final = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.]*\d)")
_CODE: Final = re.compile(r"(?<![\d.])([45]\d\d)(?=[ -]|$)")
_GENERIC: Final = re.compile(r"\d\.0\.0|5\.5\.0|5\.3\.0|[45]\.9\.\d|5\.1\.0|[45]\.2\.0")
#: No such mailbox, host or address; moved; no such recipient in the directory; disabled; no host for the domain; no such domain.
_DEAD: Final = frozenset({"1.1", "1.2", "1.3", "1.6", "1.10", "1.351", "2.1", "4.4", "4.310"})
_BY_DETAIL: Final = {
    "2.2": Reason.FULL,
    "3.1": Reason.FULL,
    "2.3": Reason.SIZE,
    "3.4": Reason.SIZE,
    "4.7": Reason.NETWORK,
    "1.7": Reason.POLICY,
    "1.8": Reason.POLICY,
    "1.9": Reason.POLICY,
    "7.8": Reason.AUTH,
    "7.9": Reason.AUTH,
    # RFC 7372: DKIM, SPF, reverse DNS, several checks failed.
    "7.20": Reason.AUTH,
    "7.21": Reason.AUTH,
    "7.22": Reason.AUTH,
    "7.23": Reason.AUTH,
    "7.24": Reason.AUTH,
    "7.25": Reason.BLOCKED,
    "7.26": Reason.AUTH,
    # Google and Microsoft, which others follow.
    "7.27": Reason.AUTH,
    "7.30": Reason.AUTH,
    "7.509": Reason.AUTH,
    "7.515": Reason.AUTH,
    "7.606": Reason.BLOCKED,
    "7.708": Reason.BLOCKED,
}
_BY_SUBJECT: Final = {"7": Reason.POLICY, "6": Reason.CONTENT, "4": Reason.NETWORK, "3": Reason.NETWORK}
#: Reply codes whose meaning RFC 5321 §4.2.3 narrows enough.
_BY_CODE: Final = {"552": Reason.FULL, "523": Reason.SIZE, "554": Reason.POLICY}


def enhanced_status(text: str) -> str | None:
    """Return the first enhanced status in a text, such as `5.1.1`."""
    match = _STATUS.search(text)
    return match[0] if match else None


def best_status(reported: str, diagnostic: str, notice: str = "") -> str | None:
    """Return the most precise enhanced status: the reported one unless it is generic and a better one stands in the text."""
    if reported and not is_generic(reported):
        return reported
    found = [match[0] for text in (diagnostic, notice) for match in _STATUS.finditer(text[:LONGEST])]
    precise = [status for status in found if not is_generic(status)]
    return next(iter(precise), None) or reported or next(iter(found), None)


def is_generic(status: str) -> bool:
    """Say whether a status tells success or failure and nothing more."""
    return _GENERIC.fullmatch(status) is not None


def is_passing(text: str, status: str) -> bool:
    """Say whether the server called the failure a passing one: 4xx, and nothing permanent."""
    if status:
        return status.startswith("4")
    return _code(text).startswith("4")


def reason_of_status(status: str) -> Reason | None:
    """Return the reason that a status gives by itself; only a permanent one can mean a dead address."""
    detail = status.partition(".")[2]
    if status.startswith("5") and detail in _DEAD:
        return Reason.DEAD
    if not status or is_generic(status):
        return None
    return _BY_DETAIL.get(detail) or _BY_SUBJECT.get(detail.partition(".")[0])


def reason_of_code(text: str) -> Reason | None:
    """Return the reason that the reply code gives by itself; no code alone makes an address dead."""
    return _BY_CODE.get(_code(text))


def _code(text: str) -> str:
    match = _CODE.search(text[:LONGEST])
    return match[1] if match else ""
