"""Visits to a mailbox: committed before it is put away, bounded, one at a time, and nothing lost when something breaks."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from newsletter.adapters.mailboxes import open_mailbox
from newsletter.bootstrap import Container
from newsletter.clock import SystemClock
from newsletter.db.session import Sessions, create_database_engine, create_sessions, unit_of_work
from newsletter.errors import Unavailable
from newsletter.feedback.mailboxes.box import Fetched, Mailbox, MailboxGone
from newsletter.feedback.mailboxes.fetching import Bounds, Intake, visit
from newsletter.feedback.mailboxes.models import MailboxVisit
from newsletter.feedback.mailboxes.place import MailboxPlace, parse_place
from newsletter.feedback.mailboxes.rounds import visit_if_due, visit_now
from newsletter.feedback.mailboxes.turns import claim_turn, wait_after
from newsletter.feedback.mailboxes.watching import watch
from newsletter.feedback.models import ReturnedMail
from newsletter.feedback.storing import LARGEST
from tests.conftest import RecordingQueue
from tests.support.ledger import NOW

PLACE = parse_place("imaps://me@mail.example.com")


class Box:
    """A mailbox in memory; `vanishes_after` mails the line is cut, and `holds` says whether putting away works."""

    def __init__(self, mails: int, *, vanishes_after: int | None = None, holds: bool = True) -> None:
        self.mails = {f"{number:04d}": b"mail %d" % number for number in range(mails)}
        self.vanishes_after = vanishes_after
        self.holds = holds

    def waiting(self) -> Iterator[Fetched]:
        """Yield them in order."""
        for count, (name, raw) in enumerate(list(self.mails.items())):
            if count == self.vanishes_after:
                raise MailboxGone("The line was cut.")
            yield Fetched(name, raw)

    def put_away(self, names: Sequence[str]) -> None:
        """Forget them."""
        if not self.holds:
            raise MailboxGone("The line was cut.")
        for name in names:
            del self.mails[name]


@pytest.fixture
def intake(sessions: Sessions) -> Intake:
    """A database to take mail in to."""
    return Intake(sessions, RecordingQueue(), SystemClock(), "imap")


def stored(intake: Intake) -> list[bytes]:
    with intake.sessions() as session:
        return list(session.scalars(select(ReturnedMail.raw).order_by(ReturnedMail.id)))


def test_everything_is_taken_in_once(intake: Intake) -> None:
    box = Box(120)
    found = visit(box, intake, Bounds())
    assert (found.taken, found.known, found.more, found.trouble) == (120, 0, False, "")
    assert not box.mails
    assert len(stored(intake)) == 120
    again = visit(Box(120), intake, Bounds())
    assert (again.taken, again.known) == (0, 120)


def test_a_visit_is_bounded_in_mails_and_in_time(intake: Intake) -> None:
    box = Box(500)
    assert visit(box, intake, Bounds(mails=100)).more
    assert len(box.mails) == 400
    assert visit(box, intake, Bounds(seconds=0)).mails == 50


def test_what_came_before_the_mailbox_vanished_is_kept(intake: Intake) -> None:
    found = visit(Box(200, vanishes_after=73), intake, Bounds())
    assert (found.taken, found.trouble) == (73, "The line was cut.")
    assert len(stored(intake)) == 73


def test_mail_that_could_not_be_put_away_is_known_next_time(intake: Intake) -> None:
    box = Box(60, holds=False)
    assert visit(box, intake, Bounds()).taken == 50
    box.holds = True
    found = visit(box, intake, Bounds())
    assert (found.taken, found.known) == (10, 50)
    assert not box.mails


def test_nothing_is_put_away_while_the_database_is_gone(tmp_path: Path) -> None:
    engine = create_database_engine(f"sqlite:///{tmp_path / 'without-tables.db'}")
    box = Box(3)
    with pytest.raises(Unavailable):
        visit(box, Intake(create_sessions(engine), RecordingQueue(), SystemClock(), "imap"), Bounds())
    assert len(box.mails) == 3
    engine.dispose()


def test_of_two_that_come_at_once_one_visits(sessions: Sessions) -> None:
    with unit_of_work(sessions) as session:
        assert claim_turn(session, "here", NOW)
        assert not claim_turn(session, "here", NOW)
        assert claim_turn(session, "elsewhere", NOW)
    with unit_of_work(sessions) as session:
        assert claim_turn(session, "here", NOW + timedelta(minutes=3))  # the first one never came back


def test_a_failing_mailbox_is_asked_ever_more_seldom() -> None:
    minute = timedelta(minutes=1)
    waits = [wait_after(failures, minute) / minute for failures in (0, 1, 2, 5, 6, 1000)]
    assert waits == [1, 2, 4, 32, 60, 60]


def test_a_visit_is_recorded_and_the_next_one_waits(intake: Intake) -> None:
    box = Box(5)

    @contextmanager
    def opened(_place: MailboxPlace) -> Iterator[Mailbox]:
        yield box

    first = visit_if_due(PLACE, opened, intake, every_seconds=60)
    assert first is not None
    assert first.taken == 5
    assert visit_if_due(PLACE, opened, intake, every_seconds=60) is None
    with intake.sessions() as session:
        row = session.scalars(select(MailboxVisit)).one()
    assert (row.place, row.taken, row.failures, row.trouble) == (str(PLACE), 5, 0, "")


def test_a_mailbox_that_does_not_open_is_recorded(intake: Intake) -> None:
    @contextmanager
    def closed(_place: MailboxPlace) -> Iterator[Mailbox]:
        raise MailboxGone("There is no host mail.example.com.")
        yield

    for _ in range(2):
        assert visit_now(PLACE, closed, intake, every_seconds=60).trouble
    with intake.sessions() as session:
        row = session.scalars(select(MailboxVisit)).one()
    assert (row.failures, row.last_good_at, row.trouble) == (2, None, "There is no host mail.example.com.")


def test_the_watcher_survives_trouble(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    boxes: list[Box | None] = [Box(2), None, Box(3)]

    @contextmanager
    def opened(_place: MailboxPlace) -> Iterator[Mailbox]:
        box = boxes.pop(0)
        if box is None:
            raise MailboxGone("Gone for a moment.")
        box.mails = {f"{len(boxes)}-{name}": raw + b"%d" % len(boxes) for name, raw in box.mails.items()}
        yield box

    pauses: list[float] = []
    monkeypatch.setattr("time.sleep", pauses.append)
    visits = watch(PLACE, opened, intake, every_seconds=10)
    found = [next(visits) for _ in range(3)]
    assert [(each.taken, each.trouble) for each in found] == [(2, ""), (0, "Gone for a moment."), (3, "")]
    assert pauses == [10, 20]


@pytest.fixture
def maildir(tmp_path: Path) -> Path:
    """An empty maildir."""
    for part in ("new", "cur", "tmp"):
        (tmp_path / "box" / part).mkdir(parents=True)
    return tmp_path / "box"


def fetched(folder: Path, intake: Intake, *, keep: bool = False) -> tuple[int, int]:
    place = parse_place(f"maildir://{folder}", after="keep" if keep else "delete")
    found = visit_now(place, open_mailbox, intake, every_seconds=60)
    assert not found.trouble
    return found.taken, found.known


def test_a_maildir_is_emptied(maildir: Path, intake: Intake) -> None:
    for name in ("2.b", "1.a"):
        (maildir / "new" / name).write_text(f"mail {name}")
    assert fetched(maildir, intake) == (2, 0)
    assert stored(intake) == [b"mail 1.a", b"mail 2.b"]
    assert not list(maildir.rglob("*.?"))


def test_kept_mail_is_moved_as_seen(maildir: Path, intake: Intake) -> None:
    (maildir / "new" / "1.a").write_text("mail")
    assert fetched(maildir, intake, keep=True) == (1, 0)
    assert [path.name for path in (maildir / "cur").iterdir()] == ["1.a:2,S"]
    assert fetched(maildir, intake, keep=True) == (0, 0)


def test_traps_in_a_maildir_are_stepped_over(maildir: Path, intake: Intake, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("not for the database")
    (maildir / "new" / "0.link").symlink_to(tmp_path / "secret")
    os.mkfifo(maildir / "new" / "1.pipe")
    (maildir / "new" / "2.folder").mkdir()
    (maildir / "new" / ".hidden").write_text("half written")
    (maildir / "new" / "3.mail").write_bytes(b"mail")
    with (maildir / "new" / "4.huge").open("wb") as file:
        file.write(b"Subject: huge\r\n\r\n")
        file.truncate(25 * 1024 * 1024)
    assert fetched(maildir, intake) == (2, 0)
    assert [len(raw) for raw in stored(intake)] == [4, LARGEST]


def test_a_missing_maildir_is_a_sentence(container: Container, tmp_path: Path) -> None:
    place = parse_place(f"maildir://{tmp_path}/nowhere")
    intake = Intake(container.sessions, container.queue, container.clock, "maildir")
    assert "There is no maildir at" in visit_now(place, open_mailbox, intake, every_seconds=60).trouble
