"""SMTP replies read: what becomes of a delivery, and whether the address is dead. Pure.

RFC 5321 §4.2 (codes), RFC 3463 (enhanced status). A 5xx is `failed`, a 4xx `deferred`, whatever the text says.
`hard` means that the address is dead, not "5xx": words about us (policy, reputation) win over a code about the
person, and full mailboxes and sizes never condemn anybody (M21).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, NamedTuple

from newsletter.delivery.states import DeliveryState

Bounce = Literal["hard", "soft"]
LONGEST_RESPONSE = 1000

_ENHANCED = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_WORDS: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "policy",
        re.compile(
            r"spam|block(?:ed|list)|black ?list|reputation|polic(?:y|ies)|dmarc|\bspf\b|\bdkim\b|\bptr\b|\brbl\b|dnsbl|"
            r"authenticat|relay(?:ing)? (?:access )?denied|unable to relay|permitted to relay|reverse dns|banned|abuse|"
            r"suspicious|rate limit|too many|access denied|content rejected|virus|prohibited|"
            r"sender (?:address )?(?:rejected|verify|denied)|not allowed to send",
            re.IGNORECASE,
        ),
    ),
    (
        "full",
        re.compile(
            r"(?:mailbox|inbox|storage|storage space) (?:is )?full|quota|over.?limit|out of storage|"
            r"insufficient (?:disk|system storage)|mailbox size limit",
            re.IGNORECASE,
        ),
    ),
    (
        "size",
        re.compile(
            r"message (?:size|too (?:large|big))|size limit|exceeds .{0,20}size|too large", re.IGNORECASE
        ),
    ),
    (
        "dead",
        re.compile(
            r"(?:user|recipient|mailbox|account|address(?:ee)?)\b.{0,60}(?:unknown|not found|does ?n[o']t exist|"
            r"does not exist|not exist|no longer|unavailable|invalid|inactive|disabled|deactivated|not available|"
            r"been (?:closed|removed))|(?:unknown|no such|invalid|non-?existent) (?:\w+ )?(?:user|recipient|mailbox|"
            r"account|address|person)|no mailbox|unrouteable|not our customer|does not have an account",
            re.IGNORECASE,
        ),
    ),
    (
        "network",
        re.compile(r"time[d]? ?out|connection|network|name server|lookup|dns error|loop", re.IGNORECASE),
    ),
)
_DEAD_STATUS = frozenset({"1.0", "1.1", "1.2", "1.3", "1.6", "1.10", "2.1"})
_BY_STATUS = {"2.2": "full", "3.4": "size", "2.3": "size"}
_BY_CODE = {552: "full", 523: "size", 554: "policy", 553: "dead"}


class Reply(NamedTuple):
    """One reply of an SMTP server: code and text, lines joined by spaces; `lines` only of a reply that has several.

    A tuple: four of them are made for each message, and a frozen dataclass takes three times as long to make.
    """

    code: int
    text: str
    lines: tuple[str, ...] = ()

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


_SENT = Verdict(DeliveryState.SENT)


def judge(reply: Reply) -> Verdict:
    """Return the verdict on a reply to RCPT, DATA or the final dot."""
    if 200 <= reply.code < 300:
        return _SENT
    reason = reason_of(reply)
    if 400 <= reply.code < 500:
        return Verdict(DeliveryState.DEFERRED, reason)
    return Verdict(DeliveryState.FAILED, reason, "hard" if reason == "dead" else "soft")


def reason_of(reply: Reply) -> str:
    """Return the reason in the closed set of words: dead, full, size, policy, network, unknown."""
    said = next((reason for reason, words in _WORDS if words.search(reply.text)), None)
    meant = _by_status(enhanced_status(reply.text) or "")
    if said in ("policy", "full", "size"):
        return said
    return meant or said or _BY_CODE.get(reply.code, "unknown")


def enhanced_status(text: str) -> str | None:
    """Return the first enhanced status in a reply's text, such as `5.1.1` (RFC 3463)."""
    match = _ENHANCED.search(text)
    return match[0] if match else None


def _by_status(status: str) -> str | None:
    _, _, detail = status.partition(".")
    if detail in _DEAD_STATUS:
        return "dead"
    if detail.startswith("7."):
        return "policy"
    return _BY_STATUS.get(detail) or ("network" if detail.startswith("4.") else None)
