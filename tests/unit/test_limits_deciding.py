"""Limits decided without a database: windows, appointments, breakers, lanes, plans, hours, phrases, groups."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from newsletter.delivery.limits.appointments import MOST_SPREAD_SECONDS, Counter, appointments
from newsletter.delivery.limits.breaker import Breaker, Heard, after
from newsletter.delivery.limits.destinations import Destinations
from newsletter.delivery.limits.hours import Hours
from newsletter.delivery.limits.lanes import Lanes
from newsletter.delivery.limits.listening import Listening
from newsletter.delivery.limits.phrases import SLOWNESS, SUSPENSION, advice_of
from newsletter.delivery.limits.plans import Plan, day_ends, local_day
from newsletter.delivery.limits.providers import group_of_mx
from newsletter.delivery.limits.rates import Rate, parse_rate
from newsletter.delivery.limits.rules import group_rules, spread_window
from newsletter.delivery.limits.taking import seat
from newsletter.delivery.limits.windows import AFTER, Window
from newsletter.delivery.sending.claim import Claimed
from newsletter.delivery.sending.gate import Held
from newsletter.delivery.sending.soon import Soon
from newsletter.errors import InvalidInput

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


# Groups


@pytest.mark.parametrize(
    ("hosts", "group"),
    [
        (["aspmx.l.google.com."], "google"),
        (["mta5.am0.yahoodns.net"], "yahoo"),
        (["firm-com.mail.protection.outlook.com"], "outlook"),
        (["MX01.MAIL.ICLOUD.COM"], "icloud"),
        (["smtp-in.orange.fr"], "orange"),
        (["mx.notgoogle.com"], None),
        (["mx.example.net", "alt1.aspmx.l.google.com"], "google"),
        (["google.com.evil.example"], None),
        ([], None),
        ([""], None),
    ],
)
def test_a_group_is_who_receives_the_mail(hosts: list[str], group: str | None) -> None:
    assert group_of_mx(hosts) == group


def test_known_domains_need_no_dns_and_others_stand_alone() -> None:
    known = Destinations()
    assert known.group_of("ada@GMail.com") == "google"
    assert known.group_of("ada@tiny.example") == "tiny.example"
    assert known.group_of("no address") == "no address"


# Rates


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("100/hour", Rate(100, "hour")),
        (" 5,000 / day ", Rate(5000, "day")),
        ("10/s", Rate(10, "second")),
        ("60 per minute", Rate(60, "minute")),
    ],
)
def test_rates_are_read_as_people_write_them(text: str, rate: Rate) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize(
    "text", ["", "100", "/hour", "0/hour", "-1/hour", "1/year", "9999999999/day", "١/hour"]
)
def test_what_is_no_rate_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"rate|at least 1"):
        parse_rate(text)


# Windows and appointments


def test_a_token_comes_back_after_the_window_and_a_little() -> None:
    window = Window("k", 5, 60.0)
    usage = {window.slot(1000.0): 5}
    assert window.free(usage, 1000.0) == 0
    assert window.free(usage, 1060.0) == 0
    assert window.free(usage, 1062.0) == 5
    assert window.releases(usage, 1000.0) == [(1000.0 + 62 + AFTER, 5)]


def test_near_tokens_give_exact_appointments() -> None:
    window = Window("k", 10, 1.0)
    times = appointments([Counter(window, {window.slot(1000.0): 10})], 10, 10, 1000.0)
    assert all(1001.5 < at < 1001.6 for at in times)


def test_far_tokens_are_strewn_as_they_come_but_not_over_weeks() -> None:
    window = Window("k", 100, 3600.0)
    counter = Counter(window, {window.slot(0.0): 100})
    times = appointments([counter], 200, 200, 0.0)
    assert times == sorted(times)
    assert times[0] >= 3600.0
    assert 3600.0 < times[-1] - times[0] <= 2 * 3600.0
    many = appointments([counter], 500, 50_000, 0.0)
    assert many[-1] - many[0] <= MOST_SPREAD_SECONDS


def test_a_full_calendar_day_waits_for_midnight() -> None:
    window = Window("k", 50, 86400.0, ends_at=5000.0)
    times = appointments([Counter(window, {0: 50})], 100, 10_000, 1000.0)
    assert 5000.0 <= times[0] <= times[-1] <= 5060.0


def test_rows_due_within_seconds_are_kept_and_come_back_when_due() -> None:
    rows = [Claimed(number, 1, f"r{number}@example.com", "", 0, NOW, None) for number in range(4)]
    later = [
        Held(number, NOW + timedelta(seconds=wait), "limit") for number, wait in enumerate((3, 1, 60, 3))
    ]
    soon = Soon()
    assert soon.keep(rows, later, NOW) == [later[2]]
    assert (len(soon), soon.next_due()) == (3, NOW + timedelta(seconds=1))
    assert soon.take(NOW) == []
    assert soon.take(NOW + timedelta(seconds=3)) == [rows[1], rows[0], rows[3]]
    soon.keep(rows, later[:1], NOW)
    assert soon.clear() == [rows[0]]
    assert soon.next_due() is None


# Seats


def test_seats_are_shared_and_never_more_than_there_are() -> None:
    sitters = seat({}, "a", 5, 0.0)
    assert sitters["a"].granted == 5
    sitters = seat(sitters, "b", 5, 1.0)
    assert sitters["b"].granted == 0
    sitters = seat(sitters, "a", 5, 2.0)  # a shrinks, but what it has on the wire still counts
    assert (sitters["a"].granted, sitters["a"].counted) == (2, 5)
    assert seat(sitters, "b", 5, 3.0)["b"].granted == 0
    sitters = seat(seat(sitters, "a", 5, 4.0), "b", 5, 5.0)
    assert (sitters["a"].granted, sitters["b"].granted) == (2, 2)


def test_seats_of_a_dead_sender_are_free_after_a_minute() -> None:
    sitters = seat(seat({}, "dead", 3, 0.0), "b", 3, 61.0)
    assert sitters["b"].granted == 3


# Breaker


def told(breaker: Breaker, heard: Heard, at: datetime = NOW) -> Breaker:
    return after(breaker, heard, at, random.Random(1))


def test_five_troubles_in_a_row_open_it_and_waits_double() -> None:
    breaker = told(Breaker(), Heard(troubles=4, why="421 busy"))
    assert breaker.state(NOW) == "closed"
    breaker = told(breaker, Heard(troubles=1, why="timed out"))
    assert breaker.state(NOW) == "open"
    first = breaker.open_until
    assert first is not None
    assert timedelta(minutes=1) <= first - NOW <= timedelta(minutes=1.2)
    assert breaker.state(first) == "half-open"
    again = told(breaker, Heard(troubles=1), first)
    assert again.open_until is not None
    assert timedelta(minutes=2) <= again.open_until - first <= timedelta(minutes=2.4)
    for _ in range(20):
        assert again.open_until is not None
        again, before = told(again, Heard(troubles=1), again.open_until), again.open_until
    assert again.open_until is not None
    assert again.open_until - before <= timedelta(hours=1.2)


def test_a_good_answer_in_between_begins_anew() -> None:
    breaker = told(told(Breaker(), Heard(troubles=4)), Heard(good=True, troubles=4))
    assert breaker.state(NOW) == "closed"
    assert told(breaker, Heard(good=True)).is_blank(NOW)


def test_what_was_under_way_when_it_opened_says_nothing_new() -> None:
    opened = told(Breaker(), Heard(troubles=20))
    assert opened.openings == 1
    assert told(opened, Heard(troubles=15)) == opened
    assert told(opened, Heard(good=True)) == opened
    half_open = opened.open_until
    assert half_open is not None
    assert told(opened, Heard(good=True), half_open).is_blank(half_open)


def test_words_of_the_providers_suspend_or_slow() -> None:
    tss = advice_of("421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to user complaints")
    assert tss is not None
    assert tss.rest == SUSPENSION
    slow = advice_of("451 4.7.650 The mail server has been temporarily rate limited due to IP reputation.")
    assert slow is not None
    assert slow.slow == SLOWNESS
    assert advice_of("450 4.2.0 Greylisted, please try again later") is None
    assert advice_of("452 4.2.2 The email account that you tried to reach is over quota") is None
    suspended = told(Breaker(), Heard(troubles=1, advice=tss))
    assert suspended.rests_until(NOW) == NOW + SUSPENSION
    slowed = told(Breaker(), Heard(advice=slow))
    assert slowed.state(NOW) == "slow"
    assert slowed.rests_until(NOW) is None


def test_a_421_is_an_answer_and_a_trouble() -> None:
    ears = Listening()
    for _ in range(4):
        ears.answered("g")
        assert not ears.troubled("g", "421 4.3.2 closing")
        ears.answered("other")
    ears.answered("g")
    assert not ears.troubled("g", "450 4.7.1 not now, policy")  # about one person, as far as we know
    ears.answered("g")
    assert ears.troubled("g", "421 4.3.2 closing")
    assert ears.take()["g"].troubles == 5
    assert ears.take() == {}


def test_a_hang_up_after_a_good_answer_does_not_take_that_back() -> None:
    ears = Listening()
    for _ in range(3):
        ears.troubled("g", "timed out")
    ears.answered("g")
    ears.troubled("g", "hung up")
    ears.answered("other")
    heard = ears.take()["g"]
    assert (heard.good, heard.troubles) == (True, 1)


def test_a_relay_that_hangs_up_on_everybody_is_no_groups_fault() -> None:
    ears = Listening()
    for group in "abcde":
        ears.answered(group)
    for _ in range(20):
        for group in "abcde":
            assert not ears.troubled(group, "hung up")
            ears.answered(group)
            assert not ears.troubled(group, "421 4.3.2 shutting down")
    for group in "abcde":
        ears.answered(group)
    assert all(one.troubles == 0 for one in ears.take().values())


def test_a_relay_with_mail_for_one_group_alone_proves_nothing() -> None:
    ears = Listening()
    for _ in range(20):
        assert not ears.troubled("g", "timed out")
    assert ears.take()["g"].troubles == 0
    ears.answered("other")
    assert ears.troubled("g", "timed out")
    assert ears.take()["g"].troubles == 21


# Lanes


def test_a_group_that_never_answers_holds_one_lane() -> None:
    assert Lanes(20).share("silent") == 1
    assert Lanes(50).share("silent") == 2


def test_a_group_that_answers_gets_all_lanes_soon() -> None:
    lanes = Lanes(20)
    for _ in range(20):
        lanes.answered("quick", 0.005)
    assert lanes.share("quick") == 20


def test_a_tarpit_is_put_back_to_one_lane_and_comes_back() -> None:
    lanes = Lanes(20)
    for _ in range(100):
        lanes.answered("quick", 0.005)
        lanes.answered("pit", 0.005)
    assert lanes.answered("pit", 20.0)
    assert not lanes.answered("pit", 20.0)
    assert (lanes.share("pit"), lanes.share("quick")) == (1, 20)
    assert lanes.slow_groups() == {"pit"}
    for _ in range(60):
        lanes.answered("quick", 0.005)
        lanes.answered("pit", 0.005)
    assert lanes.share("pit") == 20


def test_a_relay_that_is_slow_for_all_slows_nobody_down() -> None:
    lanes = Lanes(20)
    for turn in range(300):
        lanes.answered(f"g{turn % 5}", 2.0)
    assert lanes.slow_groups() == set()


def test_many_tiny_groups_cost_nothing() -> None:
    lanes = Lanes(20)
    for number in range(25_000):
        lanes.answered(f"{number}.example", 0.01)
    assert len(lanes._lanes) <= 10_000


# Plans and hours


def test_a_plan_has_its_days_and_then_grows_until_it_is_over() -> None:
    plan = Plan(date(2026, 3, 1), (50, 100), growth=25, most=200)
    caps = [plan.cap(date(2026, 2, 28) + timedelta(days=day)) for day in range(7)]
    assert caps == [0, 50, 100, 125, 156, 195, None]


def test_a_plan_that_does_not_grow_by_per_cent_grows_by_one() -> None:
    plan = Plan(date(2026, 3, 1), (1,), growth=0, most=3)
    assert [plan.cap(date(2026, 3, day)) for day in (1, 2, 3, 4)] == [1, 2, 3, None]
    assert plan.cap(date(2126, 3, 1)) is None


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 5, 1), 24)]
)
def test_days_are_calendar_days(day: date, hours: int) -> None:
    begins = day_ends(day - timedelta(days=1), BERLIN)
    assert local_day(begins, BERLIN) == day
    assert day_ends(day, BERLIN) - begins == timedelta(hours=hours)


def test_midnight_that_does_not_exist_is_the_first_instant_after_it() -> None:
    cairo = ZoneInfo("Africa/Cairo")
    ends = day_ends(date(2026, 4, 23), cairo)
    assert local_day(ends, cairo) == date(2026, 4, 24)
    assert local_day(ends - timedelta(seconds=1), cairo) == date(2026, 4, 23)


def test_sending_hours_hold_until_they_open() -> None:
    hours = Hours(time(8), time(20), BERLIN)
    assert hours.opens_again(datetime(2026, 3, 1, 7, 0, tzinfo=UTC)) is None  # 8:00 there
    assert hours.opens_again(datetime(2026, 3, 1, 6, 59, tzinfo=UTC)) == datetime(2026, 3, 1, 7, tzinfo=UTC)
    assert hours.opens_again(datetime(2026, 3, 28, 19, 0, tzinfo=UTC)) == datetime(2026, 3, 29, 6, tzinfo=UTC)


def test_sending_hours_may_go_over_midnight_or_round_the_clock() -> None:
    night = Hours(time(22), time(6), ZoneInfo("UTC"))
    assert night.opens_again(NOW.replace(hour=23)) is None
    assert night.opens_again(NOW.replace(hour=5)) is None
    assert night.opens_again(NOW) == NOW.replace(hour=22)
    assert Hours(time(8), time(8), BERLIN).opens_again(NOW) is None


# Rules


def test_shipped_limits_hold_for_the_big_only_and_can_be_changed_or_switched_off() -> None:
    assert group_rules([])["google"].seats is not None
    assert "tiny.example" not in group_rules([])
    rules = group_rules([("google", "at_once", None), ("outlook", "at_once", 9), ("google", "hour", 100)])
    assert rules["google"].seats is None
    assert [one.count for one in rules["google"].windows] == [100]
    assert rules["outlook"].seats is not None
    assert rules["outlook"].seats.most == 9


@pytest.mark.parametrize(("audience", "minutes"), [(50_000, 180), (100, 180), (1, 60), (0, 60)])
def test_a_spread_takes_about_as_long_as_it_says(audience: int, minutes: int) -> None:
    window = spread_window(1, audience, minutes)
    assert audience / window.per_second / 60 <= minutes
    assert audience <= 1 or audience / window.per_second / 60 >= 0.9 * minutes
