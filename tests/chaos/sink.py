"""The chaos relay seen from the experiment: start, kill, switch, and read what it accepted."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from tests.chaos.control import ask
from tests.servers import free_port, listens, wait_for

ROOT = Path(__file__).parents[2]


class Accepted(NamedTuple):
    """One message the relay took."""

    at: float
    recipient: str
    message_id: str
    sender: str


class Attempt(NamedTuple):
    """One RCPT the relay saw."""

    at: float
    recipient: str


class Cut(NamedTuple):
    """One connection the relay cut: in which state, and whose message it was, if that was known."""

    state: str
    recipient: str


@dataclass
class Sink:
    """A relay process that can be killed and started again on the same port and log."""

    log: Path
    port: int = field(default_factory=free_port)
    control: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    script: dict[str, Any] = field(default_factory=dict)
    _lines: int = 0
    _offset: int = 0

    def start(self) -> None:
        """Listen; the script it was last given goes on."""
        command = [sys.executable, "-m", "tests.chaos.relay", f"--port={self.port}"]
        command += [f"--control={self.control}", f"--log={self.log}", f"--script={json.dumps(self.script)}"]
        self.process = subprocess.Popen(command, cwd=ROOT)
        wait_for(lambda: listens(self.control), "the relay's start")

    def kill(self) -> None:
        """SIGKILL."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def does(self, **behaviour: Any) -> None:
        """Change what it does to its clients (`Behaviour`)."""
        self.script |= behaviour
        ask(self.control, **behaviour)

    def facts(self) -> dict[str, int]:
        """Return its counts: transactions, greeted, open, cuts; since its last start."""
        return ask(self.control)

    def count(self) -> int:
        """Return how many messages were accepted so far; reads only what is new."""
        with self.log.open("rb") as file:
            file.seek(self._offset)
            new = file.read()
        self._offset += len(new)
        self._lines += new.count(b"\n")
        return self._lines

    def accepted(self, after: int = 0) -> list[Accepted]:
        """Return what was accepted beyond the first `after` messages."""
        lines = self.log.read_text().splitlines()[after:]
        return [Accepted(float(at), *rest) for at, *rest in (line.split("\t") for line in lines)]

    def attempts(self) -> list[Attempt]:
        """Return every RCPT seen."""
        lines = Path(f"{self.log}.attempts").read_text().splitlines()
        return [Attempt(float(at), who) for at, who in (line.split("\t") for line in lines)]

    def cuts(self) -> list[Cut]:
        """Return every connection that was cut."""
        lines = Path(f"{self.log}.cuts").read_text().splitlines()
        return [Cut(*line.split("\t")) for line in lines]


@contextmanager
def running_sink(folder: Path, **script: Any) -> Iterator[Sink]:
    """Run a relay until the block ends."""
    sink = Sink(folder / "accepted.log", script=script)
    sink.log.touch()
    sink.start()
    try:
        yield sink
    finally:
        assert sink.process is not None
        sink.process.terminate()
        sink.process.wait(10)
