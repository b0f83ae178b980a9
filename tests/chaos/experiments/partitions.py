"""X6: the wires to the broker, the database and the relay are reset and cut, singly and in pairs."""

from __future__ import annotations

import time
from itertools import combinations

from tests.chaos.stage import Run, Stage, moments, stage
from tests.chaos.verdict import Verdict

PEOPLE = 10_000
ROUTES = ("broker", "database", "smtp")
SINGLE: tuple[tuple[str, ...], ...] = tuple(combinations(ROUTES, 1))
PAIRS: tuple[tuple[str, ...], ...] = tuple(combinations(ROUTES, 2))
RESETS = 3
SECONDS = (5.0, 60.0)
RECOVERY_SECONDS = 60
#: About 180 messages a second, so that the sending lasts longer than the faults.
CONNECTIONS, LATENCY, SENDERS = 5, 0.05, 2


def x6(run: Run) -> Verdict:
    """Resets on every route; then partitions of one and of two at a time."""
    verdict = Verdict("X6", "resets and partitions of broker, database and SMTP, singly and in pairs")
    chance = run.chance("X6")
    with stage(run, "x6", run.scaled(PEOPLE), wired=True, connections=CONNECTIONS, latency=LATENCY) as on:
        for routes in SINGLE:
            _one(run, on, verdict, routes, "reset", [0.5] * RESETS)
        for routes in SINGLE + PAIRS:
            _one(run, on, verdict, routes, "drop", [run.shortened(chance.uniform(*SECONDS))])
    verdict.limit_ambiguous(verdict.faults * CONNECTIONS * SENDERS)
    verdict.hold_recovery(RECOVERY_SECONDS)
    return verdict


def _one(
    run: Run, on: Stage, verdict: Verdict, routes: tuple[str, ...], fault: str, seconds: list[float]
) -> None:
    """Make a fault several times during one campaign."""
    name = f"{fault} {' and '.join(routes)}"
    before, slowest = verdict.ambiguous, 0.0
    sending = on.start()
    for moment, length in zip(
        moments(len(seconds), run.scaled(PEOPLE), run.chance(name)), seconds, strict=True
    ):
        sending.reach(moment)
        for route in routes:
            on.wires.fault(route, fault)
        time.sleep(length)
        on.wires.heal()
        verdict.faults += 1
        slowest = max(slowest, sending.progress())
    verdict.note_recovery(slowest)
    found = sending.finish()
    verdict.add(found)
    verdict.hold(not found.counts.get("failed"), f"{name}: {found.counts.get('failed')} ended as failed")
    verdict.figures[name] = {"ambiguous": verdict.ambiguous - before, "recovered s": round(slowest, 1)}
