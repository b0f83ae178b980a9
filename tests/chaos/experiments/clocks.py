"""X9: the workers' clocks jump an hour to and fro while they send and while schedules in six zones come due.

Leases and schedules go by the database's clock. What the gap and the repeated hour of a zone do to an instant is a matter
of pure functions and is held in their own tests.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from newsletter.delivery.control.wall_time import Schedule, schedule_at
from tests.chaos.stage import Run, Stage, look_until, moments, stage
from tests.chaos.verdict import Verdict

PEOPLE = 5_000
HOUR = 3600
JUMPS = (HOUR, 0, -HOUR, 0, HOUR, -HOUR)
ZONES = (
    "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Chatham", "America/Santiago",
)  # fmt: skip
AHEAD, LATEST = timedelta(seconds=5), timedelta(seconds=30)
MISSED = timedelta(minutes=61)


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
        for zone, jump in zip(ZONES, JUMPS, strict=True):
            _jump(offset, jump)
            _scheduled(on, verdict, zone)
        _missed(on, verdict)
    verdict.figures["attempts"] = attempts
    verdict.hold(attempts == people, f"{attempts} attempts for {people} people")
    verdict.limit_ambiguous(0)
    return verdict


def _scheduled(on: Stage, verdict: Verdict, zone: str) -> None:
    """Schedule by the wall clock of a zone: it begins at that moment by the database's clock, once."""
    due = _wall(datetime.now(UTC) + AHEAD, zone)
    sending = on.start(due)
    verdict.add(sending.finish())
    began = on.ledger.ask("SELECT frozen_at FROM campaigns WHERE id = :id", id=sending.campaign)[0][0]
    late = began - due.at
    verdict.hold(timedelta() <= late <= LATEST, f"{zone}: began {late} after its time")
    verdict.figures[f"begun after its time in {zone}, s"] = round(late.total_seconds(), 1)


def _missed(on: Stage, verdict: Verdict) -> None:
    """A schedule missed by more than an hour is held with its reason; nobody gets anything."""
    sending = on.start(_wall(datetime.now(UTC) + MISSED, ZONES[0]))
    past = _wall(datetime.now(UTC) - MISSED, ZONES[0]).wall
    on.ledger.ask(
        "UPDATE campaigns SET wall_time = :wall WHERE id = :id", wall=str(past).replace(" ", "T"), id=sending.campaign
    )  # fmt: skip
    held = look_until(lambda: on.ledger.state(sending.campaign) == "paused", 60)
    reason = on.ledger.ask("SELECT reason FROM campaigns WHERE id = :id", id=sending.campaign)[0][0]
    verdict.hold(held and "missed" in reason, f"a missed schedule was not held, but: {reason!r}")
    verdict.hold(sending.accepted == 0, f"{sending.accepted} messages of a missed schedule")


def _wall(at: datetime, zone: str) -> Schedule:
    return schedule_at(at.astimezone(ZoneInfo(zone)).replace(tzinfo=None, microsecond=0).isoformat(), zone)


def _jump(offset: Path, seconds: int) -> None:
    """Replace the offset in one step: nobody reads half a number."""
    fresh = offset.with_suffix(".new")
    fresh.write_text(str(seconds))
    fresh.rename(offset)
