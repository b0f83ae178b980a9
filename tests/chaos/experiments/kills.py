"""X1: a random sender process is killed every 0.25–2 s while everybody is written to, whatever the relay's latency."""

from __future__ import annotations

import random
import time

from tests.chaos.stage import Run, Sending, Stage, stage
from tests.chaos.verdict import Verdict

PEOPLE = 20_000
KILLS = 201
LATENCIES = (0.0, 0.005, 0.05)
PAUSE = (0.25, 2.0)
SHARE = 0.7


def x1(run: Run) -> Verdict:
    """SIGKILL random senders; issues follow one another until each latency has had its third of the kills."""
    verdict = Verdict("X1", "SIGKILL of a random sender every 0.25–2 s")
    chance, people = run.chance("X1"), run.scaled(PEOPLE)
    wanted = run.scaled(KILLS / len(LATENCIES))
    bound = 0.0
    with stage(run, "x1", people) as on:
        for latency in LATENCIES:
            on.sink.does(latency=latency)
            opened, campaigns, before = _kill_at_one_latency(on, verdict, wanted, chance)
            bound += opened * SHARE
            verdict.figures[f"{latency * 1000:g} ms"] = {
                "kills": wanted, "campaigns": campaigns, "open connections": opened,
                "ambiguous": verdict.ambiguous - before,
            }  # fmt: skip
    verdict.limit_ambiguous(bound)
    return verdict


def _kill_at_one_latency(
    on: Stage, verdict: Verdict, wanted: int, chance: random.Random
) -> tuple[int, int, int]:
    opened = done = campaigns = 0
    before = verdict.ambiguous
    while done < wanted:
        sending = on.start()
        campaigns += 1
        counts = kill_until(sending, wanted - done, chance)
        opened, done = opened + sum(counts), done + len(counts)
        found = sending.finish()
        verdict.add(found)
        verdict.hold(not found.counts.get("failed"), f"{found.counts.get('failed')} ended as failed")
    verdict.faults += done
    return opened, campaigns, before


def kill_until(sending: Sending, wanted: int, chance: random.Random) -> list[int]:
    """Kill senders at random moments until enough died or all is sent; return the open connections of each."""
    counts: list[int] = []
    due = time.monotonic() + chance.uniform(*PAUSE)
    while len(counts) < wanted and not sending.is_over:
        if time.monotonic() >= due:
            count = sending.stage.crew.kill_sender(sending.stage.sink.port, chance)
            if count is not None:
                counts.append(count)
                due = time.monotonic() + chance.uniform(*PAUSE)
        time.sleep(0.02)
    return counts
