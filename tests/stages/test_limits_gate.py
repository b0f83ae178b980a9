"""The gate in an installation: what an admin sets, one sender obeys; what one sender hears, the others know."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select

from newsletter.audience.models import Subscriber
from newsletter.bootstrap import Container, build_container
from newsletter.db.session import unit_of_work
from newsletter.delivery.events import events_of
from newsletter.delivery.limits import editing, naming, planning
from newsletter.delivery.limits.gate import LimitGate
from newsletter.delivery.limits.limiter import Ask, LimiterAway, Taken
from newsletter.delivery.limits.lookup import look_up_domains
from newsletter.delivery.limits.models import DestinationDomain, GroupBreaker, Limit
from newsletter.delivery.limits.overview import overview
from newsletter.delivery.limits.rates import Rate, parse_rate
from newsletter.delivery.limits.service import Limits, tidy
from newsletter.delivery.limits.stored import StoredLimiter
from newsletter.delivery.limits.windows import Usage, Window
from newsletter.delivery.sending.claim import Claimed
from newsletter.errors import InvalidInput, NotFound
from newsletter.issues.service import get_publication
from newsletter.schema import metadata
from newsletter.settings import Settings
from tests.support.ledger import sent_to

START = datetime(2026, 3, 2, 9, tzinfo=UTC)


class HandClock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.at = START

    def now(self) -> datetime:
        """Return the time."""
        return self.at

    def monotonic(self) -> float:
        """Return the same as seconds."""
        return self.at.timestamp()

    def pass_by(self, **much: float) -> None:
        """Let time pass."""
        self.at += timedelta(**much)


class Place:
    """A campaign of the publication `p` in a database, and the limits of two worker processes."""

    def __init__(self, parts: Container, clock: HandClock) -> None:
        self.parts, self.clock, self.sessions = parts, clock, parts.sessions
        with unit_of_work(self.sessions) as session:
            self.campaign_id = sent_to(session, "reader@example.com")[0].campaign_id
        self.limits = self.process()

    def process(self) -> Limits:
        """Return the limits as another worker process has them."""
        reading = self.parts.reading_sessions
        return Limits(self.sessions, reading, self.clock, StoredLimiter(self.sessions, reading, self.clock))

    def gate(self, limits: Limits | None = None, connections: int = 20) -> LimitGate:
        """Return a sender's gate."""
        return (limits or self.limits).gate_for(self.campaign_id, relays=["default"], connections=connections)

    def set(self, scope: str, name: str, rate: str) -> None:
        """Set a limit."""
        with unit_of_work(self.sessions) as session:
            editing.set_limit(session, scope, name, parse_rate(rate), actor="t", now=self.clock.now())

    def do(self, change: Callable[..., Any], *values: Any, **more: Any) -> None:
        """Change something in a transaction of its own."""
        with unit_of_work(self.sessions) as session:
            change(session, *values, **more)


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path, settings: Settings) -> Iterator[Place]:
    """The place on both databases."""
    if request.param == "postgresql":
        settings = settings.model_copy(update={"database_url": request.getfixturevalue("postgres_url")})
    clock = HandClock()
    parts = build_container(settings, queue=None, clock=clock)
    metadata.create_all(parts.engine)
    yield Place(parts, clock)
    parts.dispose()


@pytest.fixture
def here(container: Container) -> Place:
    """The place on SQLite."""
    clock = HandClock()
    object.__setattr__(container, "clock", clock)
    return Place(container, clock)


def chunk(count: int, domain: str = "example.com", first: int = 1) -> list[Claimed]:
    """Make claimed rows."""
    return [Claimed(first + at, 1, f"reader{at}@{domain}", "", 0, START, None) for at in range(count)]


# Limits


def test_without_limits_everybody_goes_and_no_limiter_is_asked(here: Place) -> None:
    limits = Limits(here.sessions, here.parts.reading_sessions, here.clock, Silent())
    admission = here.gate(limits).admit(chunk(500))
    assert (len(admission.now), admission.later) == (500, [])


