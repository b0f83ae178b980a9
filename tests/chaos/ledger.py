"""The product's books as the oracle reads them: plain SQL on PostgreSQL or SQLite, none of the product's code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

STATES = {
    0: "queued", 1: "claimed", 2: "committing", 3: "deferred", 10: "sent", 11: "failed", 12: "suppressed",
    13: "skipped", 14: "expired", 15: "ambiguous",
}  # fmt: skip
TERMS = ("sent", "failed", "suppressed", "skipped", "expired", "ambiguous")
OVER = ("finished", "cancelled", "failed")


@dataclass(frozen=True)
class Row:
    """One delivery: whom, what became of it, why, and after how many attempts and crashes."""

    address: str
    state: str
    reason: str | None
    attempts: int
    crashes: int


@dataclass(frozen=True)
class Books:
    """One campaign in one snapshot: its state, the audience counted at the freeze, and every row."""

    state: str
    audience: int
    rows: tuple[Row, ...]

    def addresses(self, state: str) -> set[str]:
        """Return who is in this state."""
        return {row.address for row in self.rows if row.state == state}

    @property
    def counts(self) -> dict[str, int]:
        """Return how many rows each state has."""
        return {word: sum(row.state == word for row in self.rows) for word in STATES.values()}

    @property
    def adds_up(self) -> bool:
        """audience = sent + failed + suppressed + skipped + expired + ambiguous, and nothing is in flight."""
        return self.audience == len(self.rows) == sum(self.counts[term] for term in TERMS)


class Ledger:
    """Reads the database; a connection a question, so that a server that was away does not matter."""

    def __init__(self, url: str) -> None:
        self._engine = create_engine(
            url.replace("postgresql://", "postgresql+psycopg://"), poolclass=NullPool
        )

    def ask(self, statement: str, **values: Any) -> list[Any]:
        """Run one statement and return its rows; a writing one is committed."""
        with self._engine.begin() as connection:
            result = connection.execute(text(statement), values)
            return list(result) if result.returns_rows else []

    def state(self, campaign: int) -> str:
        """Return a campaign's state."""
        return str(self.ask("SELECT state FROM campaigns WHERE id = :id", id=campaign)[0][0])

    def count(self, campaign: int, *states: str) -> int:
        """Count the rows in these states."""
        numbers = ", ".join(str(number) for number, word in STATES.items() if word in states)
        where = f"campaign_id = :id AND state IN ({numbers})"
        return int(self.ask(f"SELECT count(*) FROM deliveries WHERE {where}", id=campaign)[0][0])

    def books(self, campaign: int) -> Books:
        """Read a campaign whole."""
        head = "SELECT state, coalesce(audience, -1) FROM campaigns WHERE id = :id"
        rows = "SELECT address, state, reason, attempts, crashes FROM deliveries WHERE campaign_id = :id"
        (state, audience), found = self.ask(head, id=campaign)[0], self.ask(rows, id=campaign)
        return Books(
            state, audience, tuple(Row(who, STATES[code], why, *rest) for who, code, why, *rest in found)
        )
