"""A product process with a fault inside: `python -m tests.chaos.hooked worker …` is `newsletter worker …` but for it.

CHAOS_POISON=ADDRESS: the process that prepares this person's message dies of SIGKILL; CHAOS_DEATHS names a file that
gets a line each time. CHAOS_CLOCK=FILE: the application's clock is off by the seconds written there.
"""

from __future__ import annotations

import os
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from newsletter.cli.main import main
from newsletter.clock import SystemClock
from newsletter.delivery.sending.outgoing import CampaignMail
from tests.chaos.processes import kill_hard


def poison(address: str, deaths: Path) -> None:
    """Let one person's message kill whoever prepares it."""
    healthy = CampaignMail.prepare

    def prepare(mail: CampaignMail, row: Any) -> Any:
        if row.address == address:
            with deaths.open("a") as file:
                file.write(f"{os.getpid()}\n")
            kill_hard(os.getpid())
        return healthy(mail, row)

    CampaignMail.prepare = prepare  # type: ignore[method-assign, assignment]


def skew(offset: Path) -> None:
    """Let this process's clocks be off by the seconds in a file, read anew each time."""
    honest_now, honest_time = SystemClock.now, time.time

    def seconds() -> float:
        return float(offset.read_text())

    def now(clock: SystemClock) -> datetime:
        return honest_now(clock) + timedelta(seconds=seconds())

    SystemClock.now = now  # type: ignore[method-assign, assignment]
    time.time = lambda: honest_time() + seconds()


if __name__ == "__main__":
    if address := os.environ.get("CHAOS_POISON"):
        poison(address, Path(os.environ["CHAOS_DEATHS"]))
    if file := os.environ.get("CHAOS_CLOCK"):
        skew(Path(file))
    main()
