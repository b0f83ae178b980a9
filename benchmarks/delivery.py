"""How fast a campaign is sent, beside the fastest sender at hand: Postfix's smtp-source, to the same sink.

    python -m benchmarks.delivery --recipients 5000 --rounds 3 --json result.json

What is timed is the real path: claim rows, merge each message, commit the intent before each final dot, take the reply
into the ledger; the freeze of the audience is timed by itself. One sender process, as `newsletter worker --concurrency 1`.
smtp-source sends messages of the same size over as many connections, and keeps no ledger at all.

Everything runs on this machine over the loopback, so rates are not those of a real network; the ratio within a round
is what compares. From round to round the order of the senders turns, so that a disturbance of the machine does not
always meet the same one. After each run the books are checked: the sink took one message for each recipient, and the
report adds up. A run that does not is an error, not a number. The table shows medians; the JSON has every round.

PostgreSQL runs on a fresh cluster without fsync (see tests/servers.py) unless --postgresql-url names a server of yours.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path

from benchmarks.campaign import prepared, run_campaign
from benchmarks.measured import Measured, Round, table
from benchmarks.smtp_source import find_smtp_source, run_smtp_source
from tests.servers import PostgresServer
from tests.support.sink import running_sink

Run = Callable[[], Measured]
#: Size of smtp-source's messages until one of ours has been measured.
USUAL_BYTES = 40_000


def read_options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.delivery", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--recipients", type=int, default=5000, help="Messages of one run (default 5000).")
    add("--connections", type=int, default=20, help="SMTP connections, ours and smtp-source's (default 20).")
    add("--rounds", type=int, default=3, help="Rounds (default 3).")
    add("--databases", default="sqlite,postgresql", help="sqlite, postgresql or both with a comma (default).")
    add("--postgresql-url", default="", help="An empty database of yours; only for one round.")
    add(
        "--delay", type=float, default=0.0, help="Seconds the sink waits before each final reply (default 0)."
    )
    add("--json", type=Path, help="Write every round to this file.")
    return parser.parse_args(arguments)


class Benchmark:
    """The senders of one benchmark, and the servers they need."""

    def __init__(self, given: argparse.Namespace, stack: ExitStack) -> None:
        self._given, self._bytes = given, USUAL_BYTES
        self._postgres = self._server(stack)
        self.runs: list[Run] = [self._ours(name) for name in given.databases.split(",")]
        binary = find_smtp_source()
        if binary is None:
            print("smtp-source is missing (it comes with Postfix): there will be no ratio.", file=sys.stderr)
        else:
            self.runs.append(lambda: self._smtp_source(binary))

    def _server(self, stack: ExitStack) -> PostgresServer | None:
        if "postgresql" not in self._given.databases or self._given.postgresql_url:
            return None
        return stack.enter_context(PostgresServer.started())

    def _ours(self, database: str) -> Run:
        def run() -> Measured:
            given = self._given
            with ExitStack() as stack:
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
                sink = stack.enter_context(running_sink(folder, delay=given.delay))
                url = stack.enter_context(self._database(database, folder))
                parts = stack.enter_context(
                    prepared(
                        folder,
                        sink,
                        database_url=url,
                        recipients=given.recipients,
                        connections=given.connections,
                    )
                )
                done = run_campaign(parts, sink, sender=database, recipients=given.recipients)
            self._bytes = done.message_bytes
            return done

        return run

    def _database(self, name: str, folder: Path) -> AbstractContextManager[str]:
        if name == "sqlite":
            return nullcontext(f"sqlite:///{folder / 'benchmark.db'}")
        if self._postgres is None:
            return nullcontext(self._given.postgresql_url)
        return self._postgres.database()

    def _smtp_source(self, binary: str) -> Measured:
        given = self._given
        with (
            tempfile.TemporaryDirectory() as folder,
            running_sink(Path(folder), delay=given.delay) as sink,
        ):
            return run_smtp_source(
                binary,
                sink,
                recipients=given.recipients,
                connections=given.connections,
                message_bytes=self._bytes,
            )


def measure(given: argparse.Namespace) -> list[Round]:
    """Run every round, telling each result as it comes."""
    rounds: list[Round] = []
    with ExitStack() as stack:
        runs = Benchmark(given, stack).runs
        for number in range(given.rounds):
            turn = number % len(runs)
            measured = [run() for run in runs[turn:] + runs[:turn]]
            for one in measured:
                print(f"round {number + 1}: {one.sender:<12} {one.rate:8,.0f} messages/s", file=sys.stderr)
            rounds.append(measured)
    return rounds


def main() -> None:
    """Measure, print the table, write the JSON."""
    given = read_options()
    rounds = measure(given)
    print(table(rounds))
    if given.json:
        document = {
            "machine": {
                "cpus": os.cpu_count(),
                "system": platform.platform(),
                "python": platform.python_version(),
            },
            "recipients": given.recipients,
            "connections": given.connections,
            "delay": given.delay,
            "rounds": [[one.to_json() for one in measured] for measured in rounds],
        }
        given.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