def test_a_message_needs_a_token_of_every_limit(place: Place) -> None:
    place.set("publication", "p", "100/hour")
    place.set("relay", "default", "60/minute")
    place.set("group", "google", "10/minute")
    with unit_of_work(place.sessions) as session:
        session.add(Limit(scope="relay", name="another", per="day", count=1))
    rows = chunk(50, "gmail.com") + chunk(100, "example.com", first=1000)
    admission = place.gate().admit(rows)
    google = [row for row in admission.now if row.address.endswith("@gmail.com")]
    assert (len(admission.now), len(google)) == (60, 10)
    assert {held.why for held in admission.later} == {"limit"}
    assert all(held.until > place.clock.now() for held in admission.later)
    assert {row.id for row in rows} == {row.id for row in admission.now} | {
        held.row_id for held in admission.later
    }


def test_windows_are_shared_by_processes_and_survive_restarts(place: Place) -> None:
    place.set("publication", "p", "100/hour")
    if place.parts.engine.dialect.name == "sqlite":
        counts = [len(place.gate(place.process()).admit(chunk(60)).now) for _ in range(3)]
        place.clock.pass_by(minutes=59)
        counts.append(len(place.gate(place.process()).admit(chunk(60)).now))
        place.clock.pass_by(minutes=4)
        counts.append(len(place.gate(place.process()).admit(chunk(60)).now))
        assert counts == [60, 40, 0, 0, 60]
    else:
        assert [len(place.gate(place.process()).admit(chunk(60)).now) for _ in range(3)] == [60, 40, 0]


def test_senders_at_the_same_instant_never_take_more_than_there_is(place: Place) -> None:
    place.set("publication", "p", "100/hour")
    place.set("group", "google", "70/hour")
    gates = [place.gate(place.process()) for _ in range(4)]
    rows = chunk(5, "gmail.com") + chunk(3, "yahoo.com", 50)
    with ThreadPoolExecutor(4) as pool:
        turns = list(pool.map(lambda gate: [row for _ in range(10) for row in gate.admit(rows).now], gates))
    google = sum(row.address.endswith("@gmail.com") for admitted in turns for row in admitted)
    assert sum(map(len, turns)) == 100
    assert google <= 70


def test_a_change_of_an_admin_holds_within_seconds(here: Place) -> None:
    gate = here.gate()
    assert len(gate.admit(chunk(10)).now) == 10
    here.set("publication", "p", "1/day")
    here.clock.pass_by(seconds=3)
    assert len(gate.admit(chunk(10)).now) == 1
    here.do(editing.remove_limit, "publication", "p", "day")
    here.clock.pass_by(seconds=3)
    assert len(gate.admit(chunk(10)).now) == 10


def test_shipped_seats_are_shared_between_two_senders(place: Place) -> None:
    one, two = place.gate(place.process()), place.gate(place.process())
    assert len(one.admit(chunk(50, "gmail.com")).now) == 50
    for _ in range(50):
        one.answered("google", seconds=0.01)
    assert one.most_at_once("google") == 5
    refused = two.admit(chunk(50, "gmail.com"))
    assert refused.now == []
    assert min(held.until for held in refused.later) >= place.clock.now() + timedelta(seconds=3)
    one.flush()
    assert len(two.admit(chunk(50, "gmail.com")).now) == 50
    for _ in range(50):
        two.answered("google", seconds=0.01)
    assert two.most_at_once("google") == 5


def test_seats_come_to_both_when_both_go_on(here: Place) -> None:
    one, two = here.gate(here.process()), here.gate(here.process())
    for gate in (one, two, one, two, one, two):
        here.clock.pass_by(seconds=6)
        gate.admit(chunk(5, "gmail.com"))
    for gate in (one, two):
        for _ in range(50):
            gate.answered("google", seconds=0.01)
    assert [gate.most_at_once("google") for gate in (one, two)] == [2, 2]


class Silent:
    """A limiter that does not answer."""

    answers = False

    def take(self, ask: Ask) -> Taken:
        """Answer only when told to."""
        if not self.answers:
            raise LimiterAway("connection refused")
        return Taken(
            0.0,
            tuple(demand.rows for demand in ask.demands),
            tuple({} for _ in ask.windows),
            tuple(one.most for one in ask.seats),
        )

    def usages(self, windows: Any) -> tuple[Usage, ...]:
        """Never answer."""
        raise LimiterAway("connection refused")

    def leave(self, owner: str, seats: Any) -> None:
        """Do nothing."""


