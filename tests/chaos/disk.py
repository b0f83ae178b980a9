"""A small disk that can be filled: a `tmpfs` of its own, which needs root."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

BLOCK = b"\0" * 65_536


@dataclass(frozen=True)
class SmallDisk:
    """A mounted disk of a few megabytes."""

    folder: Path

    @property
    def _ballast(self) -> Path:
        return self.folder / "ballast"

    def fill(self) -> None:
        """Write until nothing fits any more, not even a byte."""
        with self._ballast.open("ab", buffering=0) as file:
            for block in (BLOCK, b"\0"):
                with suppress(OSError):
                    while file.write(block):
                        pass

    def free(self) -> None:
        """Give the space back."""
        self._ballast.unlink()


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[SmallDisk]:
    """Mount a disk on a folder until the block ends.

    :raises RuntimeError: when this machine does not let us.
    """
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0777", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        raise RuntimeError("a full disk needs a tmpfs of its own: run as root, with the right to mount")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
