"""PostgreSQL and Redis that can be killed, stopped in the middle, and started again where they were."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.chaos.processes import children, kill_hard
from tests.servers import PostgresServer, RedisServer, listens, unprivileged, wait_for


@dataclass
class Restartable:
    """A server process with the command that started it."""

    process: subprocess.Popen[bytes]
    answers: Callable[[], bool]
    folder: Path | None = None
    drops_privileges: bool = False

    def kill(self) -> None:
        """SIGKILL the server and all its children at once."""
        for pid in [self.process.pid, *children(self.process.pid)]:
            kill_hard(pid)
        self.process.wait(20)

    def stop(self, number: signal.Signals) -> None:
        """End it with a signal: SIGQUIT is PostgreSQL's immediate stop."""
        self.process.send_signal(number)
        self.process.wait(60)

    def pause(self) -> None:
        """Freeze it: connections stay, answers do not come."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self.process.send_signal(signal.SIGCONT)

    def start(self) -> None:
        """Start it again with the same command; tried again while the kernel still holds what it had."""
        wait_for(self._started, "the server's restart", 60)

    def _started(self) -> bool:
        if self.process.poll() is not None:
            who = unprivileged() if self.drops_privileges else {}
            self.process = subprocess.Popen(
                self.process.args,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=self.folder,
                **who,
            )  # type: ignore[call-overload]
        return self.answers()

    def end(self) -> None:
        """Make sure that nothing is left."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(signal.SIGINT)  # PostgreSQL does not wait for its clients then
            self.process.wait(20)


@dataclass
class Database(Restartable):
    """PostgreSQL with one database of the product."""

    url: str = ""
    port: int = 0


@dataclass
class Broker(Restartable):
    """Redis."""

    port: int = 0

    @property
    def url(self) -> str:
        """Its address."""
        return f"redis://127.0.0.1:{self.port}/0"


@contextmanager
def running_database(within: Path | None = None) -> Iterator[Database]:
    """Run PostgreSQL, in a folder of the caller's, until the block ends; every restart is ended too."""
    with PostgresServer.started(within=within) as server:
        name = f"postgresql://postgres@127.0.0.1:{server.port}"
        with psycopg.connect(f"{name}/postgres", autocommit=True) as connection:
            connection.execute("CREATE DATABASE chaos")
        database = Database(
            server.process, lambda: _answers(f"{name}/chaos"), server.folder, os.geteuid() == 0,
            url=f"{name}/chaos", port=server.port,
        )  # fmt: skip
        try:
            yield database
        finally:
            database.end()


@contextmanager
def running_broker() -> Iterator[Broker]:
    """Run Redis without persistence until the block ends: a restart has forgotten everything."""
    with RedisServer.started() as server:
        broker = Broker(server.process, lambda: listens(server.port), port=server.port)
        try:
            yield broker
        finally:
            broker.end()


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True
