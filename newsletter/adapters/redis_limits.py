"""The limiter in Redis: one script, one round trip for a chunk and all its counters, by the server's clock.

The script does what `delivery/limits/taking.py` does; a test holds the two to the same answers. Redis may lose its memory
(FLUSHALL, a restart without AOF): an epoch is kept beside the counters, and whoever meets another epoch than the one it
knows first writes back what it took itself. Until all had the time to do that, nothing is granted.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Sequence
from typing import Any

import redis

from newsletter.clock import Clock
from newsletter.delivery.limits.limiter import Ask, LimiterAway, Seats, Taken
from newsletter.delivery.limits.taking import SEAT_SECONDS
from newsletter.delivery.limits.windows import Usage, Window

PREFIX = "newsletter:limits:"
#: How long nothing is granted after a loss of memory.
SETTLE_SECONDS = 15.0
TIMEOUT_SECONDS = 1.0
#: How long a limiter that did not answer is left alone.
REST_SECONDS = 2.0
#: Counters of which this process remembers its own part before it looks which of them are over.
MOST_REMEMBERED = 256

_TAKE = """
local ask = cjson.decode(ARGV[1])
local epoch = redis.call('GET', ask.epoch_key)
if not epoch then
  epoch = ask.new_epoch
  redis.call('SET', ask.epoch_key, epoch)
  redis.call('SET', ask.settle_key, 1, 'PX', ask.settle_ms)
end
if epoch ~= ask.epoch then return cjson.encode({epoch = epoch}) end
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local settling = redis.call('PTTL', ask.settle_key)
local seats, free, slots = {}, {}, {}
for index, one in ipairs(ask.seats) do
  local others, senders, before = 0, 1, 0
  local sitters = redis.call('HGETALL', one.key)
  for at = 1, #sitters, 2 do
    local sitter = cjson.decode(sitters[at + 1])
    if sitter[3] <= now then redis.call('HDEL', one.key, sitters[at])
    elseif sitters[at] == ask.owner then before = sitter[1]
    else senders = senders + 1; others = others + sitter[2] end
  end
  local room = math.max(0, one.most - others)
  local granted = math.min(math.max(1, math.floor(one.most / senders)), room)
  local counted = math.max(granted, math.min(before, room))
  redis.call('HSET', one.key, ask.owner, cjson.encode({granted, counted, now + ask.seat_seconds}))
  redis.call('EXPIRE', one.key, 2 * ask.seat_seconds)
  seats[index] = granted
end
for index, window in ipairs(ask.windows) do
  local slot = 0
  if not window.fixed then slot = math.floor(now / window.slot_seconds) end
  local used, usage = 0, redis.call('HGETALL', window.key)
  for at = 1, #usage, 2 do
    if tonumber(usage[at]) > slot - window.span then used = used + tonumber(usage[at + 1])
    else redis.call('HDEL', window.key, usage[at]) end
  end
  slots[index] = string.format('%.0f', slot)
  free[index] = math.max(0, window.count - used)
end
local granted = {}
for index, demand in ipairs(ask.demands) do
  local given = demand.rows
  if settling > 0 or (demand.seats >= 0 and seats[demand.seats + 1] < 1) then given = 0 end
  for _, at in ipairs(demand.windows) do given = math.min(given, free[at + 1]) end
  for _, at in ipairs(demand.windows) do
    if given > 0 then
      free[at + 1] = free[at + 1] - given
      redis.call('HINCRBY', ask.windows[at + 1].key, slots[at + 1], given)
    end
  end
  granted[index] = given
end
local usages = {}
for index, window in ipairs(ask.windows) do
  redis.call('EXPIRE', window.key, window.expire)
  usages[index] = redis.call('HGETALL', window.key)
end
return cjson.encode({epoch = epoch, now = string.format('%.6f', now), granted = granted, usages = usages,
                     slots = slots, seats = seats, settling = settling})
"""

_RESTORE = """
for _, one in ipairs(cjson.decode(ARGV[1])) do
  redis.call('HINCRBY', one.key, one.slot, one.count)
  redis.call('EXPIRE', one.key, one.expire)
