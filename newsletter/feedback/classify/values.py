"""What is read from a returned mail."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from newsletter.reasons import Reason

__all__ = ["Classified", "Kind", "Outcome", "Reason"]


class Kind(StrEnum):
    """What a mail is. `hard` means that the address is dead, not "5xx"; `none` is ordinary mail."""

    HARD = "hard"
    SOFT = "soft"
    COMPLAINT = "complaint"
    AUTOREPLY = "autoreply"
    UNSUBSCRIBE = "unsubscribe"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one recipient of a message that was not delivered to all; `recipient` is empty when nobody is named."""

    recipient: str
    kind: Kind
    status: str | None
    reason: Reason
    diagnostic: str


@dataclass(frozen=True, slots=True)
class Classified:
    """One mail, read. `recipients` are the addresses it speaks of; who is meant is decided by the signed token.

    Kind, status, reason and diagnostic are those of the gravest of the `outcomes`, which only bounces have.
    """

    kind: Kind
    recipients: tuple[str, ...] = ()
    status: str | None = None
    reason: Reason = Reason.UNKNOWN
    diagnostic: str = ""
    outcomes: tuple[Outcome, ...] = ()

    def about(self, address: str) -> Classified:
        """Return what is said of one recipient; the whole when the mail does not name the address."""
        wanted = address.lower()
        for each in self.outcomes:
            if each.recipient.lower() == wanted:
                said = each.diagnostic or self.diagnostic
                return Classified(each.kind, (each.recipient,), each.status, each.reason, said, (each,))
        return self

    def to_json(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return {
            "kind": self.kind.value,
            "recipients": list(self.recipients),
            "status": self.status,
            "reason": self.reason.value,
            "diagnostic": self.diagnostic,
        }
