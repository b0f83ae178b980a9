"""A maildir on this machine: `new` is what came; what is put away is deleted, or moved to `cur` as seen."""

from __future__ import annotations

import heapq
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from errno import ELOOP, ENOENT, ENXIO
from pathlib import Path
from stat import S_ISREG

from newsletter.adapters.mailboxes.troubles import in_words
from newsletter.feedback.mailboxes.box import MOST_AT_ONCE, Fetched, MailboxGone
from newsletter.feedback.mailboxes.place import MailboxPlace
from newsletter.feedback.storing import LARGEST


@contextmanager
def open_maildir(place: MailboxPlace) -> Iterator[Maildir]:
    """Open the folder.

    :raises MailboxGone: when there is no maildir.
    """
    folder = Path(place.folder)
    if not (folder / "new").is_dir():
        raise MailboxGone(
            f"There is no maildir at {folder}: a folder with new, cur and tmp inside is expected."
        )
    yield Maildir(folder, place)


class Maildir:
    """Files named by their arrival; the mail server moves whole files in, so that none is half written."""

    def __init__(self, folder: Path, place: MailboxPlace) -> None:
        self._folder = folder
        self._place = place

    def waiting(self) -> Iterator[Fetched]:
        """Yield the oldest files of `new`. What is no plain file is left alone, and so is one that vanished."""
        with in_words(self._place, "listing mail"), os.scandir(self._folder / "new") as found:
            names = heapq.nsmallest(
                MOST_AT_ONCE, (entry.name for entry in found if not entry.name.startswith("."))
            )
        for name in names:
            with in_words(self._place, f"reading {name}"):
                raw = _read(self._folder / "new" / name)
            if raw is not None:
                yield Fetched(name, raw)

    def put_away(self, names: Sequence[str]) -> None:
        """Delete the files, or move them to `cur`."""
        with in_words(self._place, "putting mail away"):
            for name in names:
                self._put_away(self._folder / "new" / name)

    def _put_away(self, path: Path) -> None:
        with suppress(FileNotFoundError):
            if self._place.after == "delete":
                path.unlink()
            else:
                path.rename(self._folder / "cur" / (path.name.partition(":")[0] + ":2,S"))


def _read(path: Path) -> bytes | None:
    """Read a file up to the largest size, following no link and waiting for no pipe; None for what is no mail."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno in (ENOENT, ELOOP, ENXIO):
            return None
        raise
    if not S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return None
    with os.fdopen(descriptor, "rb") as file:
        return file.read(LARGEST)
