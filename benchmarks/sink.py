"""Postfix's smtp-sink and smtp-source: the receiver that costs least, and the fastest sender at hand."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.servers import free_port, listens, wait_for

_FOLDERS = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin"


def find_tool(name: str) -> str:
    """Return the path of a tool of Postfix.

    :raises RuntimeError: naming the package that brings it.
    """
    found = shutil.which(name, path=_FOLDERS)
    if found is None:
        raise RuntimeError(f"{name} is missing; it comes with Postfix: apt-get install postfix")
    return found


@dataclass(frozen=True)
class Sink:
    """A running smtp-sink."""

    port: int
    process: subprocess.Popen[bytes]

    def cpu_seconds(self) -> float:
        """Return the CPU time that it used so far."""
        return cpu_seconds_of(self.process.pid)


def cpu_seconds_of(pid: int) -> float:
    """Return a process's user and system time (`man 5 proc`: fields 14 and 15 of stat)."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def running_smtp_sink(*, delay: int = 0) -> Iterator[Sink]:
    """Run smtp-sink until the block ends; `delay` seconds pass before each reply to a message."""
    port = free_port()
    command = [find_tool("smtp-sink")]
    if os.geteuid() == 0:
        command += ["-u", "nobody"]
    if delay:
        command += ["-w", str(delay)]
    process = subprocess.Popen([*command, f"127.0.0.1:{port}", "1000"], stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: listens(port), "the start of smtp-sink")
        yield Sink(port, process)
    finally:
        process.kill()
        process.wait(10)


@dataclass(frozen=True)
class SourceRun:
    """One run of smtp-source: how many sessions, messages a second, CPU of its own for each message."""

    sessions: int
    rate: float
    cpu_us: float


def run_smtp_source(sink: Sink, *, messages: int, sessions: int, message_bytes: int) -> SourceRun:
    """Send messages of a size over sessions that stay open (-d)."""
    command = [
        find_tool("smtp-source"), "-d", "-s", str(sessions), "-m", str(messages), "-l", str(message_bytes),
        "-f", "letter@example.com", "-t", "reader@example.com", f"127.0.0.1:{sink.port}",
    ]  # fmt: skip
    before, start = os.times(), time.perf_counter()
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    seconds, after = time.perf_counter() - start, os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return SourceRun(sessions, messages / seconds, used / messages * 1e6)


def best_source(sink: Sink, *, messages: int, message_bytes: int) -> SourceRun:
    """Return the faster of 10 and 50 sessions."""
    runs = [
        run_smtp_source(sink, messages=messages, sessions=sessions, message_bytes=message_bytes)
        for sessions in (10, 50)
    ]
    return max(runs, key=lambda run: run.rate)
