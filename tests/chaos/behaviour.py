"""What the chaos relay does to its clients; every field can be changed while it runs."""

from __future__ import annotations

from dataclasses import dataclass, field

#: Where a connection can be cut, in the order of RFC 5321. The last two lie after the final dot: the message is whole,
#: and the client cannot know whether the server has it.
CUTS = ("connect", "ehlo", "mail", "rcpt", "data", "body", "dot", "reply")
CUTS_AFTER_DOT = ("dot", "reply")


@dataclass
class Behaviour:
    """The script.

    latency: seconds between the final dot and its reply.
    cut_at, cut_every: reset the connection at this state in each n-th transaction; "dot" forgets the message,
        "reply" has taken it.
    close_after: close a connection after so many messages; 0 = never.
    refusal, refuse_at: the reply line to every client at "connect" or "mail" (and hang up), or to a recipient at "rcpt".
    tarpit_domains, tarpit_seconds: hold back the answer to RCPT for these domains.
    """

    latency: float = 0.0
    cut_at: str = ""
    cut_every: int = 0
    close_after: int = 0
    refusal: str = ""
    refuse_at: str = ""
    tarpit_domains: list[str] = field(default_factory=list)
    tarpit_seconds: float = 0.0

    def cuts(self, state: str, transaction: int) -> bool:
        """Say whether the connection is cut here."""
        return self.cut_at == state and self.cut_every > 0 and transaction % self.cut_every == 0

    def refuses(self, state: str) -> bytes:
        """Return the refusal to give here, or nothing."""
        return self.refusal.encode() + b"\r\n" if self.refusal and self.refuse_at == state else b""

    def holds_back(self, address: str) -> float:
        """Return how long the answer to this recipient is held back, in seconds."""
        return self.tarpit_seconds if address.rpartition("@")[2] in self.tarpit_domains else 0.0
