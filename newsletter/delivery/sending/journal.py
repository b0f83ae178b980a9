"""A local journal of replies: what the relay answered survives a killed process and a database that is away.

One append-only file per sender, locked while its process lives (the kernel drops the lock with the process). It notes
each final dot before it is written and each reply. It is fsynced only while the database is away: SIGKILL does not lose
the page cache. Its first line names the row whose message is being made. Any worker on this host replays unlocked files: the dead sender's rows are free at once, a row without a
dot is simply sent again, and only a dot without a reply is ambiguous. A late replay turns `ambiguous` into what
really happened.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import mmap
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, NamedTuple

from newsletter.delivery.states import DeliveryState

_TAKEN = re.compile(rb"S(\d+),(\d+),([0-9T:.+-]+),(\d+),(.*)\n")


class Result(NamedTuple):
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

    @property
    def is_plain(self) -> bool:
        """True for the usual answer: taken, with a code and words on one line, and nothing else to say."""
        taken = self.state is DeliveryState.SENT and self.code is not None and self.response.isprintable()
        return taken and self.reason is None and self.bounce is None and self.next_attempt_at is None

    def to_line(self) -> bytes:
        """Return the journal's form: one line, written with each answer. The usual one is short, and costs a fifth."""
        if self.is_plain:
            return f"S{self.id},{self.fence},{self.at.isoformat()},{self.code},{self.response}\n".encode()
        again = self.next_attempt_at.isoformat() if self.next_attempt_at else None
        values = (
            self.id, self.fence, int(self.state), self.at.isoformat(), self.code, self.response, self.reason,
            self.bounce, again,
        )  # fmt: skip
        return b"R" + json.dumps(values).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Result | None:
        """Read a line back; None for one that was cut off by the end."""
        if taken := _TAKEN.fullmatch(line):
            row_id, fence, code = (int(taken[place]) for place in (1, 2, 4))
            at, response = datetime.fromisoformat(taken[3].decode()), taken[5].decode()
            return cls(row_id, fence, DeliveryState.SENT, at, code, response)
        try:
            row_id, fence, state, at, code, response, reason, bounce, again = json.loads(line[1:])
            return cls(
                row_id, fence, DeliveryState(state), datetime.fromisoformat(at), code, response, reason, bounce,
                datetime.fromisoformat(again) if again else None,
            )  # fmt: skip
        except (ValueError, TypeError):
            return None


_NOBODY = b"P%020d\n" % 0
_BROKEN = b"X" * (len(_NOBODY) - 1) + b"\n"
_DOT = re.compile(rb"D(\d+),\d+\n")


class Journal:
    """The open journal of one sender, named after it."""

    def __init__(self, folder: Path, owner: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / f"{owner}.jsonl"
        fresh = folder / f"{owner}.new"
        self._file = fresh.open("a+b", buffering=0)
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._file.write(_NOBODY + b"B" + boot_id().encode() + b"\n")
        self.is_broken = False
        self._head = mmap.mmap(self._file.fileno(), len(_NOBODY))
        fresh.rename(self._path)  # seen by others only when it is locked

    def name(self, row_id: int) -> None:
        """Name the row whose message is being made, 0 for none: if that kills the process, it is known which one did.

        A slot in mapped memory: noting it costs 0.3 µs and outlives the process.
        """
        if not self.is_broken:
            self._head[:] = b"P%020d\n" % row_id

    def dots(self, rows: Iterable[tuple[int, int]]) -> None:
        """Note that the final dots of rows (id, fence) are about to be written.

        :raises OSError: when they cannot be noted (a full disk): then no dot may be written.
        """
        self._append(b"".join(b"D%d,%d\n" % row for row in rows))

    def write(self, result: Result) -> None:
        """Note a reply. On a full disk the ledger alone has it, and `is_broken` says that nothing new should begin."""
        with contextlib.suppress(OSError):
            self._append(result.to_line())

    def sync(self) -> None:
        """Survive a power loss too; called while the database is away."""
        with contextlib.suppress(OSError):
            os.fsync(self._file.fileno())

    def _append(self, data: bytes) -> None:
        """Write at the end; after the first failure the file says of itself that it is not complete."""
        written = 0
        with contextlib.suppress(OSError):
            written = 0 if self.is_broken else self._file.write(data)
        if written < len(data):
            self.is_broken = True
            self._head[:] = _BROKEN
            raise OSError(errno.ENOSPC, f"the journal {self._path} cannot be written")

    def close(self, *, everything_recorded: bool) -> None:
        """Close; the file goes when the ledger has everything, else it is left for the replay."""
        self._head.close()
        if everything_recorded:
            self._path.unlink(missing_ok=True)
        self._file.close()


@dataclass(frozen=True, slots=True)
class Abandoned:
    """What a dead sender left: the replies it heard, and the rows whose dot it wrote without hearing one.

    `poison` is the row whose message was being made at that moment, 0 for none. `is_complete` is false after a reboot
    (what was not yet on the disk is gone) and after a full disk: then a missing dot proves nothing.
    """

    owner: str
    results: list[Result]
    unanswered: set[int]
    is_complete: bool
    poison: int = 0


def read_journal(owner: str, lines: Iterable[bytes]) -> Abandoned:
    """Read a journal's lines; a last line that was cut off is left out."""
    results: list[Result] = []
    dots: set[int] = set()
    boot, poison = "", 0
    for line in lines:
        if not line.endswith(b"\n"):
            continue  # cut off by the end
        if line.startswith(b"P"):
            poison = int(line[1:])
        elif line.startswith(b"B"):
            boot = boot or line[1:-1].decode("ascii", "replace")
        elif line == _BROKEN:
            boot = "broken"
        elif dot := _DOT.fullmatch(line):
            dots.add(int(dot[1]))
        elif (result := Result.from_line(line)) is not None:
            results.append(result)
    is_complete = bool(boot) and boot == boot_id()
    return Abandoned(owner, results, dots - {result.id for result in results}, is_complete, poison)


def abandoned(folder: Path) -> Iterator[Abandoned]:
    """Yield what each sender left whose process is gone; its file is removed once the next one is asked for."""
    for path in sorted(folder.glob("*.jsonl")):
        with _locked(path) as file:
            if file is not None:
                yield read_journal(path.stem, file)
                path.unlink(missing_ok=True)


@contextmanager
def _locked(path: Path) -> Iterator[BinaryIO | None]:
    """Open and lock a journal; None when its sender lives or another sweep has it."""
    try:
        file = path.open("rb")
    except OSError:
        yield None
        return
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        yield file


def boot_id() -> str:
    """Return what names this run of the machine; empty where the system does not tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
