"""Limits on the wire: a real sender, a relay that counts and stalls, four groups that must not wait for the fifth."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import func, select

from newsletter.bootstrap import Container, build_container
from newsletter.db import migrate
from newsletter.db.session import unit_of_work
from newsletter.delivery.control.freeze import freeze_campaign
from newsletter.delivery.limits import editing
from newsletter.delivery.limits.rates import parse_rate
from newsletter.delivery.limits.service import Limits
from newsletter.delivery.models import Campaign, Delivery
from newsletter.delivery.relays.routes import Relay, Routes
from newsletter.delivery.sending.engine import Sender
from newsletter.delivery.sending.outgoing import campaign_mail
from newsletter.delivery.sending.writing import Mail
from newsletter.delivery.smtp.target import SmtpTarget
from newsletter.delivery.states import DeliveryState
from newsletter.settings import Settings
from tests.conftest import RecordingQueue
from tests.servers import free_port
from tests.support.filling import fill_letter, start_letter

GROUPS = ("one.test", "two.test", "three.test", "four.test", "pit.test")
LATENCY = 0.01


@dataclass
class Slow:
    """A relay that answers the final dot after a while, later for some domains; it notes when and how many at once."""

    port: int = field(default_factory=free_port)
    stalls: dict[str, float] = field(default_factory=dict)
    accepted: list[tuple[float, str]] = field(default_factory=list)
    at_once: dict[str, int] = field(default_factory=dict)
    most: dict[str, int] = field(default_factory=dict)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        try:
            await self._talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 relay.example.com ESMTP\r\n")
        domain = ""
        while line := (await reader.readline()).decode().strip():
            verb = line[:4].upper()
            if verb == "EHLO":
                writer.write(b"250-relay.example.com\r\n250 PIPELINING\r\n")
            elif verb == "RCPT":
                domain = line.partition("@")[2].partition(">")[0]
                writer.write(b"250 2.1.5 OK\r\n")
            elif verb == "DATA":
                writer.write(b"354 Go ahead\r\n")
                await self._take(reader, domain)
                writer.write(b"250 2.0.0 Taken\r\n")
            elif verb == "QUIT":
                writer.write(b"221 2.0.0 Bye\r\n")
                return
            else:
                writer.write(b"250 2.0.0 OK\r\n")

    async def _take(self, reader: asyncio.StreamReader, domain: str) -> None:
        await reader.readuntil(b"\r\n.\r\n")
        self.at_once[domain] = self.at_once.get(domain, 0) + 1
        self.most[domain] = max(self.most.get(domain, 0), self.at_once[domain])
        await asyncio.sleep(self.stalls.get(domain, LATENCY))
        self.at_once[domain] -= 1
        self.accepted.append((time.monotonic(), domain))

    def taken(self, *domains: str) -> list[float]:
        """Return when messages to these domains were accepted."""
        return [at for at, domain in self.accepted if domain in domains]


@contextmanager
def running(relay: Slow) -> Iterator[Slow]:
    """Run the relay in a thread until the block ends."""
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(relay.talk, "127.0.0.1", relay.port))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield relay
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


def prepared(folder: Path, settings: Settings, each: int) -> tuple[Container, int]:
    """Return an installation with a campaign to `each` readers in every group, frozen."""
    settings = settings.model_copy(update={"data_dir": folder / "var", "smtp_url": "smtp://127.0.0.1:1"})
    parts = build_container(settings, queue=RecordingQueue())
    migrate.upgrade(parts.engine)
    people = [(f"reader{n}@{group}", "") for n in range(each) for group in GROUPS]
    fill_letter(parts, people, folder=folder)
    campaign_id = start_letter(parts)
    freeze_campaign(parts.sessions, parts.queue, campaign_id)
    return parts, campaign_id


def send(
    parts: Container, campaign_id: int, relay: Slow, seconds: float, limits: Limits | None = None
) -> None:
    """Let one sender work for a while."""
    with parts.sessions() as session:
        campaign = session.get_one(Campaign, campaign_id)
        mail, first_row = campaign_mail(parts.sending.room, campaign), campaign.first_row
    target = SmtpTarget.from_url(f"smtp://127.0.0.1:{relay.port}")
    Sender(
        sessions=parts.sessions, clock=parts.clock, routes=Routes([Relay("default", target)], parts.clock.monotonic),
        scope=mail.scope, mail=Mail(mail.prepare), journal_folder=parts.sending.journal_folder, connections=20,
        seconds=seconds, cursor=first_row, first_row=first_row,
        gate=(limits or parts.limits).gate_for(campaign_id, relays=["default"], connections=20),
    ).run()  # fmt: skip


def counts(parts: Container) -> dict[str, int]:
    """Return how many rows are in each state."""
    with parts.reading_sessions() as session:
        rows = session.execute(select(Delivery.state, func.count()).group_by(Delivery.state)).all()
    return {DeliveryState(state).word: count for state, count in rows}


def test_a_tarpit_does_not_hold_up_the_other_groups(tmp_path: Path, settings: Settings) -> None:
    """T4: one of five groups answers after four seconds; the other four are done about as fast as without it."""
    times = {}
    for stall in (LATENCY, 4.0):
        parts, campaign_id = prepared(tmp_path / str(stall), settings, each=90)
        with running(Slow(stalls={"pit.test": stall})) as relay:
            send(parts, campaign_id, relay, seconds=6.0)
        others = relay.taken(*GROUPS[:4])
        assert len(others) == 360
        times[stall] = max(others) - min(others)
        parts.dispose()
    assert times[4.0] <= times[LATENCY] / 0.8


@pytest.mark.parametrize("rate", ["50/second"])
def test_the_relay_sees_no_more_than_the_limit(tmp_path: Path, settings: Settings, rate: str) -> None:
    parts, campaign_id = prepared(tmp_path, settings, each=40)
    with unit_of_work(parts.sessions) as session:
        editing.set_limit(session, "relay", "default", parse_rate(rate), actor="t", now=parts.clock.now())
    with running(Slow()) as relay:
        send(parts, campaign_id, relay, seconds=5.0)
    taken = sorted(relay.taken(*GROUPS))
    assert max(sum(1 for at in taken if begin <= at < begin + 1.0) for begin in taken) <= 50
    assert sum(counts(parts).values()) == 200
    parts.dispose()


def test_seats_bound_what_is_on_the_wire(tmp_path: Path, settings: Settings) -> None:
    parts, campaign_id = prepared(tmp_path, settings, each=40)
    with unit_of_work(parts.sessions) as session:
        editing.set_at_once(session, "one.test", 2, actor="t", now=parts.clock.now())
    with running(Slow()) as relay:
        send(parts, campaign_id, relay, seconds=10.0)
    assert relay.most["one.test"] <= 2
    assert relay.most["two.test"] > 2
    assert counts(parts) == {"sent": 200}
    parts.dispose()


def test_seats_bound_what_several_senders_have_on_the_wire_together(
    tmp_path: Path, settings: Settings
) -> None:
    """T1: three processes as far as limits can tell; nobody has more than the seats, and everybody is sent to."""
    parts, campaign_id = prepared(tmp_path, settings, each=60)
    with unit_of_work(parts.sessions) as session:
        editing.set_at_once(session, "one.test", 3, actor="t", now=parts.clock.now())
    with running(Slow(stalls={"one.test": 0.05})) as relay, ThreadPoolExecutor(3) as pool:
        processes = [
            Limits(parts.sessions, parts.reading_sessions, parts.clock, parts.limits.limiter)
            for _ in range(3)
        ]
        for sent in [pool.submit(send, parts, campaign_id, relay, 8.0, limits) for limits in processes]:
            sent.result(60)
    assert relay.most["one.test"] <= 3
    assert counts(parts).get("sent", 0) + counts(parts).get("deferred", 0) == 300
    assert len(relay.taken(*GROUPS[1:])) == 240
    parts.dispose()
