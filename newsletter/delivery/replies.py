"""SMTP replies read: what becomes of a delivery, and whether the address is dead. Pure.

`hard` means the address is dead, not "5xx": policy, full mailboxes and size never condemn a person (M21).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from newsletter.delivery.states import DeliveryState

Bounce = Literal["hard", "soft"]

_ENHANCED = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_FULL = re.compile(r"full|quota|over.?limit|storage|insufficient", re.IGNORECASE)
_POLICY = re.compile(
    r"spam|policy|block|blacklist|reputation|dmarc|spf|dkim|authenticat|denied|refused|not allowed|prohibited|relay|rate",
    re.IGNORECASE,
)
_DEAD = re.compile(
    r"no such|unknown|does ?n[o']t exist|not exist|not found|invalid (?:recipient|mailbox|address|user)|no mailbox|disabled|"
    r"deactivated|user unknown|unrouteable|undeliverable address|inactive|removed|no longer",
    re.IGNORECASE,
)
_DEAD_STATUS = frozenset({"1.1", "1.0", "1.2", "1.3", "1.6", "1.10", "2.1", "0.0"})
LONGEST_RESPONSE = 1000


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply of an SMTP server: code and text, lines joined by spaces."""

    code: int
    text: str

    @property
    def is_positive(self) -> bool:
        """True for 2xx and 3xx."""
        return 200 <= self.code < 400

    @property
    def line(self) -> str:
        """The reply as it is kept in the ledger."""
        return f"{self.code} {self.text}"[:LONGEST_RESPONSE]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of the delivery."""

    state: DeliveryState
    reason: str | None = None
    bounce: Bounce | None = None


def judge(reply: Reply) -> Verdict:
    """Return the verdict on a reply to RCPT, DATA or the final dot."""
    if 200 <= reply.code < 300:
        return Verdict(DeliveryState.SENT)
    if 400 <= reply.code < 500:
        return Verdict(DeliveryState.DEFERRED, reason_of(reply))
    reason = reason_of(reply)
    return Verdict(DeliveryState.FAILED, reason, "hard" if reason == "dead" else "soft")


def reason_of(reply: Reply) -> str:
    """Return the reason in the closed set of words: dead, full, size, policy, network, unknown."""
    match = _ENHANCED.search(reply.text)
    status = f"{match[2]}.{match[3]}" if match else ""
    by_status = _reason_by_status(status, reply.text)
    if by_status:
        return by_status
    for pattern, reason in ((_FULL, "full"), (_DEAD, "dead"), (_POLICY, "policy")):
        if pattern.search(reply.text):
            return reason
    return {552: "full", 523: "size", 554: "policy", 553: "dead"}.get(reply.code, "unknown")


def _reason_by_status(status: str, text: str) -> str | None:
    if status in _DEAD_STATUS:
        return "dead" if status != "0.0" and not _FULL.search(text) else None
    if status == "2.2":
        return "full"
    if status in ("3.4", "2.3"):
        return "size"
    if status.startswith("7."):
        return "policy"
    return "network" if status.startswith("4.") else None
