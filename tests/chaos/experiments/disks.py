"""X8: the disk of the journals, of PostgreSQL, and of the embedded database is full for a while."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, ExitStack
from typing import Any

from tests.chaos.disk import SmallDisk, small_disk
from tests.chaos.stage import Run, Stage, stage
from tests.chaos.verdict import Verdict
from tests.servers import free_port

PEOPLE = 5_000
FULL_SECONDS = 20.0
MEGABYTES = {"journals": 8, "PostgreSQL": 400, "SQLite": 64}
CONNECTIONS, LATENCY, SENDERS = 5, 0.02, 2


def x8(run: Run) -> Verdict:
    """Fill each disk in the middle of a campaign, empty it, and compare the books."""
    verdict = Verdict("X8", "disk full: journals, PostgreSQL, SQLite")
    for name, megabytes in MEGABYTES.items():
        with ExitStack() as stack:
            disk = stack.enter_context(small_disk(run.folder / f"disk-{name}", megabytes))
            _one_disk(run, stack.enter_context(_stage(run, name, disk)), verdict, name, disk)
    verdict.limit_ambiguous(len(MEGABYTES) * CONNECTIONS * SENDERS)
    return verdict


def _stage(run: Run, name: str, disk: SmallDisk) -> AbstractContextManager[Stage]:
    """Set the stage with one of its parts on the small disk."""
    place: dict[str, Any] = {"data_dir": disk.folder}
    if name == "PostgreSQL":
        place = {"database_in": disk.folder}
    elif name == "SQLite":
        place |= {"embedded": True, "crew": (("up", "--port", str(free_port())),)}
    people = run.scaled(PEOPLE)
    return stage(run, f"x8-{name}", people, connections=CONNECTIONS, latency=LATENCY, **place)


def _one_disk(run: Run, on: Stage, verdict: Verdict, name: str, disk: SmallDisk) -> None:
    sending = on.start()
    sending.reach(run.scaled(PEOPLE) // 4)
    disk.fill()
    time.sleep(run.shortened(FULL_SECONDS))
    while_full = sending.accepted
    disk.free()
    on.database.start()  # it may have given up
    verdict.faults += 1
    recovery = sending.progress()
    verdict.note_recovery(recovery)
    found = sending.finish()
    verdict.add(found)
    verdict.hold(not found.counts.get("failed"), f"{name}: {found.counts.get('failed')} ended as failed")
    verdict.figures[name] = {
        "accepted until the space came back": while_full,
        "ambiguous": len(found.ambiguous),
    }
