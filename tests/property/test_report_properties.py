"""Whatever the ledger holds and whatever comes back: reports say what a naive count of all rows says, also from summaries."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.audience.models import Subscription
from newsletter.db.session import Sessions, create_database_engine, create_reading_sessions, create_sessions
from newsletter.delivery.events import note
from newsletter.delivery.models import Campaign, Delivery
from newsletter.delivery.states import CampaignState, DeliveryState
from newsletter.feedback.models import FeedbackEntry
from newsletter.reporting.campaign_tables import CampaignTables, campaign_tables
from newsletter.reporting.campaigns import TERMS, CampaignReport, campaign_report
from newsletter.reporting.cells import FORGOTTEN
from newsletter.reporting.folding import fold_campaigns
from newsletter.reporting.issues import issue_reports
from newsletter.reporting.trends import bounce_trends
from tests.support.rooms import NOW, join, make_campaign, make_issue, make_list, make_publication

DOMAINS = ("gmail.com", "googlemail.com", "example.com", "hotmail.com")
GROUPS = {
    "gmail.com": "google",
    "googlemail.com": "google",
    "example.com": "example.com",
    "hotmail.com": "outlook",
}
FINAL = [state for state in DeliveryState if state.is_final]


@dataclass(frozen=True)
class Row:
    """One delivery to be: a refusal has a kind; an erased one has a hash for its address."""

    domain: str
    state: DeliveryState
    kind: str | None
    reason: str | None
    is_erased: bool


@dataclass(frozen=True)
class Back:
    """One entry to be: about the delivery at a place."""

    place: int
    word: str
    kind: str | None
    reason: str
    source: str


rows = st.builds(
    Row,
    st.sampled_from(DOMAINS),
    st.sampled_from(DeliveryState),
    st.sampled_from(["hard", "soft"]),
    st.sampled_from([None, "dead", "full", "policy"]),
    st.booleans(),
).map(
    lambda row: (
        row
        if row.state is DeliveryState.FAILED
        else Row(row.domain, row.state, None, row.reason, row.is_erased)
    )
)
backs = st.builds(
    Back,
    st.integers(0, 30),
    st.sampled_from(
        ["bounced", "rejected", "failed", "complained", "deferred", "delivered", "autoresponded"]
    ),
    st.sampled_from(["hard", "soft"]),
    st.sampled_from(["dead", "full", "network"]),
    st.sampled_from(["mail", "postmark"]),
)


@contextmanager
def database(empty: Path) -> Iterator[Sessions]:
    """A copy of the empty database for one example."""
    with tempfile.TemporaryDirectory() as folder:
        engine = create_database_engine(f"sqlite:///{shutil.copy(empty, Path(folder) / 'reports.db')}")
        yield create_sessions(engine)
        engine.dispose()


def make_ledger(session: Session, wanted: list[Row], ended: bool) -> Campaign:
    """Make a campaign beside another one, whose rows must not be counted."""
    publication = make_publication(session)
    to = make_list(session, publication, "letter", "Letter", "double")
    people = [join(session, to, f"r{place}@{row.domain}") for place, row in enumerate(wanted)]
    other = make_issue(session, publication, 1, "Other")
    results = [DeliveryState.SENT] * len(people)
    before = make_campaign(session, other, to, people, state=CampaignState.FINISHED, results=results)
    before.last_row = len(people)
    issue = make_issue(session, publication, 2, "Counted")
    state = CampaignState.FINISHED if ended else CampaignState.SENDING
    campaign = make_campaign(session, issue, to, people, state=state, results=[row.state for row in wanted])
    campaign.first_row = len(people)
    for delivery, row in zip(_deliveries(session, campaign), wanted, strict=True):
        delivery.bounce, delivery.reason = row.kind, row.reason
        if row.is_erased:
            delivery.address, delivery.address_key = "erased", f"h:{delivery.id}"
        if row.kind:
            session.add(
                _entry(
                    campaign, delivery, Back(0, "rejected", row.kind, row.reason or "unknown", "smtp"), "smtp"
                )
            )
    return campaign


def _deliveries(session: Session, campaign: Campaign) -> list[Delivery]:
    return list(
        session.scalars(select(Delivery).where(Delivery.campaign_id == campaign.id).order_by(Delivery.id))
    )


def _entry(campaign: Campaign, delivery: Delivery, back: Back, key: str) -> FeedbackEntry:
    has_kind = back.word in ("bounced", "rejected", "failed")
    return FeedbackEntry(
        key=f"{key}:{delivery.id}", word=back.word, campaign_id=campaign.id, delivery_id=delivery.id, at=NOW,
        subscriber_id=delivery.subscriber_id, address_key=delivery.address_key, kind=back.kind if has_kind else None,
        reason=back.reason, source=back.source,
    )  # fmt: skip


def add_entries(session: Session, campaign: Campaign, wanted: list[Back], name: str) -> None:
    """Let news come back."""
    deliveries = _deliveries(session, campaign)
    for number, back in enumerate(wanted):
        if deliveries:
            delivery = deliveries[back.place % len(deliveries)]
            session.add(_entry(campaign, delivery, back, f"{name}{number}"))


def leave(session: Session, campaign: Campaign, places: list[int]) -> None:
    """Let people leave through the campaign's mail."""
    memberships = list(session.scalars(select(Subscription).order_by(Subscription.id)))
    for place in places:
        if place < len(memberships):
            one = memberships[place]
            one.state, one.campaign_id, one.unsubscribe_reason = "unsubscribed", campaign.id, "Too many mails"


