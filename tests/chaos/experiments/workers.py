"""X2, X10, X11: whole workers die, are doubled, and are restarted in turn."""

from __future__ import annotations

import random
import subprocess
import sys
import time

from tests.chaos.crew import Member
from tests.chaos.stage import BEAT, WORKER, Run, Sending, moments, stage
from tests.chaos.verdict import Verdict
from tests.servers import wait_for
from tests.support.installation import stop

PEOPLE = 20_000
DEATHS = 5
#: A lease of 60 s and a sweep every 15 s.
RECOVERY_SECONDS = 75
CLICKS = 50
CLICKING_PEOPLE = 5_000
ROUNDS = 30
ROUND_SECONDS = 20.0
ONE_PROCESS = ("worker", "--concurrency", "1", "--loglevel", "WARNING")


def x2(run: Run) -> Verdict:
    """SIGKILL Celery's main process and all its children; a supervisor starts it again a second later."""
    verdict = Verdict("X2", "SIGKILL of Celery's main process and its children")
    people = run.scaled(PEOPLE)
    opened = 0
    with stage(run, "x2", people, latency=0.005) as on:
        sending = on.start()
        for moment in moments(run.scaled(DEATHS), people, run.chance("X2")):
            sending.reach(moment)
            opened += sum(count for _, count in on.crew.senders(on.sink.port))
            on.crew.kill_worker(on.crew.workers()[0])
            verdict.faults += 1
            verdict.note_recovery(sending.progress())
        verdict.add(sending.finish())
    verdict.limit_ambiguous(opened)
    verdict.hold_recovery(RECOVERY_SECONDS)
    return verdict


def x10(run: Run) -> Verdict:
    """Two schedulers, two sets of workers, and "send" clicked many times at once: one campaign."""
    verdict = Verdict("X10", "two schedulers, two sets of workers, many clicks on send")
    people = run.scaled(CLICKING_PEOPLE)
    with stage(run, "x10", people, crew=(WORKER, WORKER, BEAT, BEAT), latency=0.005) as on:
        command = [sys.executable, "-m", "newsletter", "issue", "send", "letter/1", "--list", "readers"]
        clicks = [
            subprocess.Popen(
                command, env=dict(on.place.environment), cwd=on.place.folder,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )
            for _ in range(run.scaled(CLICKS, least=5))
        ]  # fmt: skip
        codes = [click.wait(240) for click in clicks]
        campaigns = [row[0] for row in on.ledger.ask("SELECT id FROM campaigns ORDER BY id")]
        verdict.faults = len(clicks)
        verdict.figures["exit codes"] = {str(code): codes.count(code) for code in sorted(set(codes))}
        verdict.hold(len(campaigns) == 1, f"{len(campaigns)} campaigns instead of one")
        for campaign in campaigns[:1]:
            verdict.add(Sending(on, campaign, 0).finish())
    verdict.limit_ambiguous(0)
    return verdict


def x11(run: Run) -> Verdict:
    """SIGTERM to one of two workers in turn while issue after issue is sent: nothing is unknown afterwards."""
    verdict = Verdict("X11", "SIGTERM, rolling restarts")
    people, wanted = run.scaled(PEOPLE), run.scaled(ROUNDS, least=3)
    every = max(1.0, ROUND_SECONDS * run.scale)
    with stage(run, "x11", people, crew=(ONE_PROCESS, ONE_PROCESS, BEAT), latency=0.005) as on:
        workers, chance = on.crew.workers(), run.chance("X11")
        while verdict.faults < wanted:
            sending = on.start()
            while verdict.faults < wanted and not sending.is_over:
                time.sleep(every * chance.uniform(0.5, 1.0))
                _restart(workers[verdict.faults % len(workers)], chance)
                verdict.faults += 1
            verdict.add(sending.finish())
    verdict.limit_ambiguous(0)
    return verdict


def _restart(member: Member, chance: random.Random) -> None:
    """End a worker as a service manager does; the supervisor starts it again."""
    before, process = member.restarts, member.process
    stop(process)
    wait_for(lambda: member.restarts > before, "the worker's restart")
    time.sleep(chance.random())
