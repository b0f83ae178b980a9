"""How many followed links one worker process answers, beside the emptiest route that the same server can have.

    python -m benchmarks.redirect --seconds 4 --rounds 3 --json redirect.json

All are answered by the whole app (its middleware, its headers) in one uvicorn process on this machine. There are two empty
routes, first in the router: a function as the app's pages have, and plain ASGI, which answers 204 without looking at
anything. A followed link verifies the token, looks
the target up, reads the headers for signs of machines and notes the hit; a thread beside it writes the hits to SQLite
once a second. Every request is another reader's. Rounds alternate, and the ratio within a round is what compares. CPU is
the server process's, writing included. After each run the hits are counted: one that is missing is an error.

The second table is what counted links cost the merge: microseconds a message, for the same issue without and with them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import cycle
from pathlib import Path

from sqlalchemy import delete, func, select
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from benchmarks.merging import merge_costs
from newsletter.bootstrap import Container, build_container
from newsletter.db.session import unit_of_work
from newsletter.feedback.engagement.models import Hit
from newsletter.schema import metadata
from newsletter.settings import Settings
from newsletter.web.app import create_app
from tests.conftest import RecordingQueue
from tests.servers import free_port, listens, wait_for
from tests.support.counted import BROWSER, send_counted

READERS, LINKS, CONNECTIONS = 20_000, 30, 32
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Run:
    """One round: requests a second of an empty page, of the empty ASGI route and of followed links; CPU µs of the last two."""

    page_rate: float
    empty_rate: float
    link_rate: float
    empty_cpu_us: float
    link_cpu_us: float

    @property
    def ratio(self) -> float:
        """Followed links a second to empty pages a second."""
        return self.link_rate / self.page_rate

    @property
    def bare_ratio(self) -> float:
        """Followed links a second to answers of plain ASGI a second."""
        return self.link_rate / self.empty_rate


class _Empty:
    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})


async def _page() -> Response:
    return Response(status_code=204)


def serve(port: int) -> None:
    """Serve the app with the empty route until the process is ended; settings come from the environment."""
    import uvicorn

    app = create_app(build_container(Settings(_env_file=None)))  # type: ignore[call-arg]
    app.add_api_route("/page", _page, status_code=204)
    app.router.routes.insert(0, app.router.routes.pop())
    app.router.routes.insert(0, Route("/empty", _Empty()))
    uvicorn.run(app, port=port, log_level="warning", server_header=False, proxy_headers=False)


class _Asker(asyncio.Protocol):
    """Asks again as soon as it is answered, over one connection."""

    def __init__(self, requests: Iterator[bytes], until: float, wanted: bytes) -> None:
        self._requests, self._until, self._wanted = requests, until, wanted
        self.answered = 0
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._got = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(next(self._requests))

    def data_received(self, data: bytes) -> None:
        self._got += data
        if not self._got.endswith(b"\r\n\r\n"):
            return
        if not self._got.startswith(self._wanted):
            self.over.set_exception(RuntimeError(f"an unexpected answer: {self._got[:200]!r}"))
            return
        self.answered, self._got = self.answered + 1, b""
        if time.monotonic() < self._until:
            self._transport.write(next(self._requests))
        else:
            self._transport.close()
            self.over.set_result(None)


async def _ask(port: int, requests: Iterator[bytes], seconds: float, wanted: bytes) -> int:
    """Return how many answers came in so many seconds."""
    until, loop = time.monotonic() + seconds, asyncio.get_running_loop()
    askers = []
    for _ in range(CONNECTIONS):
        _, asker = await loop.create_connection(lambda: _Asker(requests, until, wanted), "127.0.0.1", port)
        askers.append(asker)
    await asyncio.gather(*(each.over for each in askers))
    return sum(each.answered for each in askers)


def _request(path: str) -> bytes:
    named = {"host": "127.0.0.1", **BROWSER, "accept": "text/html,*/*;q=0.8", "sec-fetch-mode": "navigate"}
    lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode()


def _cpu_seconds(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


@dataclass(frozen=True)
class _Place:
    """The served installation: its parts as this process sees them, its port and process, and every link's request."""

    parts: Container
    port: int
    process: int
    links: list[bytes]

    def rate(self, requests: Sequence[bytes], seconds: float, wanted: bytes) -> tuple[float, float, int]:
        """Return answers a second, CPU µs for each, and how many there were."""
        began, cpu = time.monotonic(), _cpu_seconds(self.process)
        count = asyncio.run(_ask(self.port, cycle(requests), seconds, wanted))
        passed = time.monotonic() - began
        return count / passed, (_cpu_seconds(self.process) - cpu) * 1e6 / count, count

    def round(self, seconds: float) -> Run:
        """Measure the empty routes, then followed links, and see that no hit is missing."""
        page_rate, _, _ = self.rate([_request("/page")], seconds, b"HTTP/1.1 204")
        empty_rate, empty_cpu, _ = self.rate([_request("/empty")], seconds, b"HTTP/1.1 204")
        link_rate, link_cpu, count = self.rate(self.links, seconds, b"HTTP/1.1 302")
        wait_for(lambda: self._stored() >= min(count, READERS * LINKS), "the hits in the database", 30)
        with unit_of_work(self.parts.sessions) as session:
            session.execute(delete(Hit))
        return Run(page_rate, empty_rate, link_rate, empty_cpu, link_cpu)

    def _stored(self) -> int:
        with self.parts.reading_sessions() as session:
            return session.scalar(select(func.count()).select_from(Hit)) or 0


