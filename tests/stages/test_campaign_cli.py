"""`newsletter campaign ambiguous|retry|schedule|unschedule|deliveries` and `issue rehearse`, as an administrator types them."""

from __future__ import annotations

import csv
import io
import json

import pytest
from sqlalchemy import select

from newsletter.bootstrap import Container
from newsletter.clock import utcnow
from newsletter.db.session import unit_of_work
from newsletter.delivery.control.freeze import freeze_campaign
from newsletter.delivery.models import Campaign, Delivery
from newsletter.delivery.rehearsing.models import KeptRehearsal
from newsletter.delivery.states import DeliveryState
from tests.stages.test_brakes_cli import (
    SEND,
    Run,
    actions,
    installed,  # noqa: F401 - fixture
    run,  # noqa: F401 - fixture
    shown,
)

FIRST = "reader0@example.com"


@pytest.fixture
def finished(run: Run, installed: Container) -> Container:  # noqa: F811
    """A finished campaign: the first reader's message is unknown, the second failed softly, the third's time ran out."""
    assert run(*SEND, "--ambiguous", "count_as_sent")[0] == 0
    with unit_of_work(installed.sessions) as session:
        session.get_one(Campaign, 1).state = "freezing"
    freeze_campaign(installed.sessions, installed.queue, 1)
    with unit_of_work(installed.sessions) as session:
        campaign = session.get_one(Campaign, 1)
        campaign.state, campaign.ended_at = "finished", utcnow()
        rows = session.scalars(select(Delivery).order_by(Delivery.address)).all()
        ends = (DeliveryState.AMBIGUOUS, DeliveryState.FAILED, DeliveryState.EXPIRED)
        for row, state in zip(rows, ends, strict=True):
            row.state, row.sent_at = int(state), utcnow()
        rows[1].bounce, rows[1].response = "soft", "=452 4.2.2 mailbox full"
    return installed


def test_unknown_messages_are_listed_and_decided(run: Run, finished: Container) -> None:  # noqa: F811
    code, out, _ = run("campaign", "ambiguous", "1", "--json")
    row = json.loads(out)
    assert (code, row["address"], row["state"]) == (0, FIRST, "ambiguous")
    assert row["message_id"].endswith("@example.com>")
    assert run("campaign", "ambiguous", "1", "--resolve", "sent")[0] == 1
    assert run("campaign", "ambiguous", "1", "--resolve", "sent", "--all", FIRST)[0] == 1
    assert run("campaign", "ambiguous", "1", "--resolve", "sent", FIRST.upper())[1] == "1 resolved.\n"
    assert run("campaign", "ambiguous", "1", "--resolve", "send-again", FIRST)[0] == 1
    assert run("campaign", "ambiguous", "1", "--policy", "hold")[0] == 0
    with finished.reading_sessions() as session:
        assert session.get_one(Campaign, 1).ambiguous_policy == "hold"
    assert {"campaign.resolve", "campaign.ambiguous_policy"} <= set(actions(finished))


@pytest.mark.parametrize(("reason", "people"), [("soft", 1), ("expired", 1), ("all", 2)])
def test_another_try_for_those_who_are_meant(run: Run, finished: Container, reason: str, people: int) -> None:  # noqa: F811
    code, out, _ = run("campaign", "retry", "1", "--reason", reason, "--why", "it is back", "--json")
    made = json.loads(out)
    assert (code, made["retry_of"]) == (0, 1)
    freeze_campaign(finished.sessions, finished.queue, made["campaign"])
    assert shown(run, str(made["campaign"]))["audience"] == people


def test_the_ledger_by_state_and_beginning(run: Run, finished: Container) -> None:  # noqa: F811
    text = run("campaign", "deliveries", "1", "--csv")[1]
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["state"] for row in rows] == ["ambiguous", "failed", "expired"]
    assert rows[1]["response"] == "'=452 4.2.2 mailbox full"
    some = run("campaign", "deliveries", "1", "--prefix", "READER1", "--json")[1].splitlines()
    assert [json.loads(line)["address"] for line in some] == ["reader1@example.com"]
    assert run("campaign", "deliveries", "1", "--prefix", "%")[1] == ""
    assert run("campaign", "deliveries", "1", "--csv", "--json")[0] == 1


def test_a_schedule_is_moved_and_taken_back(run: Run, installed: Container) -> None:  # noqa: F811
    assert run(*SEND[:-1], "2036-03-30 02:30", "--zone", "Europe/Berlin")[0] == 0
    with installed.reading_sessions() as session:
        assert session.get_one(Campaign, 1).wall_zone == "Europe/Berlin"
    code, out, _ = run("campaign", "schedule", "1", "--at", "2036-10-26 02:30", "--zone", "Europe/Berlin")
    assert (code, "2036-10-26 00:30 UTC" in out, "comes twice" in out) == (0, True, True)
    assert run("campaign", "schedule", "1", "--at", "2036-10-26 02:30", "--zone", "Europe/Nowhere")[0] == 1
    assert run("campaign", "unschedule", "1")[0] == 0
    assert run("campaign", "unschedule", "1")[0] == 1
    assert shown(run, "1")["state"] == "cancelled"
    assert run(*SEND)[0] == 0
    assert "campaign.unschedule" in actions(installed)


def test_a_rehearsal_is_kept(run: Run, installed: Container) -> None:  # noqa: F811
    code, out, _ = run("issue", "rehearse", "letter/1", "--list", "readers", "--json")
    found = json.loads(out)
    assert (code, found["people"], found["failed"]) == (0, 3, 0)
    with installed.reading_sessions() as session:
        kept = session.scalars(select(KeptRehearsal)).one()
        assert (kept.hash, kept.people, kept.largest_bytes) == (found["hash"], 3, found["largest_bytes"])
    assert run("issue", "rehearse", "letter/1", "--list", "readers", "--expect", "0" * 64)[0] == 1
