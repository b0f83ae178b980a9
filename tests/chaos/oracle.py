"""The oracle: what the relay took against what the ledger says. It knows neither's code, only their books."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Set
from dataclasses import dataclass

from tests.chaos.ledger import Books


@dataclass(frozen=True)
class Findings:
    """What the comparison found; each set names people.

    lost: the ledger says sent (or nothing final), and the relay never took it.
    twice: the relay took it more than once.
    denied: the ledger says failed, skipped, suppressed or expired, and the relay took it.
    ambiguous: named as unknown; `ambiguous_taken` of them were taken.
    """

    messages: int
    lost: Set[str]
    twice: Set[str]
    denied: Set[str]
    ambiguous: Set[str]
    ambiguous_taken: int
    adds_up: bool
    ended: bool
    counts: dict[str, int]

    @property
    def troubles(self) -> list[str]:
        """Say what breaks the promise, in words; empty when it holds."""
        told = {
            "lost": self.lost,
            "got it twice": self.twice,
            "took it although the ledger says otherwise": self.denied,
        }
        found = [f"{len(who)} {what} ({', '.join(sorted(who)[:3])})" for what, who in told.items() if who]
        if not self.adds_up:
            found.append(f"the equation does not hold: {self.counts}")
        if not self.ended:
            found.append("the campaign did not end by itself")
        return found


def compare(books: Books, taken: Iterable[str]) -> Findings:
    """Hold a campaign's ledger against the recipients of the messages that the relay took while it was sent."""
    times = Counter(taken)
    got = set(times)
    ambiguous = books.addresses("ambiguous")
    refused = {
        row.address for row in books.rows if row.state in ("failed", "suppressed", "skipped", "expired")
    }
    return Findings(
        messages=sum(times.values()),
        lost={row.address for row in books.rows} - got - ambiguous - refused,
        twice={who for who, count in times.items() if count > 1},
        denied=refused & got,
        ambiguous=ambiguous,
        ambiguous_taken=len(ambiguous & got),
        adds_up=books.adds_up,
        ended=books.state == "finished",
        counts={word: count for word, count in books.counts.items() if count},
    )
