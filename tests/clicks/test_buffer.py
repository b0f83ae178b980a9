"""Hits on their way: written once a second, kept while the database is away, bounded, and written at the end."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from newsletter.bootstrap import build_container
from newsletter.errors import Unavailable
from newsletter.feedback.engagement import buffer as module
from newsletter.feedback.engagement.buffer import Batch, HitBuffer, PendingHit
from newsletter.schema import metadata
from newsletter.settings import Settings
from tests.conftest import RecordingQueue
from tests.servers import free_port, listens, wait_for
from tests.support.counted import BROWSER, SentIssue, send_counted

NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)


class Written:
    """Takes batches, or refuses them."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.refuses: Exception | None = None

    def __call__(self, batch: Batch) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.batches.append(batch)


def test_a_hit_is_written_within_a_second_by_itself() -> None:
    written = Written()
    buffer = HitBuffer(written, every_seconds=0.05)
    buffer.add(PendingHit(1, 2, 0), NOW)
    wait_for(lambda: bool(written.batches), "the batch", 5)
    buffer.close()
    assert written.batches == [{PendingHit(1, 2, 0): NOW}]


def test_the_same_request_twice_in_a_batch_is_one_hit_and_the_first_time_stands() -> None:
    written = Written()
    buffer = HitBuffer(written, every_seconds=60)
    for second in range(3):
        buffer.add(PendingHit(1, 2, 0), NOW + timedelta(seconds=second))
    buffer.add(PendingHit(1, 2, 1), NOW)
    buffer.close()
    assert written.batches == [{PendingHit(1, 2, 0): NOW, PendingHit(1, 2, 1): NOW}]


def test_what_the_database_did_not_take_is_offered_again() -> None:
    written = Written()
    buffer = HitBuffer(written, every_seconds=60)
    written.refuses = Unavailable("away")
    buffer.add(PendingHit(1, 2, 0), NOW)
    assert not buffer.flush()
    written.refuses = None
    buffer.add(PendingHit(2, 2, 0), NOW)
    assert buffer.flush()
    assert written.batches == [{PendingHit(1, 2, 0): NOW, PendingHit(2, 2, 0): NOW}]
    buffer.close()


def test_a_batch_that_nothing_can_write_does_not_stop_the_next() -> None:
    written = Written()
    buffer = HitBuffer(written, every_seconds=0.02)
    written.refuses = ValueError("poison")
    buffer.add(PendingHit(1, 2, 0), NOW)
    time.sleep(0.2)
    written.refuses = None
    buffer.add(PendingHit(2, 2, 0), NOW)
    wait_for(lambda: bool(written.batches), "the next batch", 5)
    buffer.close()
    assert written.batches == [{PendingHit(2, 2, 0): NOW}]


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_HITS", 10)
    written = Written()
    buffer = HitBuffer(written, every_seconds=60)
    written.refuses = Unavailable("away")
    for number in range(15):
        buffer.add(PendingHit(number, 2, 0), NOW)
    buffer.flush()
    for number in range(15):
        buffer.add(PendingHit(100 + number, 2, 0), NOW)
    written.refuses = None
    buffer.close()
    assert [len(batch) for batch in written.batches] == [10]


def test_many_threads_lose_nothing() -> None:
    written = Written()
    buffer = HitBuffer(written, every_seconds=0.005)

    def many(first: int) -> None:
        for number in range(500):
            buffer.add(PendingHit(first + number, 2, 0), NOW)

    threads = [threading.Thread(target=many, args=(each * 1000,)) for each in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    buffer.close()
    assert sum(len(batch) for batch in written.batches) == 4000


@pytest.fixture
def site(tmp_path: Path) -> tuple[dict[str, str], SentIssue, int]:
    """An installation whose mail was sent; its environment, the mail, and a port."""
    settings = Settings(
        _env_file=None, data_dir=tmp_path / "var", secret_key="a secret for tests, long enough",
    )  # type: ignore[call-arg]  # fmt: skip
    settings.data_dir.mkdir()
    parts = build_container(settings, queue=RecordingQueue())
    metadata.create_all(parts.engine)
    sent = send_counted(parts, *(f"reader{number}@example.com" for number in range(40)))
    parts.dispose()
    environment = os.environ | {
        "NEWSLETTER_DATA_DIR": str(settings.data_dir), "NEWSLETTER_SECRET_KEY": settings.secret_key,
    }  # fmt: skip
    return environment, sent, free_port()


def serving(environment: dict[str, str], port: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "newsletter", "serve", "--port", str(port)]
    server = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    wait_for(lambda: listens(port), "the server's start", 60)
    return server


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_given: object) -> None:
        return None


def follow(port: int, path: str) -> int:
    asked = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=BROWSER)
    try:
        return int(urllib.request.build_opener(_Stay).open(asked, timeout=10).status)
    except urllib.error.HTTPError as error:
        return error.code


def stored(environment: dict[str, str]) -> int:
    connection = sqlite3.connect(Path(environment["NEWSLETTER_DATA_DIR"]) / "newsletter.db")
    try:
        return int(connection.execute("SELECT count(*) FROM engagement_hits").fetchone()[0])
    finally:
        connection.close()


def test_a_server_that_is_ended_writes_first(site: tuple[dict[str, str], SentIssue, int]) -> None:
    environment, sent, port = site
    server = serving(environment, port)
    codes = {follow(port, sent.path(0, reader)) for reader in range(40)}
    server.send_signal(signal.SIGTERM)
    server.wait(20)
    assert codes == {302}
    assert stored(environment) == 40


def test_a_server_that_is_killed_loses_the_last_second_at_most(
    site: tuple[dict[str, str], SentIssue, int],
) -> None:
    environment, sent, port = site
    server = serving(environment, port)
    for reader in range(20):
        follow(port, sent.path(0, reader))
    wait_for(lambda: stored(environment) == 20, "the write, a second later", 5)
    for reader in range(20, 40):
        follow(port, sent.path(0, reader))
    server.kill()
    server.wait(20)
    assert 20 <= stored(environment) <= 40
    assert re.fullmatch(r"[a-z2-7]{39}", sent.tokens[0])
