"""Rows wait by group and take turns; a bound group's rows wait for its lanes."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from newsletter.delivery.sending.claim import Claimed
from newsletter.delivery.sending.lineup import LineUp

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def row(number: int) -> Claimed:
    return Claimed(number, 1, f"{number}@example.com", "", 0, NOW, None)


def of(group: str, *numbers: int) -> list[tuple[str, Claimed]]:
    return [(group, row(number)) for number in numbers]


def test_groups_take_turns() -> None:
    line = LineUp(lambda _: None)
    line.add([*of("a", 1, 2, 3), *of("b", 4), *of("c", 5, 6)])
    order = [turn.row.id for _ in range(6) if (turn := line.take())]
    assert order == [1, 4, 5, 2, 6, 3]
    assert line.take() is None


def test_a_bound_group_waits_for_its_lane_and_the_others_do_not() -> None:
    line = LineUp({"slow": 1, "fast": None}.__getitem__)
    line.add([*of("slow", 1, 2), *of("fast", 3, 4)])
    assert [turn.row.id for _ in range(4) if (turn := line.take())] == [1, 3, 4]
    assert line.blocked() == ["slow"]
    line.done("slow")
    turn = line.take()
    assert turn is not None
    assert turn.row.id == 2


def test_a_row_behind_another_of_its_group_takes_over_its_place() -> None:
    line = LineUp(lambda _: 1)
    line.add(of("a", 1, 2, 3))
    assert line.take() is not None
    assert line.take() is None
    heir = line.take(behind="a")
    assert heir is not None
    assert (heir.row.id, heir.is_heir) == (2, True)
    line.done("a")
    turn = line.take()
    assert turn is not None
    assert (turn.row.id, turn.is_heir) == (3, False)


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.booleans()), max_size=60), st.integers(1, 3))
def test_no_group_has_more_lanes_than_it_may_and_nobody_is_forgotten(
    steps: list[tuple[str, bool]], most: int
) -> None:
    line, busy, seen = LineUp(lambda _: most), Counter[str](), []
    line.add((group, row(number)) for number, (group, _) in enumerate(steps))
    for _, ends_one in steps:
        if (turn := line.take()) is not None:
            busy[turn.group] += 1
            seen.append(turn.row.id)
        assert max(busy.values(), default=0) <= most
        if ends_one and (group := next(iter(+busy), None)):
            busy[group] -= 1
            line.done(group)
    left = [each.id for each in line.clear()]
    assert sorted(seen + left) == list(range(len(steps)))
    assert len(line) == 0


def test_a_group_leaves_the_line_but_for_its_first() -> None:
    line = LineUp(lambda _: None)
    line.add([*of("a", 1, 2, 3, 4), *of("b", 5)])
    assert [each.id for each in line.remove("a", keep=2)] == [3, 4]
    assert (len(line), line.group_count) == (3, 2)
    assert [each.id for each in line.remove("a")] == [1, 2]
    assert line.remove("a") == []
    assert (len(line), line.group_count) == (1, 1)
