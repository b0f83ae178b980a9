"""Who may be written to now: what the engine asks of limits and breakers (T1, T2, T4).

The engine knows destination groups by name only. `admit` runs in the claiming thread and may use the database or Redis;
the other methods run in the event loop for every message and must not wait.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from newsletter.delivery.sending.claim import Claimed


@dataclass(frozen=True, slots=True)
class Held:
    """A row that must wait until `until`; it costs no attempt. `why` is a word of the ledger, such as `limit`."""

    row_id: int
    until: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Admission:
    """A claimed chunk divided: who goes now, and who later."""

    now: list[Claimed]
    later: list[Held]


class Gate(Protocol):
    """Limits and breakers of one sender, shared with all others behind it."""

    def admit(self, rows: Sequence[Claimed]) -> Admission:
        """Divide a claimed chunk; takes the tokens of those who go now."""
        ...

    def group_of(self, address: str) -> str:
        """Return the destination group of an address, from a cache; never waits."""
        ...

    def most_at_once(self, group: str) -> int | None:
        """Return how many messages to the group this sender may have on the wire; None for any number."""
        ...

    def answered(self, group: str, *, seconds: float) -> None:
        """Note that the relay answered a message to the group after so many seconds, whatever it said."""
        ...

    def troubled(self, group: str, why: str) -> None:
        """Note a 421, a hang-up or a timeout while a message to the group was under way."""
        ...

    def rests_until(self, group: str) -> datetime | None:
        """Return until when the group's breaker is open for this sender; None when messages may go."""
        ...

    def flush(self) -> None:
        """Write down what was noted; called once, when the sender has ended. May use the database or Redis."""
        ...


class OpenGate:
    """No limits: one group, everybody at once."""

    def admit(self, rows: Sequence[Claimed]) -> Admission:
        """Let all go."""
        return Admission(list(rows), [])

    def group_of(self, address: str) -> str:
        """Return the one group."""
        return ""

    def most_at_once(self, group: str) -> int | None:
        """Return no bound."""
        return None

    def answered(self, group: str, *, seconds: float) -> None:
        """Keep nothing."""

    def troubled(self, group: str, why: str) -> None:
        """Keep nothing."""

    def rests_until(self, group: str) -> datetime | None:
        """Never rest."""
        return None

    def flush(self) -> None:
        """Nothing to write down."""
