"""The other side of the ratio: Postfix's smtp-source, which sends ready bytes and keeps no books."""

from __future__ import annotations

import resource
import shutil
import subprocess
import time

from benchmarks.measured import BASE, Measured
from tests.support.sink import Sink


def find_smtp_source() -> str | None:
    """Return its path, None when Postfix is not installed."""
    return shutil.which("smtp-source", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")


def run_smtp_source(
    binary: str, sink: Sink, *, recipients: int, connections: int, message_bytes: int
) -> Measured:
    """Send as many messages of the same size over as many connections, each kept open (-d)."""
    command = [
        binary, "-d", "-s", str(connections), "-m", str(recipients), "-l", str(message_bytes),
        "-f", "letter@example.com", "-t", "reader@example.com", f"127.0.0.1:{sink.port}",
    ]  # fmt: skip
    before, start = _children_seconds(), time.perf_counter()
    subprocess.run(command, check=True)
    seconds = time.perf_counter() - start
    cpu = _children_seconds() - before
    return Measured(BASE, recipients, message_bytes, seconds, cpu / recipients * 1e6)


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
