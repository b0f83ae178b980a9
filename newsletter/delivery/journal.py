"""A local journal of replies: what the relay answered survives a killed process and a database that is away.

One append-only file per sender, locked while its process lives (the kernel drops the lock with the process). It is
fsynced only while the database is away: SIGKILL does not lose the page cache. Any worker on this host replays unlocked
files before the sweep calls rows ambiguous; a late replay turns `ambiguous` into what really happened.
"""

from __future__ import annotations

import fcntl
import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from newsletter.delivery.states import DeliveryState


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one attempt, ready to be recorded."""

    id: int
    fence: int
    state: DeliveryState
    at: datetime
    code: int | None = None
    response: str = ""
    reason: str | None = None
    bounce: str | None = None
    next_attempt_at: datetime | None = None

    def to_line(self) -> bytes:
        """Return the journal's form."""
        document = asdict(self) | {"at": self.at.isoformat(), "state": int(self.state)}
        document["next_attempt_at"] = self.next_attempt_at.isoformat() if self.next_attempt_at else None
        return json.dumps(document, separators=(",", ":")).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Result | None:
        """Read a line back; None for one that was cut off by the end."""
        try:
            document: dict[str, Any] = json.loads(line)
            document["state"] = DeliveryState(document["state"])
            for name in ("at", "next_attempt_at"):
                document[name] = datetime.fromisoformat(document[name]) if document[name] else None
            return cls(**document)
        except (ValueError, TypeError, KeyError):
            return None


class Journal:
    """The open journal of one sender."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / f"{os.getpid()}-{uuid.uuid4().hex[:12]}.jsonl"
        self._file = self._path.open("ab", buffering=0)
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def write(self, result: Result) -> None:
        """Note a reply; one write, so a line is whole or absent."""
        self._file.write(result.to_line())

    def sync(self) -> None:
        """Survive a power loss too; called while the database is away."""
        os.fsync(self._file.fileno())

    def close(self, *, everything_recorded: bool) -> None:
        """Close; the file goes when the ledger has everything, else it is left for the replay."""
        if everything_recorded:
            self._path.unlink(missing_ok=True)
        self._file.close()


@contextmanager
def abandoned(folder: Path) -> Iterator[Iterator[list[Result]]]:
    """Give the results of each journal whose process is gone; a file is removed once its block has been consumed."""

    def files() -> Iterator[list[Result]]:
        for path in sorted(folder.glob("*.jsonl")):
            try:
                file = path.open("rb")
            except OSError:
                continue
            with file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                results = [result for line in file if (result := Result.from_line(line)) is not None]
                yield results
                path.unlink(missing_ok=True)

    yield files()
