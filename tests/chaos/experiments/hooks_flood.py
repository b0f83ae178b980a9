"""X14, second half: a flood of a provider's webhook events, each three times and in any order, while workers are killed.

What is left is what the same events, each once and sorted by time, leave in a copy of the database.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Sequence
from datetime import timedelta

import psycopg
from sqlalchemy import select

from newsletter.db.session import Sessions, create_database_engine, create_sessions, unit_of_work
from newsletter.delivery.control.freeze import freeze_campaign
from newsletter.delivery.models import Delivery
from newsletter.delivery.service import send_campaign
from tests.chaos.experiments.kills import PAUSE
from tests.chaos.processes import children, kill_hard
from tests.chaos.stage import BEAT, WORKER, Run, Stage, look_until, stage
from tests.chaos.verdict import Verdict
from tests.support.filling import start_letter
from tests.support.webhook_flood import (
    State,
    add_flood_account,
    flooded,
    in_order,
    keep,
    make_events,
    pour,
    state_of,
)

PEOPLE = 4_000
EVENTS = 100_000
KILLS = 40
CALM = "calm"
WAITING = "SELECT count(*) FROM provider_requests WHERE state = 'new'"


def flood_of_webhooks(run: Run, verdict: Verdict) -> None:
    """Pour the flood into one database and the sorted events into its copy; both must end alike."""
    chance = run.chance("X14 webhooks")
    with stage(run, "x14-webhooks", run.scaled(PEOPLE), crew=()) as on:
        account_id = _send_and_copy(on)
        at = on.parts.clock.now()
        with on.parts.reading_sessions() as session:
            numbers = session.scalars(select(Delivery.id)).all()
        events = make_events(
            numbers, run.scaled(EVENTS), on.parts.keyring, at - timedelta(hours=2), seed=run.seed
        )
        _keep_all(on, account_id, flooded(events, run.seed))
        started = time.monotonic()
        kills = _work_under_fire(on, run.scaled(KILLS), chance)
        seconds = time.monotonic() - started
        calm = create_sessions(create_database_engine(_url(on, CALM)))
        pour(calm, account_id, in_order(events), on.parts.keyring, at)
        _compare(_state(on.parts.sessions), _state(calm), verdict)
    verdict.faults += kills
    verdict.figures["webhooks"] = {
        "events": len(events), "poured": 3 * len(events), "workers killed": kills, "seconds": round(seconds),
    }  # fmt: skip


def _send_and_copy(on: Stage) -> int:
    """Send an issue, add an account, and copy the database while nobody is connected; return the account's id."""
    campaign = start_letter(on.parts)
    freeze_campaign(on.parts.sessions, on.parts.queue, campaign)
    send_campaign(on.parts.sending, campaign)
    with unit_of_work(on.parts.sessions) as session:
        account_id = add_flood_account(session, on.parts.clock.now())
    on.parts.engine.dispose()
    with psycopg.connect(_url(on, "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {CALM} TEMPLATE chaos")
    return account_id


def _url(on: Stage, name: str) -> str:
    return f"postgresql://postgres@127.0.0.1:{on.database.port}/{name}"


def _keep_all(on: Stage, account_id: int, requests: Sequence[list[dict[str, object]]]) -> None:
    """Keep the requests as the door does."""
    for number, events in enumerate(requests):
        keep(on.parts.sessions, account_id, number, json.dumps(events).encode(), on.parts.clock.now())


def _work_under_fire(on: Stage, wanted: int, chance: random.Random) -> int:
    """Let workers apply what is kept and kill some of them; return how many."""
    worker = on.crew.keep(*WORKER)
    on.crew.keep(*BEAT)
    kills = 0

    def applied() -> bool:
        return not on.ledger.ask(WAITING)[0][0]

    while kills < wanted and not look_until(applied, chance.uniform(*PAUSE)):
        pids = children(worker.process.pid)
        kills += bool(pids) and kill_hard(chance.choice(pids))
    look_until(applied, 1200)
    return kills


def _state(sessions: Sessions) -> State:
    with sessions() as session:
        return state_of(session)


def _compare(found: State, wanted: State, verdict: Verdict) -> None:
    for name in ("entries", "suppressed", "memberships", "deliveries", "events"):
        differs = getattr(found, name) ^ getattr(wanted, name)
        verdict.hold(not differs, f"webhooks: {len(differs)} {name} differ from those of the sorted events")
