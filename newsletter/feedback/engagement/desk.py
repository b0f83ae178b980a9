"""What answers a followed link: where it leads, and the hit that is noted beside it. Made once per process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from newsletter.clock import Clock
from newsletter.db.session import Sessions, unit_of_work
from newsletter.feedback.engagement.buffer import Batch, HitBuffer, PendingHit
from newsletter.feedback.engagement.signals import Signal
from newsletter.feedback.engagement.storing import store_hits
from newsletter.feedback.engagement.targets import KnownIssue, Target, TargetBook
from newsletter.rendering.tokens import TokenSigner

#: The token of previews and test mails: its links work, and nobody is counted.
SAMPLE: Final = "sample"


@dataclass(frozen=True)
class ClickDesk:
    """Looks links up and takes hits; nothing here waits for a write."""

    book: TargetBook
    buffer: HitBuffer
    signer: TokenSigner
    clock: Clock

    @classmethod
    def of(cls, sessions: Sessions, reading: Sessions, signer: TokenSigner, clock: Clock) -> ClickDesk:
        """Return the desk of an installation."""

        def write(batch: Batch) -> None:
            with unit_of_work(sessions) as session:
                store_hits(session, batch)

        return cls(TargetBook(reading, clock.monotonic), HitBuffer(write), signer, clock)

    def reader_of(self, token: str) -> int | None:
        """Return the delivery of a token, 0 for the sample reader's, None for one that we did not sign."""
        if token == SAMPLE:
            return 0
        return self.signer.verify(token) if token == token.lower() else None

    def follow(self, issue: KnownIssue | None, key: str, delivery_id: int, signals: Signal) -> Target | None:
        """Return where the link of a delivery leads, and note the hit; None when the two do not belong together."""
        target = issue.targets.get(key) if issue is not None else None
        if issue is None or target is None or delivery_id == 0:
            return target
        if not issue.covers(delivery_id):
            return None
        self._note(delivery_id, target.link_id, signals | Signal.TRAP if target.is_trap else signals)
        return target

    def note_open(self, delivery_id: int, signals: Signal) -> None:
        """Note that the picture of a delivery was fetched."""
        if delivery_id:
            self._note(delivery_id, None, signals)

    def _note(self, delivery_id: int, link_id: int | None, signals: Signal) -> None:
        self.buffer.add(PendingHit(delivery_id, link_id, int(signals)), self.clock.now())

    def close(self) -> None:
        """Write what is still in hand."""
        self.buffer.close()
