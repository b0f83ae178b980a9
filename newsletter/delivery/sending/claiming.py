"""A sender's claims: chunk after chunk in the order of the rows, admitted by the limits. Runs in a thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from newsletter.clock import Clock
from newsletter.db.session import Sessions, unit_of_work
from newsletter.delivery.sending.checks import Scope
from newsletter.delivery.sending.claim import Claimed, claim
from newsletter.delivery.sending.gate import Admission, Gate
from newsletter.delivery.sending.senders import sign_on
from newsletter.delivery.sending.soon import Soon


@dataclass
class Claimer:
    """Claims for one sender. The campaign's rows lie beyond `first_row`; `cursor` is the last one claimed in order."""

    sessions: Sessions
    clock: Clock
    scope: Scope
    owner: str
    gate: Gate
    first_row: int = 0
    cursor: int = 0
    names_since: bool = True
    has_choices: bool = True
    claimed_count: int = 0
    _soon: Soon = field(default_factory=Soon)

    def __post_init__(self) -> None:
        self.cursor = max(self.cursor, self.first_row)

    def take(self) -> tuple[bool, Admission]:
        """Claim a chunk; return whether there was one, and who of it, and of those kept before, goes now or later."""
        with unit_of_work(self.sessions) as session:
            if not self.claimed_count:
                sign_on(session, self.owner, self.scope.campaign_id)
            rows = self._after(session, self.cursor)
            if not rows and self.cursor > self.first_row:
                rows = self._after(session, self.first_row)  # what came back lies behind
        self.cursor = max((row.id for row in rows), default=self.cursor)
        self.claimed_count += len(rows)
        return bool(rows), self._admit(rows)

    def _after(self, session: Session, row_id: int) -> list[Claimed]:
        return claim(
            session, self.scope.campaign_id, self.owner, after=row_id, since=self.names_since, choices=self.has_choices
        )  # fmt: skip

    def _admit(self, rows: Sequence[Claimed]) -> Admission:
        now = self.clock.now()
        chunk = [*self._soon.take(now), *rows]
        admission = self.gate.admit(chunk)
        return Admission(admission.now, self._soon.keep(chunk, admission.later, self.clock.now()))

    @property
    def keeps(self) -> int:
        """How many rows wait here for some seconds."""
        return len(self._soon)

    def next_due(self) -> datetime | None:
        """Return when the next of them is due."""
        return self._soon.next_due()

    def clear(self) -> list[Claimed]:
        """Return all of them, to be given back."""
        return self._soon.clear()
