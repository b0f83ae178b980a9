"""Claims cost the same at the end of a campaign as at its beginning. Counted in steps of SQLite's machine, not in time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import event

from newsletter.bootstrap import Container, build_container
from newsletter.db.session import unit_of_work
from newsletter.delivery.control.freeze import freeze_campaign
from newsletter.delivery.models import Campaign
from newsletter.delivery.sending.claim import CHUNK, claim
from newsletter.delivery.sending.senders import sign_on
from newsletter.settings import Settings
from tests.conftest import RecordingQueue
from tests.support.filling import fill_letter, start_letter

CHUNKS = 8


@pytest.fixture
def parts(settings: Settings, container: Container, tmp_path: Path) -> Container:
    made = build_container(settings, engine=container.engine, queue=RecordingQueue())
    readers = ((f"reader{number}@example.com", "") for number in range(CHUNK * CHUNKS))
    fill_letter(made, readers, folder=tmp_path)
    return made


@contextmanager
def steps_counted(parts: Container) -> Iterator[list[int]]:
    """Count the steps of SQLite's virtual machine, in hundreds, of every connection checked out in the block."""
    steps = [0]

    def step() -> int:
        steps[0] += 1
        return 0

    def listen(connection: object, *_: object) -> None:
        connection.set_progress_handler(step, 100)  # type: ignore[attr-defined]

    event.listen(parts.engine, "checkout", listen)
    try:
        yield steps
    finally:
        event.remove(parts.engine, "checkout", listen)


def test_the_last_claim_walks_over_no_more_rows_than_the_first(parts: Container) -> None:
    campaign_id = start_letter(parts)
    freeze_campaign(parts.sessions, parts.queue, campaign_id)
    with unit_of_work(parts.sessions) as session:
        sign_on(session, "sender", campaign_id)
        after = session.get_one(Campaign, campaign_id).first_row
    cost = []
    for _ in range(CHUNKS):
        with steps_counted(parts) as steps, unit_of_work(parts.sessions) as session:
            rows = claim(session, campaign_id, "sender", after=after)
        assert len(rows) == CHUNK
        after = rows[-1].id
        cost.append(steps[0])
    assert min(cost) > 0
    assert cost[-1] <= 1.2 * cost[0], cost
