"""A flood of events leaves what its sorted unique events leave, in whatever order it comes (X14, in small)."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from newsletter.db.session import create_database_engine, create_sessions, unit_of_work
from newsletter.rendering.tokens import Keyring
from tests.support.ledger import NOW, sent_to
from tests.support.webhook_flood import (
    State,
    add_flood_account,
    flooded,
    in_order,
    make_events,
    pour,
    state_of,
)

KEYRING = Keyring(b"a secret for tests, long enough")
Arrange = Callable[[Sequence[dict[str, Any]]], list[list[dict[str, Any]]]]
ORDERS: tuple[Arrange, ...] = (in_order, lambda events: flooded(events, 1), lambda events: flooded(events, 2))


def test_three_times_and_out_of_order_is_the_same(tmp_path: Path, empty_database: Path) -> None:
    states = [
        _state_after(tmp_path / f"{number}.db", empty_database, arrange)
        for number, arrange in enumerate(ORDERS)
    ]
    assert states[0] == states[1] == states[2]
    assert len(states[0].entries) > 100
    assert {"complaint", "hard_bounce"} <= {reason for _, reason in states[0].suppressed}


def _state_after(path: Path, empty: Path, arrange: Arrange) -> State:
    """Pour the events, arranged so, into a database with three campaigns to forty people."""
    shutil.copy(empty, path)
    engine = create_database_engine(f"sqlite:///{path}")
    sessions = create_sessions(engine)
    people = [f"p{number}@example.com" for number in range(40)]
    with unit_of_work(sessions) as session:
        numbers = [
            row.id for week in range(3) for row in sent_to(session, *people, at=NOW - timedelta(weeks=week))
        ]
        account_id = add_flood_account(session, NOW)
    events = make_events(numbers, 600, KEYRING, NOW - timedelta(hours=2), seed=7)
    pour(sessions, account_id, arrange(events), KEYRING, NOW)
    with sessions() as session:
        found = state_of(session)
    engine.dispose()
    return found
