"""The limiter in a real Redis: the same answers as the pure arithmetic, several processes at once, Redis lost and killed."""

from __future__ import annotations

import itertools
import multiprocessing
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from newsletter.adapters.redis_limits import RedisLimiter
from newsletter.clock import SystemClock
from newsletter.delivery.limits.limiter import Ask, Demand, LimiterAway, Seats
from newsletter.delivery.limits.taking import Sitter, added, grant, seat
from newsletter.delivery.limits.windows import Usage, Window
from tests.servers import RedisServer, wait_for

MINUTE = Window("publication:p:minute", 100, 60.0)


@pytest.fixture
def clean(redis_server: RedisServer) -> Iterator[str]:
    """The address of an empty Redis."""
    client = redis.Redis.from_url(redis_server.url)
    client.flushall()
    yield redis_server.url
    client.close()


def limiter(url: str, settle: float = 0.0) -> RedisLimiter:
    """Return a limiter as one worker process has it."""
    return RedisLimiter(url, clock=SystemClock(), settle_seconds=settle or 0.001)


def ready(url: str, settle: float = 0.0) -> RedisLimiter:
    """Return one that has met this Redis."""
    made = limiter(url, settle)
    wait_for(lambda: made.take(Ask("x")).settled_at is None, "settling")
    return made


def ask(rows: int, *windows: Window, owner: str = "a") -> Ask:
    """Ask for rows that need a token of each window."""
    return Ask(owner, windows, (), (Demand(rows, tuple(range(len(windows)))),))