def test_a_limiter_that_is_away_holds_what_is_limited_and_nothing_else(here: Place) -> None:
    here.set("group", "google", "100/hour")
    silent = Silent()
    limits = Limits(here.sessions, here.parts.reading_sessions, here.clock, silent)
    gate = here.gate(limits)
    for _ in range(3):
        admission = gate.admit(chunk(5, "gmail.com") + chunk(5, first=100))
        assert [row.id for row in admission.now] == [100, 101, 102, 103, 104]
        assert all(
            timedelta(seconds=10) <= held.until - here.clock.now() <= timedelta(seconds=20)
            for held in admission.later
        )
    silent.answers = True
    assert len(gate.admit(chunk(5, "gmail.com")).now) == 5
    with here.sessions() as session:
        told = [one.what for one in events_of(session, here.campaign_id)]
    assert [what.startswith("The limiter does not answer") for what in told] == [True, False]
    assert not overview_of(here, silent).limiter_answers


# Breakers


def test_five_troubles_rest_the_group_for_everybody_and_one_message_probes_it(place: Place) -> None:
    one, two = place.gate(place.process()), place.gate(place.process())
    rows = chunk(10, "pit.example") + chunk(10, first=100)
    assert len(one.admit(rows).now) == 20
    for _ in range(5):
        assert one.rests_until("pit.example") is None
        one.answered("example.com", seconds=0.1)
        one.troubled("pit.example", "timed out")
        one.answered("example.com", seconds=0.1)
    one.troubled("pit.example", "timed out")
    assert one.rests_until("pit.example") is not None
    one.flush()
    admission = two.admit(rows)
    assert len(admission.now) == 10
    assert {held.why for held in admission.later} == {"resting"}
    assert all(
        timedelta(seconds=59) < held.until - place.clock.now() < timedelta(minutes=3)
        for held in admission.later
    )
    place.clock.pass_by(seconds=80)
    probes = [len(gate.admit(chunk(10, "pit.example")).now) for gate in (two, one, two)]
    assert probes == [1, 0, 0]
    two.answered("pit.example", seconds=0.1)
    two.flush()
    place.clock.pass_by(seconds=3)
    assert len(one.admit(chunk(10, "pit.example")).now) == 10
    with place.sessions() as session:
        assert session.scalars(select(GroupBreaker)).all() == []


def test_troubles_of_several_senders_add_up(place: Place) -> None:
    for _ in range(5):
        gate = place.gate(place.process())
        gate.admit(chunk(1))
        gate.troubled("example.com", "connection reset")
        gate.answered("another.example", seconds=0.1)
        gate.flush()
    assert place.gate(place.process()).admit(chunk(3)).now == []


def test_words_of_yahoo_suspend_for_two_hours(here: Place) -> None:
    gate = here.gate()
    gate.admit(chunk(1, "yahoo.com"))
    gate.answered("yahoo", seconds=0.1)
    gate.troubled("yahoo", "421 4.7.0 [TSS04] Messages temporarily deferred")
    assert gate.rests_until("yahoo") is not None
    gate.flush()
    here.clock.pass_by(minutes=110)
    assert gate.admit(chunk(1, "ymail.com")).now == []
    here.clock.pass_by(minutes=11)
    assert len(gate.admit(chunk(1, "ymail.com")).now) == 1


def test_a_bad_reputation_slows_to_one_a_minute(here: Place) -> None:
    gate = here.gate()
    gate.admit(chunk(1, "outlook.com"))
    gate.troubled("outlook", "451 4.7.650 temporarily rate limited due to IP reputation")
    went = []
    for _ in range(10):
        here.clock.pass_by(seconds=31)
        went.append(len(gate.admit(chunk(20, "outlook.com")).now))
    assert sum(went) in (4, 5)
    assert max(went) == 1
    here.clock.pass_by(minutes=91)
    assert len(gate.admit(chunk(20, "outlook.com")).now) == 20


# Tarpits


