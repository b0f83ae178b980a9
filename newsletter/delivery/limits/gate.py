"""The gate of one sender: what the engine asks before a chunk, and tells after each message.

`admit` runs in the claiming thread: at most one look at the rules every two seconds, and one question to the limiter when
a limit concerns the chunk. Everything else runs in the loop, from memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from newsletter.clock import Clock
from newsletter.db.session import Sessions, unit_of_work
from newsletter.delivery.claim import Claimed
from newsletter.delivery.gate import Admission
from newsletter.delivery.limits import breakers
from newsletter.delivery.limits.breaker import FIRST_WAIT, PROBE_TIME, Breaker
from newsletter.delivery.limits.chunk import Division, Part, ask_for, give_out
from newsletter.delivery.limits.destinations import Destinations
from newsletter.delivery.limits.lanes import Lanes
from newsletter.delivery.limits.limiter import Limiter, LimiterAway, Seats
from newsletter.delivery.limits.listening import Listening
from newsletter.delivery.limits.reading import Sending, read_rules
from newsletter.delivery.limits.rules import GroupRule, Rules, slow_window
from newsletter.delivery.limits.windows import Window

REFRESH_SECONDS = 2.0
#: Seats are asked for anew after so long; another sender may have come or gone.
SEATS_SECONDS = 5.0
#: How long rows wait that a limit concerns while the limiter is away (T2), strewn over as much again.
AWAY = timedelta(seconds=10)
#: How long rows of a group rest whose answers became slow, or stay out altogether.
SLOW_REST = timedelta(seconds=30)
MINUTE = timedelta(minutes=1)
#: Seconds of a slow group's sending that a chunk may hold.
SLOW_PORTION_SECONDS = 5.0
#: A group that has not answered for so long, while others have, is silent.
PATIENCE_SECONDS = 3.0


@dataclass
class LimitGate:
    """Limits, breakers and fair lanes for one campaign's sender. `waiting` counts the campaign's open rows;
    `notice` hears when the limiter goes away (False, why) and when it is back."""

    sessions: Sessions
    clock: Clock
    limiter: Limiter
    destinations: Destinations
    sending: Sending
    connections: int
    owner: str
    waiting: Callable[[], int]
    notice: Callable[[bool, str], None]
    _rules: Rules = field(default_factory=Rules)
    _breakers: dict[str, Breaker] = field(default_factory=dict)
    _rests: dict[str, datetime] = field(default_factory=dict)
    _seats: dict[str, int] = field(default_factory=dict)
    _is_away: bool = False
    _answering: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._lanes = Lanes(self.connections)
        self._listening = Listening()
        self._due_at = self._seats_due_at = float("-inf")
        self._asked_at = self.clock.monotonic()
        self._patience = PATIENCE_SECONDS

    # In the claiming thread.

    def admit(self, rows: Sequence[Claimed]) -> Admission:
        """Divide a claimed chunk; takes the tokens of those who go now."""
        now = self.clock.now()
        self._refresh(now)
        self._expect(len(rows))
        division = Division()
        opens = self._rules.opens_again(now)
        if opens is not None:
            division.hold(rows, "hours", opens, MINUTE)
            return division.admission()
        groups = self._by_group(division, rows)
        self._lanes.alone = next(iter(groups)) if len(groups) == 1 and not division.now else None
        parts = [self._part(division, group, its, now) for group, its in groups.items()]
        self._take(division, [part for part in parts if part.rows], now)
        return division.admission()

    def flush(self) -> None:
        """Tell the other senders what was heard, and give the seats back; at the end of a task."""
        with unit_of_work(self.sessions) as session:
            breakers.tell(session, self._listening.take(), self._breakers, self.clock.now())
        if self._seats:
            self.limiter.leave(self.owner, [Seats(group, 0) for group in self._seats])
            self._seats, self._seats_due_at = {}, float("-inf")

    def _refresh(self, now: datetime) -> None:
        monotonic = self.clock.monotonic()
        if monotonic < self._due_at and not self._is_next_day(now):
            return
        self._due_at = monotonic + REFRESH_SECONDS
        with unit_of_work(self.sessions) as session:
            breakers.tell(session, self._listening.take(), self._breakers, now)
            self._rules = read_rules(session, self.sending, now)
            self._breakers = breakers.read_breakers(session)
            self.destinations.refresh(session, monotonic)
        for group in [group for group, until in list(self._rests.items()) if until <= now]:
            self._rests.pop(group, None)  # the loop may add others meanwhile

    def _is_next_day(self, now: datetime) -> bool:
        return any(one.is_over(now.timestamp()) for one in self._rules.common)

    def _expect(self, rows: int) -> None:
        """Reckon how long this chunk should take, to know who is silent in it."""
        self._answering.clear()
        self._asked_at = self.clock.monotonic()
        self._patience = max(PATIENCE_SECONDS, 2 * rows * self._lanes.usual / self.connections)

    def _by_group(self, division: Division, rows: Sequence[Claimed]) -> dict[str, list[Claimed]]:
        """Sort rows by what concerns them: `""` are those that only rules for all concern; the others may go."""
        group_of, concerned = self.destinations.group_of, self._concerned()
        parts: dict[str, list[Claimed]] = {}
        apart, all_concerned = bool(self._rules.caps), self._rules.concern_all
        for row in rows:
            group = group_of(row.address)
            if apart or group in concerned:
                parts.setdefault(group, []).append(row)
            elif all_concerned:
                parts.setdefault("", []).append(row)
            else:
                division.now.append(row)
        return parts

    def _concerned(self) -> set[str]:
        return {*self._rules.groups, *self._breakers, *self._rests, *self._lanes.slow_groups()}

    def _part(self, division: Division, group: str, rows: list[Claimed], now: datetime) -> Part:
        """Hold what a breaker or slowness holds; return the rest with what it needs."""
        rows = self._unbroken(division, group, rows, now)
        if self._lanes.is_slow(group):
            most = max(
                1, int(self._lanes.share(group) * SLOW_PORTION_SECONDS / self._lanes.seconds_of(group))
            )
            division.hold(rows[most:], "slow", now + SLOW_REST, SLOW_REST)
            rows = rows[:most]
        rule = self._rules.groups.get(group, GroupRule())
        return Part(rows, (*self._rules.common, *rule.windows, *self._own_windows(group, now)), rule.seats)

    def _own_windows(self, group: str, now: datetime) -> tuple[Window, ...]:
        caps = tuple(cap.window(group) for cap in self._rules.caps)
        breaker = self._breakers.get(group)
        return (*caps, slow_window(group)) if breaker is not None and breaker.is_slow(now) else caps

    def _unbroken(self, division: Division, group: str, rows: list[Claimed], now: datetime) -> list[Claimed]:
        """Return the rows that the breaker lets through: all, none, or the one that probes."""
        rest, breaker = self._rests.get(group), self._breakers.get(group)
        shared = breaker.rests_until(now) if breaker is not None else None
        until = max((one for one in (rest, shared) if one is not None and one > now), default=None)
        if until is not None:
            division.hold(rows, "breaker", until, MINUTE)
            return []
        if breaker is None or breaker.open_until is None:
            return rows
        probing = self._take_probe(group, now)
        division.hold(rows[probing:], "breaker", now + PROBE_TIME / 4, PROBE_TIME / 4)
        return rows[:probing]

    def _take_probe(self, group: str, now: datetime) -> int:
        with unit_of_work(self.sessions) as session:
            self._due_at = float("-inf")
            return int(breakers.take_probe(session, group, now))

    def _take(self, division: Division, parts: list[Part], now: datetime) -> None:
        """Ask the limiter once for all parts; not at all while only seats are concerned that we still have."""
        parts.sort(key=lambda part: len(part.rows))
        if not any(part.windows for part in parts) and self._have_seats(parts):
            division.now += [row for part in parts for row in part.rows]
            return
        ask = ask_for(self.owner, parts)
        try:
            taken = self.limiter.take(ask)
        except LimiterAway as error:
            self._limiter_answers(False, str(error))
            for part in parts:
                division.hold(part.rows, "limit", now + AWAY, AWAY)
            return
        self._limiter_answers(True)
        if ask.seats:
            self._seats_due_at = self.clock.monotonic() + SEATS_SECONDS
        self._seats |= {one.group: mine for one, mine in zip(ask.seats, taken.seats, strict=True)}
        waits = sum(taken.granted) < sum(len(part.rows) for part in parts)
        give_out(division, parts, ask, taken, self.waiting() if waits else 0, now)

    def _limiter_answers(self, answers: bool, why: str = "") -> None:
        """Say once that the limiter went away, and once that it is back."""
        if answers == self._is_away:
            self._is_away = not answers
            self.notice(answers, why)

    def _have_seats(self, parts: list[Part]) -> bool:
        if self.clock.monotonic() >= self._seats_due_at:
            return not any(part.seats for part in parts)
        return all(self._mine(part.seats) for part in parts)

    def _mine(self, seats: Seats | None) -> bool:
        return seats is None or self._seats.get(seats.group, 0) > 0

    # In the loop.

    def group_of(self, address: str) -> str:
        """Return the destination group of an address."""
        return self.destinations.group_of(address)

    def most_at_once(self, group: str) -> int | None:
        """Return how many messages to the group this sender may have on the wire."""
        seats = self._seats.get(group)
        share = self._lanes.share(group)
        return share if seats is None else max(1, min(seats, share))

    def answered(self, group: str, *, seconds: float) -> None:
        """Note an answer; a group that became slow rests a little, so that its rows do not fill the sender's queue."""
        self._answering.add(group)
        self._listening.answered(group)
        if self._lanes.answered(group, seconds):
            self._rests[group] = self.clock.now() + SLOW_REST

    def troubled(self, group: str, why: str) -> None:
        """Note a 421, a hang-up, a timeout or a policy reply."""
        if self._listening.troubled(group, why):
            self._rests[group] = self.clock.now() + FIRST_WAIT
            self._due_at = float("-inf")

    def rests_until(self, group: str) -> datetime | None:
        """Return until when nothing goes to the group; also for one that is silent while others answer."""
        if self._rests:
            until = self._rests.get(group)
            if until is not None and until > self.clock.now():
                return until
        if group in self._answering or not self._answering:
            return None
        if self.clock.monotonic() - self._asked_at < self._patience:
            return None
        until = self._rests[group] = self.clock.now() + SLOW_REST
        return until
