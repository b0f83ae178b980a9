"""The states of a campaign and of a delivery (see docs/delivery.md)."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class CampaignState(StrEnum):
    """scheduled → freezing → sending ⇄ paused → finished | cancelled | failed."""

    SCHEDULED = "scheduled"
    FREEZING = "freezing"
    SENDING = "sending"
    PAUSED = "paused"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    FAILED = "failed"

    @property
    def is_over(self) -> bool:
        """True when nothing will ever be sent again."""
        return self in (CampaignState.FINISHED, CampaignState.CANCELLED, CampaignState.FAILED)


class DeliveryState(IntEnum):
    """One small number per row: a million rows are read by it. Names are the words of the report."""

    QUEUED = 0
    CLAIMED = 1
    COMMITTING = 2
    DEFERRED = 3
    SENT = 10
    FAILED = 11
    SUPPRESSED = 12
    SKIPPED = 13
    EXPIRED = 14
    AMBIGUOUS = 15

    @property
    def word(self) -> str:
        """The word in reports and JSON."""
        return self.name.lower()

    @property
    def is_final(self) -> bool:
        """True for the terms of the equation."""
        return self >= DeliveryState.SENT


class AmbiguousPolicy(StrEnum):
    """What becomes of messages whose fate cannot be known."""

    HOLD = "hold"
    COUNT_AS_SENT = "count_as_sent"
    SEND_AGAIN = "send_again"


class Resolution(StrEnum):
    """What a person decides about an ambiguous one: it arrived, it must go out again, or (back from "sent") nobody knows."""

    SENT = "sent"
    SEND_AGAIN = "send-again"
    UNKNOWN = "unknown"


class Unreached(StrEnum):
    """Whom another try is for: who failed softly, whose time ran out, or both."""

    SOFT = "soft"
    EXPIRED = "expired"
    ALL = "all"


#: The states of rows that a sender holds.
IN_FLIGHT = (int(DeliveryState.CLAIMED), int(DeliveryState.COMMITTING))
