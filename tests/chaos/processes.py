"""Processes as the kernel shows them in /proc: children of a process, and its connections to a port."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

ESTABLISHED = "01"


def children(pid: int) -> list[int]:
    """Return the children of a process; none when it is gone."""
    with suppress(OSError):
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def connections_to(pid: int, port: int) -> int:
    """Count the established connections of a process to a port on this host."""
    sockets = _sockets_of(pid)
    with suppress(OSError):
        lines = Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]
        return sum(1 for line in lines if _is_to(line.split(), port, sockets))
    return 0


def _sockets_of(pid: int) -> set[str]:
    """Return the inodes of a process's sockets."""
    found: set[str] = set()
    with suppress(OSError):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                target = os.readlink(descriptor)
                if target.startswith("socket:["):
                    found.add(target[8:-1])
    return found


def _is_to(words: list[str], port: int, sockets: set[str]) -> bool:
    """Read one line of /proc/net/tcp: `sl local remote state … inode`."""
    return words[3] == ESTABLISHED and int(words[2].rpartition(":")[2], 16) == port and words[9] in sockets


def kill_hard(pid: int) -> bool:
    """SIGKILL; False when it was gone already."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
        return True
    return False
