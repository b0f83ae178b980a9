"""The stage of an experiment: PostgreSQL, Redis, the relay, an installation with readers, and a crew that sends."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from newsletter.bootstrap import Container
from newsletter.db.session import unit_of_work
from newsletter.delivery.control.preflight import approve_checked
from newsletter.delivery.control.wall_time import Schedule
from newsletter.issues import service as issues
from tests.chaos.crew import Crew, running_crew
from tests.chaos.ledger import OVER, Ledger
from tests.chaos.oracle import Findings, compare
from tests.chaos.servers import Broker, Database, running_broker, running_database
from tests.chaos.sink import Sink, running_sink
from tests.chaos.wires import Wires, running_wires
from tests.servers import free_port, wait_for
from tests.support.filling import fill_letter, parts_of, start_letter
from tests.support.installation import Installation

WORKER = ("worker", "--concurrency", "2", "--loglevel", "WARNING")
BEAT = ("beat", "--loglevel", "WARNING")


@dataclass(frozen=True)
class Run:
    """What was asked for: `scale` shrinks the load and the number of faults; everything random hangs on `seed`."""

    folder: Path
    seed: int = 1
    scale: float = 1.0

    def scaled(self, number: float, *, least: int = 1) -> int:
        """Return a number of messages or faults at this scale."""
        return max(least, round(number * self.scale))

    def shortened(self, seconds: float) -> float:
        """Return a time at this scale, five seconds at least when it is longer than that."""
        return min(seconds, max(5.0, seconds * self.scale))

    def chance(self, name: str) -> random.Random:
        """Return the generator of one experiment."""
        return random.Random(f"{self.seed} {name}")


@dataclass
class Stage:
    """Everything that runs."""

    place: Installation
    parts: Container
    sink: Sink
    database: Database
    broker: Broker
    wires: Wires
    ledger: Ledger
    crew: Crew
    issue: int = 1

    def start(self, schedule: Schedule | None = None) -> Sending:
        """Start or schedule the next issue's campaign to all readers."""
        if self.issue > 1:
            _another_issue(self.parts)
        campaign = start_letter(self.parts, self.issue, schedule)
        self.issue += 1
        return Sending(self, campaign, self.sink.count())


@dataclass
class Sending:
    """A campaign under way."""

    stage: Stage
    campaign: int
    before: int

    @property
    def accepted(self) -> int:
        """How many of its messages the relay has taken."""
        return self.stage.sink.count() - self.before

    @property
    def is_over(self) -> bool:
        """True when the campaign has ended."""
        return self.stage.ledger.state(self.campaign) in OVER

    def reach(self, count: int, seconds: float = 120) -> None:
        """Wait until so many messages were accepted."""
        wait_for(lambda: self.accepted >= count, f"message {count} of campaign {self.campaign}", seconds)

    def progress(self, seconds: float = 120) -> float:
        """Wait for the next accepted message or the end; return how long that took, in seconds."""
        start, seen = time.monotonic(), self.accepted
        wait_for(lambda: self.accepted > seen or self.is_over, "progress", seconds)
        return time.monotonic() - start

    def finish(self, seconds: float = 240) -> Findings:
        """Wait for the end and ask the oracle; a campaign that does not end is a finding, not an error."""
        look_until(lambda: self.is_over, seconds)
        books = self.stage.ledger.books(self.campaign)
        taken = self.stage.sink.accepted(self.before)
        return compare(books, (each.recipient for each in taken))


def look_until(check: Callable[[], bool], seconds: float) -> bool:
    """Wait until `check()`; False when it did not come true in time."""
    try:
        wait_for(check, "", seconds)
    except RuntimeError:
        return False
    return True


def moments(count: int, messages: int, chance: random.Random) -> Iterator[int]:
    """Return numbers of messages after which to strike: one in each part of the middle 70 %, at random."""
    for number in range(count):
        yield round(messages * (0.1 + 0.7 * (number + chance.random()) / count))


def readers(count: int, groups: int = 1) -> Iterator[tuple[str, str]]:
    """Return addresses and names, spread over so many domains."""
    for number in range(count):
        domain = "example.com" if groups == 1 else f"group{number % groups}.example.com"
        yield f"reader{number}@{domain}", f"Zoë Reader {number}"


@contextmanager
def stage(
    run: Run,
    name: str,
    people: int,
    *,
    groups: int = 1,
    connections: int = 10,
    crew: tuple[tuple[str, ...], ...] = (WORKER, BEAT),
    hooks: Mapping[str, str] | None = None,
    wired: bool = False,
    embedded: bool = False,
    data_dir: Path | None = None,
    database_in: Path | None = None,
    **script: object,
) -> Iterator[Stage]:
    """Set the stage; all of it ends with the block.

    `hooks` are faults inside the product's processes (`hooked`); `wired` puts the fault proxy between them and the servers;
    `embedded` is SQLite and one process; the data directory or PostgreSQL's can be on a disk of the caller's.
    """
    folder = run.folder / name
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        database = stack.enter_context(running_database(database_in))
        broker = stack.enter_context(running_broker())
        sink = stack.enter_context(running_sink(folder, **script))
        ports = {"database": database.port, "broker": broker.port, "smtp": sink.port}
        wires = stack.enter_context(running_wires(**ports)) if wired else Wires(ports, 0)
        data = data_dir or folder / "var"
        settings = {"data_dir": str(data), "smtp_url": f"smtp://127.0.0.1:{wires.ports['smtp']}"}
        settings |= {"smtp_connections": str(connections)} | _ports()
        if not embedded:
            settings |= _servers(wires)
        place = Installation.at(folder, **settings)
        parts = parts_of(place)
        stack.callback(parts.dispose)
        fill_letter(parts, readers(people, groups), folder=folder)
        running = stack.enter_context(running_crew(place, *crew, hooks=hooks))
        books = f"sqlite:///{data}/newsletter.db" if embedded else database.url
        yield Stage(place, parts, sink, database, broker, wires, Ledger(books), running)


def _ports() -> dict[str, str]:
    """Return free ports for everything that listens."""
    return {f"{name}_port": str(free_port()) for name in ("web", "catcher", "receiver")}


def _servers(wires: Wires) -> dict[str, str]:
    """Return the settings that name PostgreSQL and Redis."""
    return {
        "database_url": f"postgresql://postgres@127.0.0.1:{wires.ports['database']}/chaos",
        "broker_url": f"redis://127.0.0.1:{wires.ports['broker']}/0",
    }


def _another_issue(parts: Container) -> None:
    """Approve the next issue: the same posts again."""
    with unit_of_work(parts.sessions) as session:
        first = issues.find_issue(session, "letter/1")
        posts = [item.post_id for section in first.sections for item in section.items if item.post_id]
        issue = issues.create_issue(session, first.publication, post_ids=posts)
        approve_checked(session, issue, actor="t", base_url=parts.settings.base_url)
