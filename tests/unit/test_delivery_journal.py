"""The journal when its disk is full: no dot goes unnoted, no answer is lost, and the file says that it is not whole."""

from __future__ import annotations

import errno
from datetime import UTC, datetime
from pathlib import Path

import pytest

from newsletter.delivery.sending.journal import Journal, Result, abandoned, boot_id, read_journal
from newsletter.delivery.states import DeliveryState

ANSWER = Result(7, 1, DeliveryState.SENT, datetime(2026, 3, 1, tzinfo=UTC), code=250, response="250 2.0.0 Ok")


class FullDisk:
    """A file that takes so many bytes more."""

    def __init__(self, journal: Journal, room: int) -> None:
        self._file, self._room = journal._file, room

    def write(self, data: bytes) -> int:
        if not self._room:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken, self._room = data[: self._room], 0
        return int(self._file.write(taken) or 0)

    def close(self) -> None:
        self._file.close()


def die(journal: Journal) -> None:
    journal._head.close()
    journal._file.close()


@pytest.mark.parametrize("room", [0, 3])
def test_a_dot_that_cannot_be_noted_must_not_be_written(tmp_path: Path, room: int) -> None:
    journal = Journal(tmp_path, "me")
    journal.dots([(5, 1)])
    journal._file = FullDisk(journal, room)  # type: ignore[assignment]
    with pytest.raises(OSError, match="cannot be written"):
        journal.dots([(6, 1)])
    journal.write(ANSWER)
    journal.name(9)
    assert journal.is_broken
    die(journal)
    (left,) = abandoned(tmp_path)
    assert (left.unanswered, left.results, left.is_complete, left.poison) == ({5}, [], False, 0)


def test_the_row_being_made_is_named(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "me")
    journal.name(12)
    journal.write(ANSWER)
    die(journal)
    (left,) = abandoned(tmp_path)
    assert (left.poison, left.results, left.is_complete) == (12, [ANSWER], True)
    assert not list(tmp_path.iterdir())


def test_noise_is_left_out() -> None:
    lines = [b"B%s\n" % boot_id().encode(), b"D12D13,1\n", b"D4,1\n", b"R[1,2\n", b"Rnull\n", b"D9,"]
    left = read_journal("me", lines)
    assert (left.unanswered, left.results, left.is_complete) == ({4}, [], True)
