"""What a returned mail says about one recipient."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto


class Action(Enum):
    """What the reporting server did (RFC 3464 §2.3.3)."""

    FAILED = auto()
    DELAYED = auto()
    DELIVERED = auto()


@dataclass(frozen=True, slots=True)
class Failure:
    """One recipient of a report: as much as it says."""

    recipient: str
    action: Action = Action.FAILED
    status: str = ""
    diagnostic: str = ""
