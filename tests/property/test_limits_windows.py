"""Never above the limit in any window, whatever the order of asking; and everybody gets there in the end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as some

from newsletter.delivery.limits.chunk import Division, Part, ask_for, give_out
from newsletter.delivery.limits.limiter import Ask, Demand, Seats, Taken
from newsletter.delivery.limits.taking import Sitter, added, grant, seat
from newsletter.delivery.limits.windows import Usage, Window
from newsletter.delivery.sending.claim import Claimed

START = datetime(2026, 3, 1, tzinfo=UTC)


class Books:
    """A limiter in memory with a clock of its own."""

    def __init__(self) -> None:
        self.now = 1_000_000.0
        self.usages: dict[str, Usage] = {}
        self.sitters: dict[str, dict[str, Sitter]] = {}

    def take(self, ask: Ask) -> Taken:
        """Take as every limiter does."""
        seats = []
        for one in ask.seats:
            self.sitters[one.key] = seat(self.sitters.get(one.key, {}), ask.owner, one.most, self.now)
            seats.append(self.sitters[one.key][ask.owner].granted)
        before = [self.usages.get(window.key, {}) for window in ask.windows]
        granted = grant(ask.demands, ask.windows, before, seats, self.now)
        after = added(ask.windows, before, ask.demands, granted, self.now)
        self.usages |= {window.key: usage for window, usage in zip(ask.windows, after, strict=True)}
        return Taken(self.now, granted, after, tuple(seats))


steps = some.lists(
    some.tuples(some.floats(0, 90), some.integers(1, 40), some.booleans()), min_size=1, max_size=60
)


@given(steps, some.integers(1, 50), some.sampled_from([1.0, 10.0, 60.0]))
@settings(max_examples=150, deadline=None)
def test_no_window_ever_holds_more_than_its_count(
    asked: list[tuple[float, int, bool]], count: int, seconds: float
) -> None:
    books, taken = Books(), []
    common, own = Window("all", count, seconds), Window("group", max(1, count // 2), seconds)
    for pause, rows, is_group in asked:
        books.now += pause * seconds / 60
        windows = (common, own) if is_group else (common,)
        answer = books.take(Ask("a", windows, (), (Demand(rows, tuple(range(len(windows)))),)))
        taken.append((books.now, answer.granted[0], is_group))
    for begins, _, _ in taken:
        inside = [one for one in taken if begins <= one[0] <= begins + seconds]
        assert sum(number for _, number, _ in inside) <= common.count
        assert sum(number for _, number, is_group in inside if is_group) <= own.count


@given(
    some.lists(some.tuples(some.sampled_from("abcd"), some.floats(0, 90)), max_size=80), some.integers(1, 12)
)
@settings(max_examples=150, deadline=None)
def test_seats_in_use_are_never_more_than_there_are(asked: list[tuple[str, float]], most: int) -> None:
    """What a sender has on the wire is what it was granted, until it asks again; before that, also what it had."""
    sitters: dict[str, Sitter] = {}
    now = 0.0
    for owner, pause in asked:
        now += pause
        sitters = seat(sitters, owner, most, now)
        assert sum(one.counted for one in sitters.values() if one.until > now) <= most
        assert all(one.granted <= one.counted for one in sitters.values())


def rows(count: int, first: int = 0) -> list[Claimed]:
    """Make claimed rows."""
    return [Claimed(first + at, 1, f"r{at}@example.com", "", 0, START, None) for at in range(count)]


@given(
    some.integers(20, 400),
    some.sampled_from([(10, 1.0), (50, 60.0), (100, 3600.0)]),
    some.integers(1, 3),
    some.booleans(),
)
@settings(max_examples=30, deadline=None)
def test_everybody_gets_there_without_asking_too_often(
    people: int, rate: tuple[int, float], senders: int, has_group: bool
) -> None:
    """Rows come back when they were told to (a sweep wakes them every five seconds), claimed in chunks of 500."""
    books, window = Books(), Window("all", *rate)
    due = {row.id: (books.now, row) for row in rows(people * senders)}
    gone, asked = [], 0
    moment = START
    for _ in range(100_000):
        if not due:
            break
        ready = [row for at, row in due.values() if at <= books.now][:500]
        if not ready:
            step = max(5.0 if window.seconds > 1 else 0.05, min(at for at, _ in due.values()) - books.now)
            books.now += step
            continue
        asked += len(ready)
        parts = [Part(ready[::2], (window, Window("group", rate[0], rate[1])) if has_group else (window,)),
                 Part(ready[1::2], (window,))]  # fmt: skip
        parts = sorted((part for part in parts if part.rows), key=lambda part: len(part.rows))
        ask, division = ask_for("a", parts), Division()
        give_out(division, parts, ask, books.take(ask), len(due), moment)
        for row in division.now:
            gone.append(books.now)
            del due[row.id]
        for held in division.later:
            wait = (held.until - moment) / timedelta(seconds=1)
            assert wait > 0
            due[held.row_id] = (books.now + wait, due[held.row_id][1])
    assert not due
    total, (count, seconds) = people * senders, rate
    ideal = max(0, total / count - 1) * seconds * window.span / 60
    assert gone[-1] - gone[0] <= 2.2 * ideal + 2.5 * seconds + 60
    assert asked <= 12 * total


def test_a_part_that_needs_nothing_goes_and_a_part_without_seats_comes_back_soon() -> None:
    books = Books()
    books.sitters["seats:google"] = {"other": Sitter(3, 3, books.now + 60)}
    parts = [Part(rows(3), ()), Part(rows(4, 10), (), Seats("google", 3))]
    ask, division = ask_for("me", parts), Division()
    give_out(division, parts, ask, books.take(ask), 0, START)
    assert [row.id for row in division.now] == [0, 1, 2]
    assert all(
        START + timedelta(seconds=3) <= held.until <= START + timedelta(seconds=6) for held in division.later
    )
    assert {held.why for held in division.later} == {"limit"}
