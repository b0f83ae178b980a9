"""Bytes from a relay may be cut anywhere; bytes in a journal may end anywhere."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.delivery.sending.journal import Result, boot_id, read_journal
from newsletter.delivery.smtp.parser import ProtocolError, ReplyParser
from newsletter.delivery.smtp.replies import Reply
from newsletter.delivery.states import DeliveryState

texts = st.text(alphabet=st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=40)
replies = st.tuples(st.integers(200, 599), st.lists(texts, min_size=1, max_size=5))


@given(st.lists(replies, max_size=6), st.data())
def test_replies_come_out_whole_however_they_were_cut(
    said: list[tuple[int, list[str]]], data: st.DataObject
) -> None:
    wire = b"".join(_written(code, lines) for code, lines in said)
    parser, found, start = ReplyParser(), list[Reply](), 0
    while start < len(wire):
        end = data.draw(st.integers(start + 1, len(wire)))
        found += parser.feed(wire[start:end])
        start = end
    assert found == [
        Reply(code, " ".join(lines), tuple(lines) if len(lines) > 1 else ()) for code, lines in said
    ]


def _written(code: int, lines: list[str]) -> bytes:
    *first, last = lines
    return "".join([*(f"{code}-{line}\r\n" for line in first), f"{code} {last}\r\n"]).encode()


@given(st.binary(max_size=200))
def test_anything_else_is_a_protocol_error_and_nothing_worse(noise: bytes) -> None:
    parser = ReplyParser()
    with contextlib.suppress(ProtocolError):
        parser.feed(noise)


def test_a_line_without_end_is_refused() -> None:
    with pytest.raises(ProtocolError):
        ReplyParser().feed(b"250 " + b"x" * 5000)


results = st.builds(
    Result,
    id=st.integers(1, 50),
    fence=st.integers(1, 5),
    state=st.sampled_from([DeliveryState.SENT, DeliveryState.FAILED, DeliveryState.DEFERRED]),
    at=st.datetimes(timezones=st.just(UTC)),
    code=st.none() | st.integers(200, 599),
    response=st.text(max_size=60),
    next_attempt_at=st.none() | st.just(datetime(2026, 3, 1, tzinfo=UTC)),
)


@given(st.lists(results, max_size=8), st.sets(st.integers(1, 50)), st.integers(0, 400))
def test_a_journal_reads_back_and_a_cut_end_loses_only_the_end(
    heard: list[Result], dots: set[int], cut: int
) -> None:
    lines = [b"B%s\n" % boot_id().encode(), *(b"D%d,1\n" % row for row in dots)]
    whole = read_journal("me", [*lines, *(result.to_line() for result in heard)])
    assert whole.results == heard
    assert whole.unanswered == dots - {result.id for result in heard}
    text = b"".join([*lines, *(result.to_line() for result in heard)])
    left = read_journal("me", text[: len(text) - min(cut, len(text))].splitlines(keepends=True))
    assert left.results == heard[: len(left.results)]
    assert left.unanswered <= dots
