"""The supervisor: keeps the product's processes alive, as a service manager does, and knows whom to kill."""

from __future__ import annotations

import random
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.chaos.processes import children, connections_to, kill_hard
from tests.support.installation import ROOT, Installation, kill, stop

LOOK_SECONDS = 0.1
#: As RestartSec of a unit: who cannot start at all shall not take the processor for itself.
RESTART_SECONDS = 1.0


@dataclass
class Member:
    """One process that is kept alive."""

    arguments: tuple[str, ...]
    process: subprocess.Popen[bytes]
    restarts: int = 0
    ended_at: float = 0.0


@dataclass
class Crew:
    """Workers and beats of one installation."""

    place: Installation
    module: str = "newsletter"
    members: list[Member] = field(default_factory=list)
    _held: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def keep(self, *arguments: str) -> Member:
        """Start `newsletter ARGUMENTS` and start it again whenever it ends."""
        member = Member(arguments, self._start(arguments))
        self.members.append(member)
        return member

    def _start(self, arguments: tuple[str, ...]) -> subprocess.Popen[bytes]:
        return self.place.start(*arguments, module=self.module)

    def workers(self) -> list[Member]:
        """Return the workers' main processes."""
        return [each for each in self.members if "worker" in each.arguments]

    def look_after(self) -> None:
        """Start again who has ended."""
        with self._lock:
            for member in self.members if not self._held else []:
                self._look_after(member)

    def _look_after(self, member: Member) -> None:
        if member.process.poll() is None:
            return
        member.ended_at = member.ended_at or time.monotonic()
        if time.monotonic() - member.ended_at >= RESTART_SECONDS:
            member.process, member.ended_at = self._start(member.arguments), 0.0
            member.restarts += 1

    def stop(self) -> None:
        """End everybody with SIGTERM first."""
        with self._lock:
            self._held = True
            for member in self.members:
                member.process.terminate()
            for member in self.members:
                stop(member.process)

    def senders(self, port: int) -> list[tuple[int, int]]:
        """Return (pid, open connections to the relay) of each child that has some."""
        pids = [pid for worker in self.workers() for pid in children(worker.process.pid)]
        counted = ((pid, connections_to(pid, port)) for pid in pids)
        return [(pid, count) for pid, count in counted if count]

    def kill_sender(self, port: int, chance: random.Random) -> int | None:
        """SIGKILL a random sender child; return how many connections it had open, None when nobody sends."""
        senders = self.senders(port)
        if not senders:
            return None
        pid, count = chance.choice(senders)
        return count if kill_hard(pid) else None

    def kill_worker(self, member: Member) -> None:
        """SIGKILL a worker's main process and all its children at once."""
        kill(member.process)


@contextmanager
def running_crew(
    place: Installation, *members: tuple[str, ...], hooks: Mapping[str, str] | None = None
) -> Iterator[Crew]:
    """Keep these commands running until the block ends, with the faults of `hooked` inside them if there are any."""
    crew = Crew(place)
    if hooks:
        hooked = Installation(place.folder, {**place.environment, **hooks, "PYTHONPATH": str(ROOT)})
        crew = Crew(hooked, "tests.chaos.hooked")
    over = threading.Event()

    def watch() -> None:
        while not over.wait(LOOK_SECONDS):
            crew.look_after()

    for arguments in members:
        crew.keep(*arguments)
    watcher = threading.Thread(target=watch, name="supervisor", daemon=True)
    watcher.start()
    try:
        yield crew
    finally:
        over.set()
        watcher.join(10)
        crew.stop()