def test_a_slow_group_gives_its_rows_back_and_then_gets_a_few_at_a_time(here: Place) -> None:
    gate = here.gate()
    rows = chunk(100, "pit.example") + chunk(100, first=1000)
    gate.admit(rows)
    for _ in range(50):
        gate.answered("example.com", seconds=0.01)
    gate.answered("pit.example", seconds=10.0)
    assert gate.most_at_once("pit.example") == 1
    assert gate.rests_until("pit.example") is not None
    assert gate.rests_until("example.com") is None
    here.clock.pass_by(seconds=31)
    admission = gate.admit(rows)
    assert gate.rests_until("pit.example") is None
    assert len(admission.now) == 101
    assert {held.why for held in admission.later} == {"slow"}


def test_a_group_that_is_silent_while_others_answer_counts_as_slow(here: Place) -> None:
    gate = here.gate()
    rows = chunk(100, "pit.example") + chunk(100, first=1000)
    gate.admit(rows)
    for _ in range(100):
        gate.answered("example.com", seconds=0.01)
    here.clock.pass_by(seconds=4)
    assert len(gate.admit(rows).now) == 200  # a first look: who has been asked
    gate.answered("example.com", seconds=0.01)
    here.clock.pass_by(seconds=4)
    held = gate.admit(rows).later
    assert len(held) == 100
    assert {one.why for one in held} == {"slow"}
    here.clock.pass_by(seconds=31)
    assert len(gate.admit(rows).now) == 101
    assert gate.most_at_once("pit.example") == 1
    for _ in range(40):
        gate.answered("pit.example", seconds=0.01)
    here.clock.pass_by(seconds=1)
    assert len(gate.admit(rows).now) == 200


def test_when_nobody_answers_the_relay_is_slow_and_no_group_is(here: Place) -> None:
    gate = here.gate()
    for _ in range(5):
        here.clock.pass_by(seconds=4)
        assert len(gate.admit(chunk(10, "one.example") + chunk(10, "two.example", 50)).now) == 20


def test_a_tarpit_alone_gets_half_the_lanes(here: Place) -> None:
    gate = here.gate()
    gate.admit(chunk(10, "pit.example"))
    for _ in range(50):
        gate.answered("example.com", seconds=0.01)
    gate.answered("pit.example", seconds=10.0)
    here.clock.pass_by(seconds=31)
    gate.admit(chunk(10, "pit.example"))
    assert gate.most_at_once("pit.example") == 10


# Warm-up and hours


def test_thirty_days_of_warm_up_never_pass_a_cap_and_lose_nobody(here: Place) -> None:
    """T6: the publication's own calendar days, with the change of clocks among them."""
    here.parts.settings.data_dir.mkdir(exist_ok=True)
    with unit_of_work(here.sessions) as session:
        get_publication(session, "p").time_zone = "Europe/Berlin"
    first = date(2026, 3, 15)
    here.do(
        planning.set_warm_up,
        "publication",
        "p",
        first_day=first,
        days=[50, 100],
        growth=25,
        most=20_000,
        actor="t",
    )
    here.clock.at = datetime(2026, 3, 14, 22, 30, tzinfo=UTC)  # half an hour before that day there
    gate, waiting = here.gate(), {row.id: (here.clock.at, row) for row in chunk(1000)}
    sent: dict[date, int] = {}
    while waiting:
        here.clock.at = max(here.clock.at, min(at for at, _ in waiting.values()))
        ready = [row for at, row in waiting.values() if at <= here.clock.at][:200]
        admission = gate.admit(ready)
        day = here.clock.at.astimezone(gate.sending.zone).date()
        sent[day] = sent.get(day, 0) + len(admission.now)
        for row in admission.now:
            del waiting[row.id]
        for held in admission.later:
            waiting[held.row_id] = (held.until, waiting[held.row_id][1])
    caps = {first: 50, first + timedelta(days=1): 100, first + timedelta(days=2): 125}
    assert sent.pop(date(2026, 3, 14)) == 0
    assert {day: sent[day] for day in caps} == caps
    assert sum(sent.values()) == 1000
    assert list(sent.values())[:-1] == sorted(list(sent.values())[:-1])


