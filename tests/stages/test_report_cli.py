"""`newsletter report`: tables for people, spreadsheets and scripts; one address; the public summary."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from newsletter.cli import support
from newsletter.db.session import unit_of_work
from newsletter.feedback.erasure import erase_person
from tests.stages.conftest import Run
from tests.support.rooms import NOW, fill


@pytest.fixture
def run(typed: Run) -> Run:
    """Run `newsletter …` in a filled installation; campaigns 1 and 2 are out: 50 sent, 10 failed."""
    with unit_of_work(support.container().sessions) as session:
        fill(session)
    return typed


def document(run: Run, *arguments: str) -> Any:
    """Run a command with --json and return what it printed."""
    code, out, _ = run(*arguments, "--json")
    assert code == 0
    return json.loads(out)


def test_issues_beside_each_other(run: Run) -> None:
    found = document(run, "report", "issues")
    assert [(row["issue"], row["sent"], row["hard_bounces"]) for row in found] == [
        ("letter/66", 50, 10),
        ("letter/65", 50, 10),
    ]
    assert len(document(run, "report", "issues", "--limit", "1")) == 1
    code, out, _ = run("report", "issues", "--csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 0
    assert [row["title"] for row in rows] == ["The ferry that never turned", "Rope, and who walks it"]


def test_an_unknown_publication_is_told(run: Run) -> None:
    code, out, err = run("report", "issues", "--publication", "nowhere")
    assert (code, out) == (1, "")
    assert "nowhere" in err


def test_a_campaign_as_tables(run: Run) -> None:
    tables = document(run, "report", "campaign", "letter/66")
    assert tables["providers"][0]["people"] == 60
    assert tables["bounces"][0] == {
        "reason": "no_mailbox", "kind": "hard", "refused": 10, "returned": 0, "bounces": 10,
    }  # fmt: skip
    code, out, _ = run("report", "campaign", "letter/66")
    assert code == 0
    assert "Bounces by reason" in out


def test_one_table_of_a_campaign(run: Run) -> None:
    code, out, _ = run("report", "campaign", "2", "--table", "providers", "--csv")
    assert code == 0
    assert out.splitlines()[1].startswith('"example.com","60","50","0","10"')
    code, _, err = run("report", "campaign", "2", "--csv")
    assert code == 1
    assert "choose --table states" in err
    assert "There is no table 'x'" in run("report", "campaign", "2", "--table", "x")[2]


def test_lists_and_the_growth_of_one(run: Run) -> None:
    letter = next(row for row in document(run, "report", "lists") if row["list"] == "letter")
    assert (letter["members"], letter["reached"], letter["suppressed"], letter["left"]) == (61, 59, 2, 1)
    growth = document(run, "report", "lists", "--list", "letter", "--by", "month")
    assert growth == [{"begin": "2026-11-01", "joined": 61, "left": 0, "stopped": 2, "members": 61}]
    assert "choose day, week, month" in run("report", "lists", "--list", "letter", "--by", "year")[2]


def test_one_address(run: Run) -> None:
    story = document(run, "report", "address", "READER000001@example.com")
    assert [one["what"] for one in story["happenings"] if one["room"] == "delivery"] == ["sent"] * 3
    assert [one["reason"] for one in story["suppressions"]] == ["hard_bounce"]
    assert "Nothing is known about who@example.com." in run("report", "address", "who@example.com")[1]
    assert run("report", "address", "no address")[0] == 1


def test_an_erased_address_still_answers_for_its_mails(run: Run) -> None:
    parts = support.container()
    with unit_of_work(parts.sessions) as session:
        erase_person(session, "reader000001@example.com", secret=parts.settings.secret, actor="t", now=NOW)
    story = document(run, "report", "address", "reader000001@example.com")
    assert (story["subscriber"], story["erased"]) == (None, True)
    assert sum(one["room"] == "delivery" for one in story["happenings"]) == 3


def test_a_summary_is_shared_and_closed(run: Run) -> None:
    made = document(run, "report", "share", "letter/66")
    assert made["url"].startswith("http://127.0.0.1:8025/s/")
    assert document(run, "report", "share", "letter/66") == made
    assert run("report", "unshare", "letter/66")[0] == 0
    assert run("report", "unshare", "letter/66")[0] == 1
    assert document(run, "report", "share", "letter/66")["url"] != made["url"]
    assert "once it has ended" in run("report", "share", "3")[2]


def test_counts_are_made_anew(run: Run) -> None:
    before = document(run, "report", "campaign", "2")
    assert run("report", "recount")[1] == "Counted 3 campaigns and 2 lists.\n"
    assert document(run, "report", "campaign", "2") == before
