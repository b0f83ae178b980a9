"""Instance, stages and brakes as an administrator types them: `instance`, `issue send --stage`, `campaign go-on|release`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from newsletter.accounts.models import AuditEntry
from newsletter.bootstrap import Container
from newsletter.cli import support
from newsletter.clock import utcnow
from newsletter.db.session import unit_of_work
from newsletter.delivery.brakes.braking import evaluate_brakes
from newsletter.delivery.control.freeze import freeze_campaign
from newsletter.delivery.models import Campaign
from newsletter.delivery.sending.tally import TallyRow, write_tally
from newsletter.delivery.service import may_send
from tests.support.filling import fill_letter
from tests.support.typed import Run, command_line, installed_in

SEND = ("issue", "send", "letter/1", "--list", "readers", "--at", "2036-01-01T09:00")
BAD: TallyRow = {
    "group_name": "", "attempts": 400, "hard": 40, "policy": 0, "unwritable": 0, "complaints": 0,
}  # fmt: skip


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Container]:
    """An installation with an approved issue and three readers; its mail goes nowhere."""
    with installed_in(tmp_path, monkeypatch) as parts:
        fill_letter(parts, [(f"reader{n}@example.com", "") for n in range(3)], folder=tmp_path)
        yield parts


@pytest.fixture
def run(installed: Container, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return command_line(monkeypatch, capsys)


def shown(run: Run, campaign: str) -> Any:
    return json.loads(run("campaign", "show", campaign, "--json")[1])


def actions(parts: Container) -> list[str]:
    with parts.reading_sessions() as session:
        return list(session.scalars(select(AuditEntry.action)))


def test_a_stray_database_is_shown_and_adopted(
    run: Run, installed: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("instance", "show")[0] == 0
    assert may_send(installed.sending)
    monkeypatch.setenv("NEWSLETTER_INSTANCE", "elsewhere")
    support.container.cache_clear()
    code, out, _ = run("instance", "show", "--json")
    assert (code, json.loads(out)["may_send"], json.loads(out)["here"]) == (1, False, "elsewhere")
    code, _, said = run(*SEND)
    assert code == 1
    assert "newsletter instance adopt" in said
    assert run("instance", "adopt")[0] == 0
    assert run("instance", "show")[0] == 0
    assert run(*SEND)[0] == 0
    assert "instance.adopt" in actions(installed)


def test_a_stage_is_asked_for_shown_and_not_waited_for(run: Run, installed: Container) -> None:
    stage = ("--stage", "5%", "--hold", "1h", "--seed", "reader1@example.com")
    assert run(*SEND, "--seed", "reader1@example.com")[0] == 1
    assert run(*SEND, "--stage", "5%", "--seed", "stranger@example.com")[0] == 1
    assert run(*SEND, *stage)[0] == 0
    assert shown(run, "1")["stage"] == {"percent": 5, "seeds": ["reader1@example.com"], "until": None}
    assert run("campaign", "go-on", "1")[0] == 1  # it has not begun
    with unit_of_work(installed.sessions) as session:
        campaign = session.get_one(Campaign, 1)
        campaign.state = "freezing"
    freeze_campaign(installed.sessions, installed.queue, 1)
    assert run("campaign", "go-on", "1")[0] == 0
    assert shown(run, "1")["stage"]["until"] is not None
    assert "campaign.go_on" in actions(installed)


def test_released_brakes_and_none_at_all(run: Run, installed: Container) -> None:
    assert run(*SEND)[0] == 0
    assert run("campaign", "release", "1", "--reason", "seen")[0] == 1
    with unit_of_work(installed.sessions) as session:
        session.get_one(Campaign, 1).state = "finished"
        write_tally(session, 1, [BAD], utcnow())
        evaluate_brakes(session, 1, utcnow())
    assert shown(run, "1")["brakes"]["stopped_at"] is not None
    assert (
        "is finished: Stopped by its brakes: 10.0% of the addresses are dead"
        in run("campaign", "report", "1")[1]
    )
    assert run("campaign", "release", "1", "--reason", "seen")[0] == 0
    assert shown(run, "1")["brakes"] == {"on": True, "stopped_at": None}
    assert shown(run, "1")["reason"] == ""
    assert run("campaign", "cancel", "1")[0] == 1  # it is finished
    assert "campaign.release" in actions(installed)


def test_without_brakes_is_noted(run: Run, installed: Container) -> None:
    assert run(*SEND, "--no-brakes")[0] == 0
    assert shown(run, "1")["brakes"]["on"] is False
    assert "campaign.no_brakes" in actions(installed)
