"""SIGTERM to a worker that sends: it begins nothing new, hears every answer that is due, and is gone within seconds."""

from __future__ import annotations

import json
import time
from pathlib import Path

from tests.servers import RedisServer, wait_for
from tests.support.filling import fill_letter, parts_of, start_letter
from tests.support.installation import Installation, kill
from tests.support.sink import running_sink

PEOPLE = 3_000
PATIENCE = 5


def test_a_worker_that_is_told_to_stop_leaves_nothing_unknown(
    tmp_path: Path, redis_server: RedisServer, postgres_database: str
) -> None:
    with running_sink(tmp_path, delay=0.1) as sink:
        place = Installation.at(
            tmp_path, database_url=postgres_database, broker_url=redis_server.url,
            smtp_url=f"smtp://127.0.0.1:{sink.port}", smtp_connections="10",
        )  # fmt: skip
        parts = parts_of(place)
        people = ((f"reader{number}@example.com", "Reader") for number in range(PEOPLE))
        fill_letter(parts, people, folder=tmp_path)
        worker = place.start("worker", "--concurrency", "1")
        try:
            with place.running("beat"):
                campaign = start_letter(parts)
                wait_for(lambda: sink.count() >= 200, "some of the sending", 60)
                worker.terminate()
                told = time.monotonic()
                worker.wait(60)
                assert time.monotonic() - told < PATIENCE
        finally:
            kill(worker)
        lines = place.run("campaign", "deliveries", str(campaign), "--json").stdout.splitlines()
        states = [json.loads(line)["state"] for line in lines]
        assert states.count("sent") == sink.count() >= 200
        assert states.count("queued") == PEOPLE - sink.count()
