"""What a mail server's reply means for the message: pure, a table of words rather than of codes alone.

`hard` means that the address is dead, not "5xx": reputation and policy (5.7.x), full mailboxes and everything that
speaks of us or of the message are never held against the person.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from newsletter.delivery.states import DeliveryState

Bounce = Literal["hard", "soft"]
LONGEST_RESPONSE = 1000

_ENHANCED = re.compile(r"^\s*([245])\.(\d{1,3})\.(\d{1,3})\b")

_POLICY = re.compile(
    r"spam|block(?:ed|list)|blacklist|black list|reputation|polic(?:y|ies)|dmarc|\bspf\b|\bdkim\b|unauthenticated|"
    r"not authenticated|relay(?:ing)? (?:access )?denied|relay not permitted|unable to relay|not permitted to relay|"
    r"reverse dns|\bptr\b|\brbl\b|dnsbl|spamhaus|banned|abuse|suspicious|rate limit|too many|refused due|"
    r"access denied|content rejected|virus|"
    r"authentication (?:required|failed)|sender (?:address )?(?:rejected|verify|denied)|not allowed to send",
    re.IGNORECASE,
)
_FULL = re.compile(
    r"mailbox (?:is )?full|over ?quota|quota exceeded|exceeded (?:storage|quota|mailbox)|insufficient (?:disk|system storage)|"
    r"out of storage|storage (?:space )?(?:is )?full|inbox is full|mailbox size limit",
    re.IGNORECASE,
)
_SIZE = re.compile(
    r"message (?:size|too (?:large|big))|size limit|exceeds (?:fixed )?(?:maximum|size)|too large",
    re.IGNORECASE,
)
_DEAD = re.compile(
    r"(?:user|recipient|mailbox|account|address|addressee)\b.{0,60}(?:unknown|not found|doesn'?t exist|does not exist|"
    r"not exist|no longer|unavailable|invalid|inactive|disabled|deactivated|not available|has been (?:closed|removed))|"
    r"(?:unknown|no such|invalid|non-?existent) (?:user|recipient|mailbox|account|address|person)|"
    r"no mailbox here|not our customer|does not have an account|isn'?t (?:a )?(?:valid|here)|bad destination",
    re.IGNORECASE,
)  # fmt: skip
_NETWORK = re.compile(
    r"time[d]? ?out|connection|network|name (?:server|service)|lookup|dns (?:error|failure)|loop",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a delivery after a reply."""

    state: DeliveryState
    bounce: Bounce | None
    reason: str | None


SENT = Verdict(DeliveryState.SENT, None, None)


def interpret(code: int, text: str) -> Verdict:
    """Return the fate of a message whose MAIL, RCPT, DATA or final dot was answered by `code` and `text`."""
    if 200 <= code < 300:
        return SENT
    if 400 <= code < 500:
        return Verdict(DeliveryState.DEFERRED, None, _temporary_reason(text))
    if 500 <= code < 600:
        bounce, reason = permanent_reason(code, text)
        return Verdict(DeliveryState.FAILED, bounce, reason)
    return Verdict(DeliveryState.DEFERRED, None, "protocol")


def permanent_reason(code: int, text: str) -> tuple[Bounce, str]:
    """Return (hard|soft, reason) of a 5xx. Words about us win over codes about the person."""
    status = enhanced_status(text)
    subject, detail = (status[1], status[2]) if status else (None, None)
    if subject == 7 or _POLICY.search(text):
        return "soft", "policy"
    if (subject, detail) == (2, 2) or code == 552 or _FULL.search(text):
        return ("soft", "size") if _SIZE.search(text) or (subject, detail) == (3, 4) else ("soft", "full")
    if (subject, detail) in ((2, 3), (3, 4)) or _SIZE.search(text):
        return "soft", "size"
    if subject == 1 and detail in (1, 2, 3, 6, 10):
        return "hard", "dead"
    if (subject, detail) == (2, 1):
        return "hard", "dead"
    if subject == 4:
        return "soft", "network"
    if _DEAD.search(text) and (subject is None or subject in (0, 1, 2, 5)):
        return "hard", "dead"
    return "soft", _unclear(code, subject, text)


def _unclear(code: int, subject: int | None, text: str) -> str:
    if code in (500, 501, 502, 503, 504, 555) or subject == 5:
        return "protocol"
    return "network" if _NETWORK.search(text) else "unknown"


def enhanced_status(text: str) -> tuple[int, int, int] | None:
    """Return the RFC 3463 status at the start of a reply's text."""
    match = _ENHANCED.match(text)
    return (int(match[1]), int(match[2]), int(match[3])) if match else None


def _temporary_reason(text: str) -> str:
    status = enhanced_status(text)
    if (status and status[1:] == (2, 2)) or _FULL.search(text):
        return "full"
    if re.search(r"gr[ae]y ?list|try again later|come back later", text, re.IGNORECASE):
        return "greylisted"
    if (status and status[1] == 7) or _POLICY.search(text):
        return "policy"
    return "delayed"


def is_closing(code: int) -> bool:
    """421 closes the connection: trouble of the server, never the person's (RFC 5321 §3.8)."""
    return code == 421