end
"""


class RedisLimiter:
    """Shared by all workers that reach the same Redis. One for each process; threads take turns."""

    def __init__(self, url: str, *, clock: Clock, settle_seconds: float = SETTLE_SECONDS) -> None:
        self._redis = redis.Redis.from_url(
            url, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS, decode_responses=True
        )
        self._take = self._redis.register_script(_TAKE)
        self._restore = self._redis.register_script(_RESTORE)
        self._clock = clock
        self._settle_ms = int(settle_seconds * 1000)
        self._lock = threading.Lock()
        self._epoch = ""
        self._rests_until = float("-inf")
        self._mine: dict[str, tuple[Window, dict[int, int]]] = {}

    def take(self, ask: Ask) -> Taken:
        """Take tokens and seats in one round trip.

        :raises LimiterAway: when Redis does not answer, and for two seconds afterwards.
        """
        with self._lock:
            if self._clock.monotonic() < self._rests_until:
                raise LimiterAway("Redis did not answer a moment ago")
            try:
                return self._answer(ask)
            except redis.RedisError as error:
                self._rests_until = self._clock.monotonic() + REST_SECONDS
                raise LimiterAway(str(error)[:200]) from error

    def _answer(self, ask: Ask) -> Taken:
        question = _document(ask) | {"settle_ms": self._settle_ms}
        answer = self._ask(question)
        while "now" not in answer:
            self._write_back()
            self._epoch = answer["epoch"]
            answer = self._ask(question)
        self._remember(ask, answer)
        return _taken(answer)

    def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        asked = question | {"epoch": self._epoch, "new_epoch": uuid.uuid4().hex}
        answer: dict[str, Any] = json.loads(self._take(args=[json.dumps(asked)]))
        return answer

    def _write_back(self) -> None:
        lost = [
            {"key": PREFIX + key, "slot": str(slot), "count": count, "expire": _expire(window)}
            for key, (window, usage) in self._mine.items()
            for slot, count in usage.items()
        ]
        if lost:
            self._restore(args=[json.dumps(lost)])

    def _remember(self, ask: Ask, answer: dict[str, Any]) -> None:
        """Keep what this process took, as long as it counts."""
        now = float(answer["now"])
        for demand, given in zip(ask.demands, answer["granted"], strict=True):
            for index in demand.windows if given else ():
                window, slot = ask.windows[index], int(answer["slots"][index])
                usage = window.pruned(self._mine.get(window.key, (window, {}))[1], now)
                usage[slot] = usage.get(slot, 0) + given
                self._mine[window.key] = (window, usage)
        if len(self._mine) > MOST_REMEMBERED:
            kept = {key: (one, one.pruned(usage, now)) for key, (one, usage) in self._mine.items()}
            self._mine = {key: value for key, value in kept.items() if value[1] and not value[0].is_over(now)}

    def usages(self, windows: Sequence[Window]) -> tuple[Usage, ...]:
        """Return what is taken of each window now.

        :raises LimiterAway: when Redis does not answer.
        """
        pipeline = self._redis.pipeline(transaction=False)
        for window in windows:
            pipeline.hgetall(PREFIX + window.key)
        try:
            return tuple({int(slot): int(count) for slot, count in one.items()} for one in pipeline.execute())
        except redis.RedisError as error:
            raise LimiterAway(str(error)[:200]) from error

    def leave(self, owner: str, seats: Sequence[Seats]) -> None:
        """Give a sender's seats back; when Redis is away they run out by themselves."""
        pipeline = self._redis.pipeline(transaction=False)
        for one in seats:
            pipeline.hdel(PREFIX + one.key, owner)
        try:
            pipeline.execute()
        except redis.RedisError:
            self._rests_until = self._clock.monotonic() + REST_SECONDS


def _document(ask: Ask) -> dict[str, Any]:
    return {
        "owner": ask.owner,
        "seat_seconds": SEAT_SECONDS,
        "epoch_key": PREFIX + "epoch",
        "settle_key": PREFIX + "settling",
        "windows": [
            {
                "key": PREFIX + one.key,
                "count": one.count,
                "slot_seconds": one.slot_seconds,
                "span": one.span,
                "fixed": one.ends_at is not None,
                "expire": _expire(one),
            }
            for one in ask.windows
        ],
        "seats": [{"key": PREFIX + one.key, "most": one.most} for one in ask.seats],
        "demands": [
            {"rows": one.rows, "windows": one.windows, "seats": -1 if one.seats is None else one.seats}
            for one in ask.demands
        ],
    }


def _expire(window: Window) -> int:
    """Return how long a counter is worth keeping, in seconds; a calendar day may have 25 hours."""
    return int(window.seconds * (2 if window.ends_at is not None else 1.6)) + 60


def _taken(answer: dict[str, Any]) -> Taken:
    now, settling = float(answer["now"]), float(answer["settling"])
    return Taken(
        now,
        tuple(answer["granted"]),
        tuple(_usage(pairs) for pairs in answer["usages"]),
        tuple(answer["seats"]),
        now + settling / 1000 if settling > 0 else None,
    )


def _usage(answer: list[str] | dict[str, str]) -> dict[int, int]:
    """Read what HGETALL gave; Lua writes an empty list as an object."""
    pairs = list(answer)
    return {int(slot): int(count) for slot, count in zip(pairs[::2], pairs[1::2], strict=True)}