@dataclass
class Naive:
    """The same numbers, counted row by row in Python."""

    states: Counter[DeliveryState]
    bounces: Counter[tuple[str, str, str]]
    groups: Counter[str]
    complaints: int
    left: int

    @classmethod
    def of(cls, session: Session, campaign: Campaign) -> Naive:
        """Look at every row."""
        deliveries = _deliveries(session, campaign)
        entries = [one for one in session.scalars(select(FeedbackEntry)) if one.campaign_id == campaign.id]
        bounces: Counter[tuple[str, str, str]] = Counter()
        for one in deliveries:
            if one.bounce:
                bounces[_group(one), one.reason or "unknown", one.bounce] += 1
                continue
            mine = sorted((e.kind, e.id, e.reason) for e in entries if e.delivery_id == one.id and e.kind)
            if mine:
                bounces[_group(one), mine[0][2], mine[0][0] or ""] += 1
        left = {
            one.subscriber_id
            for one in session.scalars(select(Subscription))
            if one.campaign_id == campaign.id
        }
        return cls(
            Counter(DeliveryState(one.state) for one in deliveries),
            bounces,
            Counter(_group(one) for one in deliveries),
            len({one.address_key for one in entries if one.word == "complained"}),
            len(left),
        )


def _group(delivery: Delivery) -> str:
    _, at, domain = delivery.address_key.partition("@")
    return GROUPS[domain] if at else FORGOTTEN


def check(session: Session, campaign: Campaign) -> None:
    """Hold the report and its tables against the naive count."""
    naive = Naive.of(session, campaign)
    report, tables = campaign_report(session, campaign), campaign_tables(session, campaign, is_exact=True)
    check_report(report, naive)
    check_tables(tables, naive, report)
    if campaign.state == CampaignState.FINISHED:
        check_trends(session, campaign, naive)


def check_report(report: CampaignReport, naive: Naive) -> None:
    assert report.adds_up
    assert report.audience == sum(naive.states.values())
    assert {term: getattr(report, term) for term in TERMS} == {
        term: naive.states[DeliveryState[term.upper()]] for term in TERMS
    }
    kinds = Counter[str]()
    for (_, _, kind), count in naive.bounces.items():
        kinds[kind] += count
    assert (report.hard_bounces, report.soft_bounces) == (kinds["hard"], kinds["soft"])
    assert (report.complaints, report.unsubscribes) == (naive.complaints, naive.left)


def check_tables(tables: CampaignTables, naive: Naive, report: CampaignReport) -> None:
    assert {row[0]: row[1] for row in tables.providers.rows} == naive.groups
    assert {row[:3]: row[-1] for row in tables.bounces_by_provider.rows} == naive.bounces
    assert tables.states.total("mails") == report.audience
    assert tables.bounces.total("bounces") == report.hard_bounces + report.soft_bounces
    assert tables.providers.total("hard_bounces") == report.hard_bounces
    assert tables.providers.total("soft_bounces") == report.soft_bounces
    assert tables.providers.total("sent") == report.sent
    assert tables.providers.total("open") == report.open
    assert tables.not_sent.total("mails") == report.done - report.sent
    assert tables.leaving.total("people") == report.unsubscribes


def check_trends(session: Session, campaign: Campaign, naive: Naive) -> None:
    """Hold the issues beside each other against the naive count; they read the ledger as it was counted last."""
    rows = [row for row in issue_reports(session).rows if row.campaign.id == campaign.id]
    reasons, providers = bounce_trends(session, rows)
    by_reason, by_group = Counter[str](), Counter[str]()
    for (group, reason, _), count in naive.bounces.items():
        by_reason[reason] += count
        by_group[group] += count
    for table, counts in ((reasons, by_reason), (providers, by_group)):
        found = {key: value for key, value in table.records()[0].items() if key != "issue" and value}
        assert found == +counts


@given(
    st.lists(rows, max_size=25), st.lists(backs, max_size=12), st.lists(backs, max_size=6), st.lists(st.integers(0, 24), max_size=5),
    st.booleans(), st.sampled_from(FINAL), st.lists(st.integers(0, 150), max_size=3),
)  # fmt: skip
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_reports_say_what_a_naive_count_says(
    empty_database: Path,
    ledger: list[Row],
    first: list[Back],
    later: list[Back],
    leavers: list[int],
    ended: bool,
    resolved: DeliveryState,
    rounds: list[int],
) -> None:
    with database(empty_database) as sessions:
        with sessions.begin() as session:
            campaign = make_ledger(session, ledger, ended)
            add_entries(session, campaign, first, "first")
            session.flush()
            check(session, campaign)
        now = fold(sessions, rounds)
        with sessions.begin() as session:
            campaign = session.get_one(Campaign, campaign.id)
            check(session, campaign)
            add_entries(session, campaign, later, "later")
            leave(session, campaign, leavers)
            settle(session, campaign, resolved)
            session.flush()
            check(session, campaign)
        fold(sessions, [*rounds, 1], now)
        with sessions() as session:
            check(session, session.get_one(Campaign, campaign.id))


def fold(sessions: Sessions, seconds: list[int], now: datetime = NOW) -> datetime:
    """Let the job run after so many seconds each; return when that was."""
    engine = sessions.kw["bind"]
    for wait in seconds:
        now += timedelta(seconds=wait)
        fold_campaigns(sessions, create_reading_sessions(engine), now)
    return now


def settle(session: Session, campaign: Campaign, state: DeliveryState) -> None:
    """Let a person decide about what is ambiguous, as `delivery.control.ambiguity` does: with an event."""
    changed = 0
    for one in _deliveries(session, campaign):
        if one.state == DeliveryState.AMBIGUOUS:
            one.state, changed = int(state), changed + 1
    if changed:
        note(session, campaign.id, f"{changed} unknown: sent.", now=NOW)
