"""Importing on PostgreSQL, also twice at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from newsletter.content.service import edit_post, find_posts, import_document
from newsletter.content.values import ImportReport
from newsletter.db.session import Sessions, create_database_engine, create_sessions, unit_of_work
from newsletter.errors import Conflict
from newsletter.schema import metadata
from tests.support.feeds import feed, item

NOW = datetime(2026, 3, 1, tzinfo=UTC)
POSTS = feed(
    *(item(f"Post {n}", guid=f"g{n}", link=f"https://example.com/{n}", author="Ada Lind") for n in range(30))
)


@pytest.fixture
def sessions(postgres_url: str) -> Iterator[Sessions]:
    engine = create_database_engine(postgres_url)
    metadata.create_all(engine)
    yield create_sessions(engine)
    engine.dispose()


def take(sessions: Sessions) -> ImportReport:
    with unit_of_work(sessions) as session:
        return import_document(session, POSTS, now=NOW)


def test_the_original_comes_back_and_a_second_import_changes_nothing(sessions: Sessions) -> None:
    assert take(sessions).created == 30
    with unit_of_work(sessions) as session:
        post = find_posts(session)[0]
        assert post.raw_html == "<p>It is open.</p>"
        edit_post(post, {"title": "Ours"}, now=NOW)
    again = take(sessions)
    assert (again.created, again.updated, again.unchanged) == (0, 0, 30)


def test_two_imports_at_the_same_moment_store_each_post_once(sessions: Sessions) -> None:
    start, ends = threading.Barrier(4), []

    def run() -> None:
        start.wait()
        try:
            ends.append(take(sessions).created)
        except Conflict:
            ends.append(0)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ends) == [0, 0, 0, 30]
    with sessions() as session:
        counted = [
            session.scalar(text(f"SELECT count(*) FROM {table}")) for table in ("posts", "authors", "sources")
        ]
    assert counted == [30, 1, 1]
