"""What is read from a returned mail."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from newsletter.reasons import Reason

__all__ = ["Classified", "Kind", "Reason"]


class Kind(StrEnum):
    """What a mail is. `hard` means that the address is dead, not "5xx"; `none` is ordinary mail."""

    HARD = "hard"
    SOFT = "soft"
    COMPLAINT = "complaint"
    AUTOREPLY = "autoreply"
    UNSUBSCRIBE = "unsubscribe"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Classified:
    """One mail, read. `recipients` are the addresses it speaks of; who is meant is decided by the signed token."""

    kind: Kind
    recipients: tuple[str, ...] = ()
    status: str | None = None
    reason: Reason = Reason.UNKNOWN
    diagnostic: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return {
            "kind": self.kind.value,
            "recipients": list(self.recipients),
            "status": self.status,
            "reason": self.reason.value,
            "diagnostic": self.diagnostic,
        }
