"""A relay's circuit breaker: three failures in a row open it; after a while one probe may close it again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

MOST_FAILURES = 3
FIRST_REST_SECONDS = 15.0
LONGEST_REST_SECONDS = 120.0
#: A probe of which nothing is heard for so long is given up: whoever made it may be gone.
PROBE_SECONDS = 60.0


@dataclass
class Health:
    """How one relay does. `monotonic` gives seconds."""

    monotonic: Callable[[], float]
    failures: int = 0
    rests_until: float | None = None
    is_probing: bool = False
    _rest: float = FIRST_REST_SECONDS

    @property
    def is_open(self) -> bool:
        """True while nothing may be sent: it rests, or its probe is on the way."""
        return self.rests_until is not None and self.monotonic() < self.rests_until

    def taken(self) -> None:
        """Note that it was chosen: after a rest this is the probe, and the others wait for what becomes of it."""
        if self.rests_until is not None:
            self.is_probing = True
            self.rests_until = self.monotonic() + PROBE_SECONDS

    def worked(self) -> None:
        """Close the breaker."""
        self.failures, self.rests_until, self.is_probing = 0, None, False
        self._rest = FIRST_REST_SECONDS

    def failed(self) -> None:
        """Count a failure; open the breaker at the third in a row, and for twice as long after a failed probe."""
        self.failures += 1
        if self.is_probing:
            self._rest = min(self._rest * 2, LONGEST_REST_SECONDS)
        elif self.failures < MOST_FAILURES:
            return
        self.is_probing = False
        self.rests_until = self.monotonic() + self._rest