def test_a_warm_up_may_cap_each_group(here: Place) -> None:
    here.do(
        planning.set_warm_up, "relay", "default", first_day=START.date(), days=[100], growth=0, most=1000, per_group=10,
        actor="t",
    )  # fmt: skip
    admission = here.gate().admit(
        chunk(40, "gmail.com") + chunk(40, "yahoo.com", 100) + chunk(5, "x.example", 200)
    )
    assert len(admission.now) == 25
    assert {held.until.date() for held in admission.later} == {START.date() + timedelta(days=1)}


def test_outside_the_hours_all_wait_for_the_opening(here: Place) -> None:
    here.do(planning.set_hours, "publication", "p", opens_at=time(10), closes_at=time(20), actor="t")
    gate = here.gate()
    admission = gate.admit(chunk(10))
    assert (admission.now, {held.why for held in admission.later}) == ([], {"hours"})
    opens = START.replace(hour=10)
    assert all(opens <= held.until < opens + timedelta(minutes=1) for held in admission.later)
    here.clock.at = opens
    assert len(gate.admit(chunk(10)).now) == 10


def test_a_campaigns_own_spread_wins_over_its_publications(here: Place) -> None:
    from newsletter.delivery.models import Campaign

    with unit_of_work(here.sessions) as session:
        session.get_one(Campaign, here.campaign_id).audience = 1800
    here.do(planning.set_hours, "publication", "p", spread_minutes=1, actor="t")
    here.do(planning.set_hours, "campaign", str(here.campaign_id), spread_minutes=180, actor="t")
    gate, went = here.gate(), []
    for _ in range(10):
        went.append(len(gate.admit(chunk(100)).now))
        here.clock.pass_by(minutes=1, seconds=5)
    assert went == [10] * 10


# Groups


class KnowsSome:
    """DNS that knows a few domains."""

    def __init__(self, known: dict[str, list[str] | None]) -> None:
        self.known, self.asked = known, []

    def hosts(self, domain: str) -> list[str] | None:
        """Answer from the table."""
        self.asked.append(domain)
        return self.known.get(domain, [])


def test_domains_of_readers_are_looked_up_once_and_senders_learn_of_it(place: Place) -> None:
    with unit_of_work(place.sessions) as session:
        for name in ("ada@firm.org", "bob@firm.org", "eve@gone.org", "sam@gmail.com", "tim@quiet.org"):
            session.add(Subscriber(email=name, address_key=name))
    dns = KnowsSome({"firm.org": ["aspmx.l.google.com"], "quiet.org": None})
    gate = place.gate()
    gate.admit(chunk(1))
    assert gate.group_of("ada@firm.org") == "firm.org"
    assert look_up_domains(place.sessions, dns, place.clock) == 3
    assert look_up_domains(place.sessions, dns, place.clock) == 0
    place.clock.pass_by(minutes=2)
    gate.admit(chunk(1))
    assert gate.group_of("ada@firm.org") == "google"
    assert gate.group_of("tim@quiet.org") == "quiet.org"
    place.clock.pass_by(hours=2)
    dns.known["quiet.org"] = ["mx1.mail.icloud.com"]
    assert look_up_domains(place.sessions, dns, place.clock) == 1
    place.clock.pass_by(days=31)
    dns.known["firm.org"] = ["mx.firm.org"]
    look_up_domains(place.sessions, dns, place.clock)
    gate.admit(chunk(1))
    assert (gate.group_of("ada@firm.org"), gate.group_of("tim@quiet.org")) == ("firm.org", "icloud")
    assert dns.asked.count("gmail.com") == 0
    assert dns.asked.count("example.com") == 0


def test_many_new_domains_are_looked_up_in_batches(here: Place) -> None:
    with unit_of_work(here.sessions) as session:
        session.add_all(Subscriber(email=f"a@d{n}.org", address_key=f"a@d{n}.org") for n in range(120))
    dns, counts = KnowsSome({}), []
    for _ in range(5):
        counts.append(look_up_domains(here.sessions, dns, here.clock))
        here.clock.pass_by(minutes=1)
    assert counts == [50, 50, 20, 0, 0]


def test_dns_that_does_not_answer_changes_nothing_that_is_known(here: Place) -> None:
    with unit_of_work(here.sessions) as session:
        session.add(Subscriber(email="a@firm.org", address_key="a@firm.org"))
    look_up_domains(here.sessions, KnowsSome({"firm.org": ["aspmx.l.google.com"]}), here.clock)
    here.clock.pass_by(days=31)
    look_up_domains(here.sessions, KnowsSome({"firm.org": None}), here.clock)
    with here.sessions() as session:
        row = session.get_one(DestinationDomain, "firm.org")
    assert (row.destination_group, row.failures) == ("google", 1)


