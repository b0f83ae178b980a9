"""X3, X4: the broker forgets everything or stands still, the database dies and stays away."""

from __future__ import annotations

import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable

import redis

from tests.chaos.servers import Restartable
from tests.chaos.stage import BEAT, WORKER, Run, Sending, Stage, moments, stage
from tests.chaos.verdict import Verdict
from tests.servers import free_port, listens, wait_for

PEOPLE = 10_000
#: Longer than a task, so that those under way end and nobody can ask for the next one.
BROKER_SECONDS = 60.0
PAUSE_SECONDS = 120.0
DATABASE_SECONDS = 60.0
PROGRESS_SECONDS = 30
#: A slow relay and few connections, so that the sending lasts longer than the outages: about 180 messages a second.
CONNECTIONS, LATENCY = 5, 0.05
Outage = Callable[[Stage, float], None]


def x3(run: Run) -> Verdict:
    """The broker is killed, emptied, restarted without its memory, and frozen; the rows know what is left to do."""
    verdict = Verdict("X3", "Redis: SIGKILL, FLUSHALL, restart without memory, paused")
    outages: dict[str, tuple[Outage, float]] = {
        "SIGKILL": (_broker_killed, BROKER_SECONDS),
        "FLUSHALL": (_broker_emptied, 0.0),
        "restart": (_broker_restarted, 1.0),
        "paused": (_broker_paused, PAUSE_SECONDS),
    }
    with stage(run, "x3", run.scaled(PEOPLE), connections=CONNECTIONS, latency=LATENCY) as on:
        for name, (outage, seconds) in outages.items():
            _one_outage(run, on, verdict, name, outage, run.shortened(seconds))
    verdict.limit_ambiguous(0)
    verdict.hold_recovery(PROGRESS_SECONDS)
    return verdict


def _one_outage(run: Run, on: Stage, verdict: Verdict, name: str, outage: Outage, seconds: float) -> Sending:
    sending = on.start()
    sending.reach(next(iter(moments(1, run.scaled(PEOPLE), run.chance(name)))))
    outage(on, seconds)
    verdict.faults += 1
    recovery = sending.progress()
    verdict.note_recovery(recovery)
    verdict.figures[f"{name}: seconds away, until progress"] = [round(seconds, 1), round(recovery, 1)]
    verdict.add(sending.finish())
    return sending


def _broker_killed(on: Stage, seconds: float) -> None:
    on.broker.kill()
    time.sleep(seconds)
    on.broker.start()


def _broker_emptied(on: Stage, _seconds: float) -> None:
    with redis.Redis(port=on.broker.port) as client:
        client.flushall()


def _broker_restarted(on: Stage, seconds: float) -> None:
    on.broker.stop(signal.SIGTERM)
    time.sleep(seconds)
    on.broker.start()


def _broker_paused(on: Stage, seconds: float) -> None:
    on.broker.pause()
    time.sleep(seconds)
    on.broker.resume()


def x4(run: Run) -> Verdict:
    """PostgreSQL is killed, stopped at once, and away for a minute; the web app says so instead of falling over."""
    verdict = Verdict("X4", "PostgreSQL: SIGKILL, immediate stop, a minute away")
    port, opened = free_port(), 0
    serve = ("serve", "--port", str(port))
    outages: dict[str, tuple[Callable[[Restartable], None], float]] = {
        "SIGKILL": (Restartable.kill, 0.5),
        "immediate stop": (lambda server: server.stop(signal.SIGQUIT), 0.5),
        "away": (lambda server: server.stop(signal.SIGINT), DATABASE_SECONDS),
    }
    with stage(
        run, "x4", run.scaled(PEOPLE), crew=(WORKER, BEAT, serve), connections=CONNECTIONS, latency=LATENCY
    ) as on:
        wait_for(lambda: listens(port), "the web app's start", 60)
        for name, (end, seconds) in outages.items():

            def away(on: Stage, seconds: float, end: Callable[[Restartable], None] = end) -> None:
                nonlocal opened
                opened += sum(count for _, count in on.crew.senders(on.sink.port))
                end(on.database)
                verdict.hold(
                    _answer(port) == 503, "the web app does not answer 503 while the database is away"
                )
                time.sleep(seconds)
                on.database.start()

            _one_outage(run, on, verdict, name, away, run.shortened(seconds))
        verdict.hold(_answer(port) < 500, "the web app does not answer after the database's return")
    verdict.limit_ambiguous(opened)
    verdict.hold_recovery(75)
    return verdict


def _answer(port: int) -> int:
    """Return the status of the archive's page, which reads the database."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/letter", timeout=40) as page:
            return int(page.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 599