windows = some.lists(
    some.builds(
        Window,
        some.sampled_from(["a", "b", "c"]),
        some.integers(0, 30),
        some.sampled_from([600.0, 3600.0, 86400.0]),
        some.sampled_from([None, None, time.time() + 80_000]),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda window: window.key,
)
demands = some.lists(some.tuples(some.integers(0, 20), some.booleans(), some.booleans()), max_size=4)


@given(some.lists(some.tuples(windows, demands, some.sampled_from("xyz")), min_size=1, max_size=6))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_script_answers_as_the_arithmetic_does(clean: str, asks: list[Any]) -> None:
    redis.Redis.from_url(clean).flushall()
    made, usages, sitters = ready(clean), {}, {}
    for chosen, wanted, owner in asks:
        chosen = [
            Window(f"{one.key}:{one.seconds}:{one.ends_at}", one.count, one.seconds, one.ends_at)
            for one in chosen
        ]
        numbers = tuple(range(len(chosen)))
        question = Ask(
            owner,
            tuple(chosen),
            (Seats("google", 3),),
            tuple(
                Demand(rows, numbers if all_ else (0,), 0 if seated else None)
                for rows, all_, seated in wanted
            ),
        )
        answer = made.take(question)
        sitters = seat(sitters, owner, 3, answer.now)
        before: list[Usage] = [usages.get(one.key, {}) for one in chosen]
        granted = grant(question.demands, chosen, before, answer.seats, answer.now)
        after = added(chosen, before, question.demands, granted, answer.now)
        usages |= {one.key: usage for one, usage in zip(chosen, after, strict=True)}
        assert answer.seats == (sitters[owner].granted,)
        assert answer.granted == granted
        assert answer.usages == after


def test_seats_that_ran_out_are_free(clean: str) -> None:
    made = ready(clean)
    made.take(Ask("a", (), (Seats("google", 3),)))
    assert made.take(Ask("b", (), (Seats("google", 3),))).seats == (0,)
    made.leave("a", [Seats("google", 3)])
    assert made.take(Ask("b", (), (Seats("google", 3),))).seats == (3,)
    assert seat({"a": Sitter(3, 3, 1.0)}, "b", 3, 2.0)["b"].granted == 3


def worker(url: str, rate: Window, seconds: float, results: Any, name: str) -> None:
    """Take as much as there is, as one of several processes; while Redis is away, take nothing."""
    made, taken = limiter(url), []
    end = time.time() + seconds
    while time.time() < end:
        try:
            answer = made.take(ask(7, rate, owner=name))
        except LimiterAway:
            time.sleep(0.05)
            continue
        taken += [time.time()] * answer.granted[0]
        time.sleep(0.002)
    results.put(taken)


def taken_by_processes(url: str, rate: Window, seconds: float, between: Any = None) -> list[float]:
    """Return when four processes took tokens; `between` happens meanwhile."""
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    processes = [
        context.Process(target=worker, args=(url, rate, seconds, results, f"w{number}"))
        for number in range(4)
    ]
    for process in processes:
        process.start()
    if between is not None:
        between()
    taken = sorted(at for _ in processes for at in results.get(timeout=60))
    for process in processes:
        process.join(20)
    return taken


def most_within(taken: list[float], seconds: float) -> int:
    """Return the most tokens in any span of the window's length."""
    return max((sum(1 for at in taken if begin <= at <= begin + seconds) for begin in taken), default=0)


def test_four_processes_together_keep_the_rate(clean: str) -> None:
    rate = Window("relay:main:second", 20, 1.0)
    taken = taken_by_processes(clean, rate, 5.0)
    assert most_within(taken, 1.0) <= 20
    assert len(taken) / (taken[-1] - taken[0]) >= 0.6 * 20


def test_redis_killed_in_the_middle_never_means_unlimited(tmp_path: Any) -> None:
    """T2: Redis dies and comes back empty; what four processes take stays within the rate."""
    rate = Window("relay:main:second", 20, 1.0)
    with RedisServer.started() as server:

        def kill_and_start_again() -> None:
            time.sleep(3.0)
            server.process.kill()
            server.process.wait(10)
            time.sleep(1.0)
            replacement.append(again(server))

        replacement: list[Any] = []
        try:
            taken = taken_by_processes(server.url, rate, 9.0, kill_and_start_again)
        finally:
            for process in replacement:
                process.terminate()
                process.wait(10)
    assert most_within(taken, 1.0) <= 20
    assert len(taken) > 60
    assert max(later - earlier for earlier, later in itertools.pairwise(taken)) < 5


def again(server: RedisServer) -> Any:
    """Start an empty Redis on the same port."""
    import subprocess

    return subprocess.Popen(
        [*server.process.args[:1], "--port", str(server.port), "--bind", "127.0.0.1", "--save", ""],  # type: ignore[index]
        stdout=subprocess.DEVNULL,
    )


def test_a_redis_that_lost_its_memory_is_told_again(clean: str) -> None:
    one, two = ready(clean, 0.3), ready(clean, 0.3)
    assert one.take(ask(60, MINUTE)).granted == (60,)
    assert two.take(ask(30, MINUTE)).granted == (30,)
    redis.Redis.from_url(clean).flushall()
    first = one.take(ask(50, MINUTE))
    assert first.granted == (0,)
    assert first.settled_at is not None
    assert two.take(ask(50, MINUTE)).granted == (0,)
    time.sleep(0.4)
    assert one.take(ask(50, MINUTE)).granted == (10,)


def test_a_redis_that_is_away_is_left_alone_for_a_while(clean: str) -> None:
    away = limiter("redis://127.0.0.1:1/0")
    with pytest.raises(LimiterAway, match=r"refused|127\.0\.0\.1"):
        away.take(ask(1, MINUTE))
    with pytest.raises(LimiterAway, match="a moment ago"):
        away.take(ask(1, MINUTE))
    with pytest.raises(LimiterAway):
        away.usages([MINUTE])
    away.leave("a", [Seats("google", 3)])


def test_counters_of_days_long_past_are_not_kept_in_memory(clean: str) -> None:
    made = ready(clean)
    for day in range(300):
        made.take(ask(1, Window(f"relay:main:warm-up:{day}", 5, 86400.0, time.time() - 1)))
    assert len(made._mine) <= 257


def test_a_round_trip_is_short(clean: str) -> None:
    made = ready(clean)
    rules = [Window(f"k{number}", 1_000_000, 3600.0) for number in range(4)]
    began = time.perf_counter()
    for _ in range(100):
        made.take(ask(500, *rules))
    assert (time.perf_counter() - began) / 100 < 0.02
