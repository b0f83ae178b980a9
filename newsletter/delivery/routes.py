"""Which relay the next connection goes to: what the engine asks of the configured relays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from newsletter.delivery.smtp.target import SmtpTarget

MESSAGES_PER_CONNECTION = 1000


class Route(Protocol):
    """A relay that can be used now."""

    @property
    def target(self) -> SmtpTarget:
        """Where it listens."""
        ...

    @property
    def messages_per_connection(self) -> int:
        """After how many messages a connection to it is made anew."""
        ...


class Routes(Protocol):
    """The relays of one sender. Every method is called in the event loop and must not wait."""

    def pick(self) -> Route | None:
        """Return a healthy relay, by weight; None while all rest."""
        ...

    def worked(self, route: Route) -> None:
        """Note that a connection to the relay ended in order."""
        ...

    def failed(self, route: Route, why: str) -> None:
        """Note that a relay could not be reached or broke off."""
        ...


@dataclass(frozen=True)
class OneRoute:
    """One relay, whatever happens: that of NEWSLETTER_SMTP_URL. It is its own route."""

    target: SmtpTarget
    messages_per_connection: int = MESSAGES_PER_CONNECTION

    def pick(self) -> OneRoute:
        """Return the relay."""
        return self

    def worked(self, route: Route) -> None:
        """Keep nothing."""

    def failed(self, route: Route, why: str) -> None:
        """Keep nothing: there is no other."""
