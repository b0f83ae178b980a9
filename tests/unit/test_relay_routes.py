"""Routes: weights are kept, sick relays rest and are tried again by one probe, a stand-by waits for its hour."""

from __future__ import annotations

from collections import Counter

import pytest

from newsletter.delivery.relays.address import read_url
from newsletter.delivery.relays.health import FIRST_REST_SECONDS, LONGEST_REST_SECONDS, PROBE_SECONDS
from newsletter.delivery.relays.routes import Relay, Routes
from newsletter.delivery.smtp.target import SmtpTarget
from newsletter.errors import InvalidInput


class Watch:
    """A clock that a test turns."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def relay(name: str, weight: int = 1) -> Relay:
    return Relay(name, SmtpTarget(f"{name}.example.com", 25), weight)


ONE, TWO, SPARE = relay("one", 3), relay("two", 1), relay("spare", 0)


def picked(routes: Routes, count: int) -> list[str]:
    found = []
    for _ in range(count):
        chosen = routes.pick()
        found.append(chosen.name if chosen else "-")
    return found


def test_weights_are_kept_smoothly() -> None:
    routes = Routes([ONE, TWO, SPARE], Watch())
    names = picked(routes, 400)
    assert Counter(names) == {"one": 300, "two": 100}
    assert names[:4].count("two") == 1


def test_a_relay_rests_after_three_failures_and_the_other_takes_all() -> None:
    routes = Routes([ONE, TWO], Watch())
    for _ in range(3):
        routes.failed(ONE, "timeout")
    assert picked(routes, 5) == ["two"] * 5
    assert routes.troubles == ["one: timeout"] * 3
    assert routes.is_resting(ONE)


def test_success_in_between_forgets_failures() -> None:
    routes = Routes([ONE], Watch())
    for _ in range(10):
        routes.failed(ONE, "421")
        routes.failed(ONE, "421")
        routes.worked(ONE)
    assert picked(routes, 1) == ["one"]


def test_one_probe_and_a_longer_rest_when_it_fails() -> None:
    watch = Watch()
    routes = Routes([ONE], watch)
    for _ in range(3):
        routes.failed(ONE, "timeout")
    assert picked(routes, 2) == ["-", "-"]
    watch.now += FIRST_REST_SECONDS
    assert picked(routes, 3) == ["one", "-", "-"]
    routes.failed(ONE, "timeout")
    watch.now += FIRST_REST_SECONDS
    assert picked(routes, 1) == ["-"]
    watch.now += FIRST_REST_SECONDS
    assert picked(routes, 2) == ["one", "-"]
    routes.worked(ONE)
    assert picked(routes, 2) == ["one", "one"]


def test_a_probe_of_which_nothing_is_heard_is_given_up() -> None:
    watch = Watch()
    routes = Routes([ONE], watch)
    for _ in range(3):
        routes.failed(ONE, "timeout")
    watch.now += FIRST_REST_SECONDS
    assert picked(routes, 2) == ["one", "-"]
    watch.now += PROBE_SECONDS
    assert picked(routes, 2) == ["one", "-"]


def test_a_full_relay_is_passed_over() -> None:
    narrow = Relay("narrow", ONE.target, weight=9, connections=2)
    routes = Routes([narrow, TWO], Watch())
    assert routes.pick({"narrow": 1}) is narrow
    assert routes.pick({"narrow": 2}) is TWO
    assert Routes([narrow], Watch()).pick({"narrow": 2}) is None


def test_rests_are_bounded() -> None:
    watch = Watch()
    routes = Routes([ONE], watch)
    for _ in range(30):
        routes.failed(ONE, "timeout")
        watch.now += LONGEST_REST_SECONDS
        assert routes.pick() is ONE
    assert len(routes.troubles) == 20


def test_a_stand_by_is_taken_only_when_no_other_can_be() -> None:
    routes = Routes([TWO, SPARE], Watch())
    assert picked(routes, 3) == ["two"] * 3
    for _ in range(3):
        routes.failed(TWO, "timeout")
    assert picked(routes, 3) == ["spare"] * 3


@pytest.mark.parametrize(
    ("url", "written"),
    [
        ("smtp://mail.example.com", "smtp://mail.example.com:25"),
        ("smtp+starttls://me%40x:s3cret@Mail.Example.com", "smtp+starttls://me%40x@mail.example.com:587"),
        ("smtps://[2001:db8::1]", "smtps://[2001:db8::1]:465"),
        ("lmtp://127.0.0.1:2400/", "lmtp://127.0.0.1:2400"),
    ],
)
def test_an_address_is_read_and_written_without_its_password(url: str, written: str) -> None:
    address = read_url(url)
    assert address.url == written
    assert "s3cret" not in repr(address) + repr(address.target)


@pytest.mark.parametrize(
    "url",
    ["", "mail.example.com", "http://x", "smtp://", "smtp://a b", "smtp://x:99999", "smtp://x/y", "smtp://x?y",
     "smtps://u%0aRSET:p@x", "smtps://[::1"],
)  # fmt: skip
def test_what_is_no_relay_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput):
        read_url(url)
