"""Which relay takes the next connection: weighted among the healthy. Lives in the event loop's thread; no I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from newsletter.delivery.relays.health import Health
from newsletter.delivery.smtp.target import SmtpTarget

MOST_TROUBLES = 20
_NOTHING_OPEN: Mapping[str, int] = {}


@dataclass(frozen=True, slots=True)
class Relay:
    """A relay as the engine uses it. `connections` is its own bound, None for the sender's."""

    name: str
    target: SmtpTarget
    weight: int = 1
    connections: int | None = None
    messages_per_connection: int = 1000


class Routes:
    """The relays of one sender. Weights are kept exactly: a smooth round-robin, as nginx does it."""

    def __init__(
        self,
        relays: Sequence[Relay],
        monotonic: Callable[[], float],
        health: Mapping[str, Health] | None = None,
    ) -> None:
        """`health` is what is known of the relays by name, when it outlives this sender."""
        self.relays = tuple(relays)
        self.troubles: list[str] = []
        self._health = health or {relay.name: Health(monotonic) for relay in relays}
        self._turn = {relay.name: 0 for relay in relays}

    def pick(self, open_now: Mapping[str, int] = _NOTHING_OPEN) -> Relay | None:
        """Return the relay for the next connection; None when all of them rest or are full.

        `open_now` counts the sender's connections by the relay's name.
        """
        healthy = [relay for relay in self.relays if not self._rests_or_is_full(relay, open_now)]
        usual = [relay for relay in healthy if relay.weight > 0]
        chosen = self._next(usual) if usual else next(iter(healthy), None)
        if chosen is not None:
            self._health[chosen.name].taken()
        return chosen

    def _rests_or_is_full(self, relay: Relay, open_now: Mapping[str, int]) -> bool:
        is_full = relay.connections is not None and open_now.get(relay.name, 0) >= relay.connections
        return is_full or self._health[relay.name].is_open

    def _next(self, relays: list[Relay]) -> Relay:
        for relay in relays:
            self._turn[relay.name] += relay.weight
        chosen = max(relays, key=lambda relay: self._turn[relay.name])
        self._turn[chosen.name] -= sum(relay.weight for relay in relays)
        return chosen

    def worked(self, relay: Relay) -> None:
        """Note that a connection came about, or a message was answered."""
        self._health[relay.name].worked()

    def failed(self, relay: Relay, why: str) -> None:
        """Note that it could not be reached or hung up."""
        self._health[relay.name].failed()
        self.troubles = [*self.troubles, f"{relay.name}: {why}"][-MOST_TROUBLES:]

    def is_resting(self, relay: Relay) -> bool:
        """Say whether a relay is left alone now."""
        return self._health[relay.name].is_open