# Admins


def overview_of(place: Place, limiter: Any = None) -> Any:
    """Return what an admin sees."""
    with place.parts.reading_sessions() as session:
        return overview(session, limiter or place.limits.limiter, place.clock.now())


def test_the_overview_says_what_is_left_and_where_it_comes_from(place: Place) -> None:
    place.set("publication", "p", "100/hour")
    place.do(editing.switch_off, "google", actor="t", now=START)
    place.do(editing.set_at_once, "outlook", 8, actor="t", now=START)
    place.gate().admit(chunk(30))
    seen = overview_of(place)
    rows = {(row.name, row.per): row for row in seen.limits}
    assert rows["p", "hour"].left == 70
    assert (rows["google", "at_once"].source, rows["google", "at_once"].count) == ("off", None)
    assert (rows["outlook", "at_once"].source, rows["outlook", "at_once"].count) == ("set", 8)
    assert rows["icloud", "at_once"].source == "shipped"
    assert seen.limiter_answers
    assert {group.state for group in seen.groups} == {"closed"}
    place.do(editing.remove_limit, "group", "outlook", "at_once")
    assert {row.source for row in overview_of(place).limits if row.name == "outlook"} == {"shipped"}


def test_what_does_not_fit_is_refused_in_a_sentence(here: Place) -> None:
    for wrong in (
        lambda s: editing.set_limit(s, "moon", "p", Rate(1, "day"), actor="t", now=START),
        lambda s: editing.set_limit(s, "group", "a b", Rate(1, "day"), actor="t", now=START),
        lambda s: editing.set_limit(s, "relay", "", Rate(1, "day"), actor="t", now=START),
        lambda s: planning.set_hours(s, "publication", "p", opens_at=time(8), actor="t"),
        lambda s: planning.set_hours(s, "publication", "p", actor="t"),
        lambda s: planning.set_hours(s, "publication", "p", spread_minutes=0, actor="t"),
        lambda s: planning.set_warm_up(
            s, "relay", "default", first_day=START.date(), days=[], growth=1, most=9, actor="t"
        ),
        lambda s: planning.set_warm_up(
            s, "relay", "default", first_day=START.date(), days=[0], growth=1, most=9, actor="t"
        ),
        lambda s: naming.checked_zone("Mars/Base"),
        lambda s: naming.checked_zone("../etc/passwd"),
    ):
        with pytest.raises(InvalidInput), unit_of_work(here.sessions) as session:
            wrong(session)
    for missing in (
        lambda s: editing.set_limit(s, "publication", "nobody", Rate(1, "day"), actor="t", now=START),
        lambda s: planning.set_hours(s, "campaign", "99", spread_minutes=5, actor="t"),
        lambda s: editing.set_limit(s, "relay", "maim", Rate(1, "day"), actor="t", now=START),
        lambda s: editing.remove_limit(s, "group", "google", "hour"),
        lambda s: editing.switch_off(s, "tiny.example", actor="t", now=START),
    ):
        with pytest.raises(NotFound), unit_of_work(here.sessions) as session:
            missing(session)


def test_old_counters_and_troubles_are_forgotten(here: Place) -> None:
    here.set("publication", "p", "100/hour")
    gate = here.gate()
    gate.admit(chunk(1))
    gate.troubled("x.example", "timed out")
    gate.answered("another.example", seconds=0.1)
    gate.flush()
    here.clock.pass_by(days=2)
    here.do(tidy, here.clock.now())
    with here.sessions() as session:
        assert session.scalars(select(GroupBreaker)).all() == []
    assert here.limits.limiter.usages([Window("publication:p:hour", 100, 3600.0)]) == ({},)


def test_a_chunk_that_nothing_concerns_asks_the_database_nothing(here: Place) -> None:
    gate = here.gate()
    gate.admit(chunk(1))
    asked: list[str] = []
    event.listen(here.parts.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    gate.admit(chunk(500))
    assert asked == []
