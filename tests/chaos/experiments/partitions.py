"""X6: the wires to the broker, the database and the relay are reset, after any byte too, and cut, singly and in pairs."""

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
#: The most bytes of a client's after which its connections are reset: more than one message's, or than one task's.
BYTES = {"broker": 4_000, "database": 20_000, "smtp": 100_000}
BYTES_SECONDS = 3.0
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
            _one(run, on, verdict, routes, "reset_at", [BYTES_SECONDS] * RESETS)
        for routes in SINGLE + PAIRS:
            _one(run, on, verdict, routes, "drop", [run.shortened(chance.uniform(*SECONDS))])
        resets = on.wires.fault("smtp", "none")
    verdict.figures["connections to the relay that were reset"] = resets
    verdict.limit_ambiguous(verdict.faults * CONNECTIONS * SENDERS + resets)
    verdict.hold_recovery(RECOVERY_SECONDS)
    return verdict


def _one(
    run: Run, on: Stage, verdict: Verdict, routes: tuple[str, ...], fault: str, seconds: list[float]
) -> None:
    """Make a fault several times during one campaign."""
    name = f"{fault} {' and '.join(routes)}"
    chance = run.chance(name)
    before, slowest = verdict.ambiguous, 0.0
    sending = on.start()
    for moment, length in zip(moments(len(seconds), run.scaled(PEOPLE), chance), seconds, strict=True):
        sending.reach(moment)
        for route in routes:
            on.wires.fault(route, fault, chance.randint(1, BYTES[route]))
        time.sleep(length)
        on.wires.heal()
        verdict.faults += 1
        slowest = max(slowest, sending.progress())
    verdict.note_recovery(slowest)
    found = sending.finish()
    verdict.add(found)
    verdict.hold(not found.counts.get("failed"), f"{name}: {found.counts.get('failed')} ended as failed")
    verdict.figures[name] = {"ambiguous": verdict.ambiguous - before, "recovered s": round(slowest, 1)}
