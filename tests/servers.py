"""Real servers for tests: found on this machine or in the test extra's wheels, on free ports, never default ones.

PostgreSQL refuses to run as root, so as root it runs as `nobody` in a folder of its own.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg

NOBODY = 65534
START_SECONDS = 30


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def free_pair() -> int:
    """Return a port that is free together with the next one."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            with suppress(OSError, OverflowError):
                second.bind(("127.0.0.1", port + 1))
                return port


def wait_for(check: Callable[[], bool], what: str, seconds: float = START_SECONDS) -> None:
    """Wait until `check()`; fail loudly after `seconds`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if check():
            return
        time.sleep(0.05)
    raise RuntimeError(f"{what} did not happen within {seconds:.0f} s")


def listens(port: int) -> bool:
    """Say whether something answers on the port."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def find_binary(name: str, *folders: str, package: str) -> str:
    """Return the path of a server binary, or say which package brings it."""
    for folder in folders:
        for candidate in sorted(Path("/").glob(folder.lstrip("/") + "/" + name), reverse=True):
            return str(candidate)
    found = shutil.which(name)
    if found is None:
        raise RuntimeError(f"{name} is missing: apt-get install --no-install-recommends {package}")
    return found


def unprivileged() -> dict[str, object]:
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}


@dataclass
class PostgresServer:
    """A running PostgreSQL."""

    port: int
    folder: Path
    process: subprocess.Popen[bytes]

    @classmethod
    @contextmanager
    def started(cls, *, durable: bool = False, within: Path | None = None) -> Iterator[PostgresServer]:
        """Make a cluster in a temporary folder and run it until the block ends.

        A killed worker is not a power cut: tests need what the kernel has, not what the disk has; benchmarks are durable.
        """
        folder = Path(tempfile.mkdtemp(prefix="pg-", dir=within))
        folder.chmod(0o777)
        data, port = folder / "data", free_port()
        bin_folder = "/usr/lib/postgresql/*/bin"
        subprocess.run(
            [
                find_binary("initdb", bin_folder, package="postgresql"),
                "-D",
                data,
                "-U",
                "postgres",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--no-sync",
                "--locale=C.UTF-8",
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=folder,
            **unprivileged(),  # type: ignore[call-overload]
        )
        process = subprocess.Popen(
            [
                find_binary("postgres", bin_folder, package="postgresql"),
                "-D",
                data,
                "-p",
                str(port),
                "-k",
                folder,
                "-h",
                "127.0.0.1",
                "-c",
                "max_connections=200",
                "-c",
                f"fsync={'on' if durable else 'off'}",
            ],
            stdout=subprocess.DEVNULL,
            stderr=(folder / "log").open("wb"),
            cwd=folder,
            **unprivileged(),  # type: ignore[call-overload]
        )
        try:
            wait_for(lambda: _answers(port), "PostgreSQL's start")
            yield cls(port, folder, process)
        finally:
            process.terminate()
            process.wait(20)
            shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def database(self) -> Iterator[str]:
        """Create a database, yield its URL, drop it."""
        name = "t" + uuid.uuid4().hex[:12]
        with self._admin() as connection:
            connection.execute(f"CREATE DATABASE {name}")
        try:
            yield f"postgresql://postgres@127.0.0.1:{self.port}/{name}"
        finally:
            with self._admin() as connection:
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def _admin(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(f"postgresql://postgres@127.0.0.1:{self.port}/postgres", autocommit=True)


def _answers(port: int) -> bool:
    try:
        psycopg.connect(f"postgresql://postgres@127.0.0.1:{port}/postgres", connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


@dataclass
class RedisServer:
    """A running Redis or Valkey."""

    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """Its address."""
        return f"redis://127.0.0.1:{self.port}/0"

    @classmethod
    @contextmanager
    def started(cls) -> Iterator[RedisServer]:
        """Run without persistence until the block ends."""
        port, folder = free_port(), Path(tempfile.mkdtemp(prefix="redis-"))
        binary = shutil.which("valkey-server") or find_binary("redis-server", package="redis-server")
        process = subprocess.Popen(
            [
                binary,
                "--port",
                str(port),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "no",
                "--dir",
                str(folder),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_for(lambda: listens(port), "Redis's start")
            yield cls(port, process)
        finally:
            process.terminate()
            process.wait(20)
            shutil.rmtree(folder, ignore_errors=True)
