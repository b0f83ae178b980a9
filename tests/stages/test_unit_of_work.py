"""`unit_of_work()` commits all or nothing, and jobs leave after the commit only."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from newsletter.content.models import Author
from newsletter.db.session import Sessions, enqueue_after_commit, unit_of_work
from newsletter.jobs import JobName
from tests.conftest import RecordingQueue


def _names(sessions: Sessions) -> list[str]:
    with sessions() as session:
        return list(session.scalars(select(Author.name)))


def test_commits_then_sends_jobs(sessions: Sessions) -> None:
    queue = RecordingQueue()
    with unit_of_work(sessions) as session:
        session.add(Author(slug="ada", name="Ada"))
        enqueue_after_commit(session, queue, JobName.SEND_CAMPAIGN, campaign_id=1)
        assert queue.jobs == []
    assert queue.jobs == [("delivery.send_campaign", {"campaign_id": 1})]
    assert _names(sessions) == ["Ada"]


def test_an_error_leaves_nothing_and_sends_nothing(sessions: Sessions) -> None:
    queue = RecordingQueue()

    def fail_half_way() -> None:
        with unit_of_work(sessions) as session:
            session.add(Author(slug="ada", name="Ada"))
            enqueue_after_commit(session, queue, JobName.SEND_CAMPAIGN, campaign_id=1)
            session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    assert queue.jobs == []
    assert _names(sessions) == []