@contextmanager
def _served(folder: Path) -> Iterator[_Place]:
    settings = Settings(_env_file=None, data_dir=folder, secret_key="a secret of the benchmark alone")  # type: ignore[call-arg]
    parts = build_container(settings, queue=RecordingQueue())
    metadata.create_all(parts.engine)
    sent = send_counted(parts, *(f"reader{number}@example.com" for number in range(READERS)), links=LINKS)
    paths = (sent.path(reader % LINKS, reader) for reader in range(READERS))
    more = (sent.path((reader + 7) % LINKS, reader) for reader in range(READERS))
    links = [_request(path) for path in (*paths, *more)]
    port = free_port()
    environment = os.environ | {
        "NEWSLETTER_DATA_DIR": str(folder), "NEWSLETTER_SECRET_KEY": settings.secret_key,
    }  # fmt: skip
    command = [sys.executable, "-m", "benchmarks.redirect", "--serve", str(port)]
    with subprocess.Popen(command, env=environment) as server:
        try:
            wait_for(lambda: listens(port), "the server's start", 60)
            yield _Place(parts, port, server.pid, links)
        finally:
            server.terminate()
    parts.dispose()


def report(runs: Sequence[Run], merges: dict[str, float]) -> str:
    """Return both tables in Markdown."""
    middle = {name: statistics.median(getattr(run, name) for run in runs) for name in asdict(runs[0])}
    lines = [
        f"| answers of one process, medians of {len(runs)} rounds | a second | CPU µs each |", "|---|---|---|",
        f"| an empty page | {middle['page_rate']:,.0f} | |",
        f"| plain ASGI, empty | {middle['empty_rate']:,.0f} | {middle['empty_cpu_us']:.0f} |",
        f"| a followed link, counted | {middle['link_rate']:,.0f} | {middle['link_cpu_us']:.0f} |",
        f"| followed links to empty pages (lowest–highest) | {_spread([run.ratio for run in runs])} | |",
        f"| followed links to plain ASGI | {_spread([run.bare_ratio for run in runs])} | |",
        "", "| merge of one message | µs |", "|---|---|",
    ]  # fmt: skip
    return "\n".join([*lines, *(f"| {name} | {microseconds:.1f} |" for name, microseconds in merges.items())])


def _spread(ratios: Sequence[float]) -> str:
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and write the figures down."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.redirect", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=4.0, help="Length of each measurement (default 4).")
    parser.add_argument("--rounds", type=int, default=3, help="Rounds (default 3).")
    parser.add_argument("--json", type=Path, help="Write every round to this file.")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.serve:
        serve(given.serve)
        return
    with tempfile.TemporaryDirectory() as folder, _served(Path(folder)) as place:
        place.round(min(1.0, given.seconds))  # warms up
        runs = [place.round(given.seconds) for _ in range(given.rounds)]
    merges = merge_costs()
    print(report(runs, merges))
    if given.json:
        document = {
            "rounds": [asdict(run) | {"ratio": run.ratio, "bare_ratio": run.bare_ratio} for run in runs],
            "merge_us": merges,
        }
        given.json.write_text(json.dumps(document, indent=1))


if __name__ == "__main__":
    main()
