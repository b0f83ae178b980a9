"""How fast a campaign is sent, beside the fastest sender at hand: Postfix's smtp-source, to the same smtp-sink.

    python -m benchmarks.delivery --recipients 50000 --rounds 3 --json result.json

What is timed is the real path: claim rows, merge each message, sign it, commit the intent before each final dot, take the
reply into the ledger. `workers` is PostgreSQL, Redis and Celery's prefork processes; `embedded` is SQLite in one process.
smtp-source sends messages of the same size over 10 and over 50 open sessions (the better one counts), keeps no ledger and
has one text for everybody.

Everything runs on this machine over the loopback, so rates are not those of a real network; the ratio within a round is
what compares. PostgreSQL syncs its log as it does by default. After each run the books are checked: a run that does not
add up is an error, not a number. The table shows medians; the JSON has every run.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import product
from pathlib import Path

from benchmarks.campaign import CONNECTIONS, Bench, Sent, bench
from benchmarks.measured import Measured, table
from benchmarks.sink import best_source, running_smtp_sink
from tests.servers import PostgresServer, RedisServer

SENDERS = ("workers", "embedded")
KEYS = {"none": (), "rsa": ("rsa",), "ed25519": ("ed25519",), "both": ("rsa", "ed25519")}


def read_options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.delivery", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--recipients", type=int, default=20_000, help="Messages of one run (default 20000).")
    add("--rounds", type=int, default=3, help="Rounds (default 3).")
    add("--senders", default=",".join(SENDERS), help="workers, embedded or both with a comma (default).")
    add("--processes", type=int, default=2, help="Celery's prefork processes (default 2).")
    add("--connections", type=int, default=CONNECTIONS, help="SMTP connections of each process (default 20).")
    add("--dkim", default="none", help="Keys to sign with, each a run of its own: none, rsa, ed25519, both.")
    add("--kilobytes", type=int, default=42, help="Size of a message on the wire (default 42).")
    add("--json", type=Path, help="Write every run to this file.")
    return parser.parse_args(arguments)


class Rounds:
    """The servers of a benchmark and its runs."""

    def __init__(self, given: argparse.Namespace, stack: ExitStack) -> None:
        self._given = given
        workers = "workers" in given.senders
        self._postgres = stack.enter_context(PostgresServer.started(durable=True)) if workers else None
        self._redis = stack.enter_context(RedisServer.started()) if workers else None
        self._sink = stack.enter_context(running_smtp_sink())

    def run(self, sender: str, dkim: str) -> Measured:
        """Run one sender, then smtp-source."""
        given = self._given
        with self._prepared(sender, KEYS[dkim]) as made:
            sent = made.embedded() if sender == "embedded" else made.with_workers(processes=given.processes)
            size = made.message_bytes
        messages = max(1000, min(given.recipients, 20_000))
        source = best_source(self._sink, messages=messages, message_bytes=size)
        label = sender if dkim == "none" else f"{sender}, {dkim}"
        return measured(label, size, sent, source.rate)

    @contextmanager
    def _prepared(self, sender: str, keys: Sequence[str]) -> Iterator[Bench]:
        given, sink = self._given, self._sink
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            database, broker = f"sqlite:///{folder / 'benchmark.db'}", "memory://"
            if sender == "workers" and self._postgres is not None and self._redis is not None:
                database, broker = stack.enter_context(self._postgres.database()), self._redis.url
            made = bench(
                folder, sink, database_url=database, broker_url=broker, recipients=given.recipients,
                kilobytes=given.kilobytes, connections=given.connections, dkim=keys,
            )  # fmt: skip
            yield stack.enter_context(made)


def measured(sender: str, size: int, sent: Sent, source_rate: float) -> Measured:
    """Return a run's figures."""
    return Measured(
        sender, sent.recipients, size, sent.recipients / sent.seconds, source_rate, sent.cpu_us, sent.peak_mb,
        sent.freeze_rate,
    )  # fmt: skip


def measure(given: argparse.Namespace) -> list[Measured]:
    """Run every round, telling each result as it comes."""
    runs: list[Measured] = []
    with ExitStack() as stack:
        rounds = Rounds(given, stack)
        for number in range(given.rounds):
            for sender, dkim in product(given.senders.split(","), given.dkim.split(",")):
                runs.append(rounds.run(sender, dkim))
                print(f"round {number + 1}: {runs[-1].to_json()}", file=sys.stderr)
    return runs


def document(given: argparse.Namespace, runs: Sequence[Measured]) -> dict[str, object]:
    """Return what the JSON file holds."""
    machine = {"cpus": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()}
    options = {name: value for name, value in vars(given).items() if name != "json"}
    return {"machine": machine, "options": options, "runs": [run.to_json() for run in runs]}


def main() -> None:
    """Measure, print the table, write the JSON."""
    given = read_options()
    runs = measure(given)
    print(table(runs))
    if given.json:
        given.json.write_text(json.dumps(document(given, runs), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
