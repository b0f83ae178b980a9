"""Machines and people told apart: each rule by itself, and a mix of traffic of which the truth is known (C6)."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import timedelta

import pytest

from newsletter.feedback.engagement.judging import Seen, Verdict, episodes, judge
from newsletter.feedback.engagement.signals import Signal, signals_of
from tests.clicks.traffic import LINKS, PROGRAMS, READERS, SENT_AT, Trace, traffic

NOTHING = Signal(0)
MACHINE, UNCERTAIN, PERSON = Verdict.MACHINE, Verdict.UNCERTAIN, Verdict.PERSON


def seen(link: int | None, seconds: float, signals: Signal = NOTHING) -> Seen:
    return Seen(link, SENT_AT + timedelta(seconds=seconds), signals)


def verdicts(*hits: Seen, links: int = 12) -> list[Verdict]:
    return judge(hits, links=links, sent_at=SENT_AT)


def best_of(trace: Trace) -> Verdict:
    """Return the verdict that a delivery's reader counts under."""
    found = [
        verdict
        for episode in episodes(trace.hits)
        for hit, verdict in zip(episode, judge(episode, links=LINKS, sent_at=SENT_AT), strict=True)
        if Signal.TRAP not in hit.signals
    ]
    return max(found, default=MACHINE)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_mix_of_which_the_truth_is_known(seed: int) -> None:
    found: dict[bool, Counter[Verdict]] = defaultdict(Counter)
    for trace in traffic(4000, seed):
        found[trace.is_person][best_of(trace)] += 1
    people, machines = found[True], found[False]
    assert machines[MACHINE] / machines.total() >= 0.95
    assert people[MACHINE] / people.total() <= 0.02
    assert people[PERSON] / people.total() >= 0.93
    assert machines[PERSON] / machines.total() <= 0.01


def test_one_link_after_a_while_is_a_person() -> None:
    assert verdicts(seen(3, 300)) == [PERSON]


@pytest.mark.parametrize(
    ("seconds", "said"), [(-3, MACHINE), (4.9, MACHINE), (5, UNCERTAIN), (19, UNCERTAIN), (20, PERSON)]
)
def test_the_time_since_the_mail_was_sent(seconds: float, said: Verdict) -> None:
    assert verdicts(seen(3, seconds)) == [said]
    assert judge([seen(3, seconds)], links=12, sent_at=None) == [PERSON]


@pytest.mark.parametrize("signal", [Signal.HEAD, Signal.AHEAD, Signal.AGENT])
def test_what_says_itself_that_it_is_a_machine(signal: Signal) -> None:
    assert verdicts(seen(3, 300, signal)) == [MACHINE]
    assert verdicts(seen(3, 300, signal), seen(3, 301)) == [MACHINE, PERSON]


def test_the_invisible_link_tells_on_everything_around_it() -> None:
    assert verdicts(seen(1, 300), seen(0, 305, Signal.TRAP), seen(2, 330)) == [MACHINE] * 3


def test_three_links_in_two_seconds_are_too_fast_for_hands() -> None:
    assert verdicts(seen(1, 300), seen(2, 301), seen(3, 302)) == [MACHINE] * 3
    assert verdicts(seen(1, 300), seen(2, 301.5), seen(3, 303)) == [PERSON] * 3
    assert verdicts(seen(1, 300), seen(1, 300.5), seen(1, 301)) == [PERSON] * 3


def test_two_links_in_one_moment_say_nothing() -> None:
    assert verdicts(seen(1, 300), seen(2, 300.2)) == [UNCERTAIN] * 2


def test_all_links_in_a_row_are_no_reading() -> None:
    assert verdicts(*(seen(link, 300 + link * 1.9) for link in range(1, 11))) == [MACHINE] * 10
    assert verdicts(*(seen(link, 300 + link * 4) for link in range(1, 11))) == [PERSON] * 10
    assert verdicts(seen(1, 300), seen(2, 303), links=2) == [PERSON] * 2


def test_without_a_language_nobody_can_say() -> None:
    assert verdicts(seen(1, 300, Signal.BARE)) == [UNCERTAIN]
    assert verdicts(seen(1, 10, Signal.BARE)) == [MACHINE]


def test_pictures() -> None:
    assert verdicts(seen(None, 300)) == [PERSON]
    assert verdicts(seen(None, 300, Signal.BARE)) == [PERSON]  # mail programs name no language
    assert verdicts(seen(None, 300, Signal.PROXY | Signal.BARE)) == [UNCERTAIN]
    assert verdicts(seen(None, 300, Signal.AGENT)) == [MACHINE]
    assert verdicts(seen(None, 1)) == [MACHINE]


def test_a_pause_begins_an_episode_of_its_own() -> None:
    hits = [seen(1, 0), seen(2, 30), seen(3, 60.1), seen(4, 500)]
    assert [[hit.link_id for hit in episode] for episode in episodes(hits)] == [[1, 2], [3], [4]]
    assert list(episodes([])) == []


@pytest.mark.parametrize("agent", READERS)
def test_browsers_are_browsers(agent: str) -> None:
    headers = [(b"user-agent", agent.encode()), (b"accept-language", b"en")]
    assert signals_of("GET", headers) == NOTHING
    assert signals_of("HEAD", headers) == Signal.HEAD
    assert signals_of("GET", headers[:1]) == Signal.BARE


@pytest.mark.parametrize("agent", PROGRAMS)
def test_programs_are_programs(agent: str) -> None:
    assert Signal.AGENT in signals_of("GET", [(b"user-agent", agent.encode())])


def test_who_says_nothing_is_a_program() -> None:
    assert signals_of("GET", []) == Signal.AGENT | Signal.BARE


def test_picture_proxies_and_prefetchers() -> None:
    proxy = b"Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
    assert Signal.PROXY in signals_of("GET", [(b"user-agent", proxy)])
    for name, value in (
        (b"sec-purpose", b"prefetch;prerender"),
        (b"purpose", b"prefetch"),
        (b"x-moz", b"prefetch"),
    ):
        assert Signal.AHEAD in signals_of("GET", [(name, value)])
    assert Signal.AHEAD not in signals_of("GET", [(b"purpose", b"navigate")])
