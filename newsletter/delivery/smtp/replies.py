"""SMTP replies read: what becomes of a delivery, and whether the address is dead. Pure.

RFC 5321 §4.2 (codes). A 5xx is `failed`, a 4xx `deferred`, whatever the text says. `hard` means that the address is dead,
not "5xx" (M21); `newsletter.reasons` says which reason the words mean, to replies and returned mail alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from newsletter.delivery.states import DeliveryState
from newsletter.reasons import Reason, best_status, is_passing, reason_of

Bounce = Literal["hard", "soft"]
LONGEST_RESPONSE = 1000


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
    said = reply.line
    status = best_status("", said) or ""
    reason = reason_of(said, status)
    if 400 <= reply.code < 500:
        return Verdict(DeliveryState.DEFERRED, reason.value)
    is_dead = reason is Reason.DEAD and not is_passing(said, status)
    return Verdict(DeliveryState.FAILED, reason.value, "hard" if is_dead else "soft")
