"""X9: the workers' clocks jump an hour to and fro while they send; leases go by the database's clock.

What daylight saving does to schedules is a matter of pure functions and is held in their own tests.
"""

from __future__ import annotations

from pathlib import Path

from tests.chaos.stage import Run, moments, stage
from tests.chaos.verdict import Verdict

PEOPLE = 5_000
HOUR = 3600
JUMPS = (HOUR, 0, -HOUR, 0, HOUR, -HOUR)


def x9(run: Run) -> Verdict:
    """Everybody gets one message, whatever the clocks say."""
    verdict = Verdict("X9", "the workers' clocks jump by ± 1 h")
    people, offset = run.scaled(PEOPLE), run.folder / "offset"
    offset.write_text("0")
    with stage(run, "x9", people, hooks={"CHAOS_CLOCK": str(offset)}, connections=5, latency=0.02) as on:
        sending = on.start()
        for moment, jump in zip(moments(len(JUMPS), people, run.chance("X9")), JUMPS, strict=True):
            sending.reach(moment)
            _jump(offset, jump)
            verdict.faults += 1
            verdict.note_recovery(sending.progress())
        verdict.add(sending.finish())
        attempts = len(on.sink.attempts())
    verdict.figures["attempts"] = attempts
    verdict.hold(attempts == people, f"{attempts} attempts for {people} people")
    verdict.limit_ambiguous(0)
    return verdict


def _jump(offset: Path, seconds: int) -> None:
    """Replace the offset in one step: nobody reads half a number."""
    fresh = offset.with_suffix(".new")
    fresh.write_text(str(seconds))
    fresh.rename(offset)
