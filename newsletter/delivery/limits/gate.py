"""The gate of one sender: what the engine asks before a chunk, and tells after each message.

`admit` runs in the claiming thread: at most one look at the rules every two seconds, and one question to the limiter when
a limit concerns the chunk. Everything else runs in the loop, from memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from newsletter.clock import Clock
from newsletter.db.session import Sessions, unit_of_work
from newsletter.delivery.limits import breakers
from newsletter.delivery.limits.asking import Asking
from newsletter.delivery.limits.breaker import PROBE_TIME, Breaker
from newsletter.delivery.limits.chunk import Division, Part
from newsletter.delivery.limits.destinations import Destinations
from newsletter.delivery.limits.reading import Sending, read_rules
from newsletter.delivery.limits.rules import GroupRule, Rules, slow_window
from newsletter.delivery.limits.watch import SLOW_REST, Watch
from newsletter.delivery.limits.windows import Window
from newsletter.delivery.sending.claim import Claimed
from newsletter.delivery.sending.gate import Admission

REFRESH_SECONDS = 2.0
MINUTE = timedelta(minutes=1)
NOTHING = GroupRule()


@dataclass
class LimitGate:
    """Limits, breakers and fair lanes for the sender of one campaign."""

    sessions: Sessions
    clock: Clock
    asking: Asking
    destinations: Destinations
    sending: Sending
    watch: Watch
    _rules: Rules = field(default_factory=Rules)
    _breakers: dict[str, Breaker] = field(default_factory=dict)
    _due_at: float = float("-inf")

    # In the claiming thread.

    def admit(self, rows: Sequence[Claimed]) -> Admission:
        """Divide a claimed chunk; takes the tokens of those who go now."""
        now = self.clock.now()
        self._refresh(now)
        self.watch.look_round(now)
        division = Division()
        opens = self._rules.opens_again(now)
        if opens is not None:
            division.hold(rows, "hours", opens, MINUTE)
        else:
            self._divide(division, rows, now)
        return division.admission()

    def flush(self) -> None:
        """Tell the other senders what was heard, and give the seats back; at the end of a task."""
        with unit_of_work(self.sessions) as session:
            breakers.tell(session, self.watch.listening.take(), self._breakers, self.clock.now())
        self.asking.leave()

    def _refresh(self, now: datetime) -> None:
        """Every two seconds: tell what was heard, read what is set and what the others heard."""
        monotonic = self.clock.monotonic()
        if monotonic < self._due_at and not any(one.is_over(now.timestamp()) for one in self._rules.common):
            return
        with unit_of_work(self.sessions) as session:
            breakers.tell(session, self.watch.listening.take(), self._breakers, now)
            self._rules = read_rules(session, self.sending, now)
            self._breakers = breakers.read_breakers(session)
            self.destinations.refresh(session, monotonic)
        self._due_at = monotonic + REFRESH_SECONDS

    def _divide(self, division: Division, rows: Sequence[Claimed], now: datetime) -> None:
        groups = self._by_group(division, rows)
        self.watch.lanes.alone = next(iter(groups)) if len(groups) == 1 and not division.now else None
        parts = [self._part(division, group, its, now) for group, its in groups.items()]
        self.asking.divide(division, parts, now)
        group_of = self.destinations.group_of
        self.watch.count(group_of(row.address) for row in division.now)

    def _by_group(self, division: Division, rows: Sequence[Claimed]) -> dict[str, list[Claimed]]:
        """Sort rows by what concerns them: `""` are those that only rules for all concern; the others may go."""
        group_of = self.destinations.group_of
        concerned = {*self._rules.groups, *self._breakers, *self.watch.concerned()}
        apart, all_concerned = bool(self._rules.caps), self._rules.concern_all
        parts: dict[str, list[Claimed]] = {}
        for row in rows:
            group = group_of(row.address)
            if apart or group in concerned:
                parts.setdefault(group, []).append(row)
            elif all_concerned:
                parts.setdefault("", []).append(row)
            else:
                division.now.append(row)
        return parts

    def _part(self, division: Division, group: str, rows: list[Claimed], now: datetime) -> Part:
        """Hold what a breaker or slowness holds; return the rest with what it needs."""
        rows = self._unbroken(division, group, rows, now)
        if self.watch.lanes.is_slow(group):
            most = self.watch.lanes.portion(group)
            division.hold(rows[most:], "slow", now + SLOW_REST, SLOW_REST)
            rows = rows[:most]
        rule = self._rules.groups.get(group, NOTHING)
        return Part(rows, (*self._rules.common, *rule.windows, *self._own_windows(group, now)), rule.seats)

    def _own_windows(self, group: str, now: datetime) -> tuple[Window, ...]:
        caps = tuple(cap.window(group) for cap in self._rules.caps)
        breaker = self._breakers.get(group)
        return (*caps, slow_window(group)) if breaker is not None and breaker.is_slow(now) else caps

    def _unbroken(self, division: Division, group: str, rows: list[Claimed], now: datetime) -> list[Claimed]:
        """Return the rows that the breaker lets through: all, none, or the one that probes."""
        breaker = self._breakers.get(group)
        mine, shared = (
            self.watch.rests_until(group),
            breaker.rests_until(now) if breaker is not None else None,
        )
        until = max((one for one in (mine, shared) if one is not None), default=None)
        if until is not None:
            why = "slow" if shared is None and self.watch.lanes.is_slow(group) else "resting"
            division.hold(rows, why, until, MINUTE)
            return []
        if breaker is None or breaker.open_until is None:
            return rows
        probing = self._take_probe(group, now)
        division.hold(rows[probing:], "resting", now + PROBE_TIME / 4, PROBE_TIME / 4)
        return rows[:probing]

    def _take_probe(self, group: str, now: datetime) -> int:
        with unit_of_work(self.sessions) as session:
            self._due_at = float("-inf")
            return int(breakers.take_probe(session, group, now))

    # In the loop.

    def group_of(self, address: str) -> str:
        """Return the destination group of an address."""
        return self.destinations.group_of(address)

    def most_at_once(self, group: str) -> int | None:
        """Return how many messages to the group this sender may have on the wire."""
        seats, share = self.asking.seats.get(group), self.watch.lanes.share(group)
        return share if seats is None else max(1, min(seats, share))

    def answered(self, group: str, *, seconds: float) -> None:
        """Note an answer and how long it took."""
        self.watch.answered(group, seconds)

    def troubled(self, group: str, why: str) -> None:
        """Note a 421, a hang-up, a timeout or a policy reply."""
        if self.watch.troubled(group, why):
            self._due_at = float("-inf")

    def rests_until(self, group: str) -> datetime | None:
        """Return until when nothing goes to the group, as far as this sender knows."""
        return self.watch.rests_until(group)
