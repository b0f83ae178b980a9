"""`newsletter limits`: set, list, remove, groups, warm-up, hours, as an administrator types them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from newsletter.cli import support
from newsletter.db.session import unit_of_work
from newsletter.delivery.limits.models import GroupBreaker
from tests.stages.conftest import Run


@pytest.fixture
def run(typed: Run) -> Run:
    """Run `newsletter …` in an installation with a publication."""
    sender = "The Letter <letter@example.com>"
    assert typed("publication", "create", "letter", "--name", "Letter", "--from", sender)[0] == 0
    return typed


def document(run: Run, *arguments: str) -> Any:
    """Run a command with --json and return what it printed, which must be all it printed."""
    code, out, _ = run(*arguments, "--json")
    assert code == 0
    return json.loads(out)


def test_a_limit_is_set_listed_and_removed(run: Run) -> None:
    assert document(run, "limits", "set", "relay", "default", "10/second") == {
        "scope": "relay",
        "name": "default",
        "per": "second",
        "count": 10,
    }
    run("limits", "set", "publication", "letter", "5,000/day")
    said = run("limits", "list")[1]
    assert "relay        default                  10/second          set      10 left" in said
    assert "5,000/day" in said
    assert "group        google                   5 at once          shipped" in said
    rows = {(row["name"], row["per"]): row for row in document(run, "limits", "list")["limits"]}
    assert rows["letter", "day"]["left"] == 5000
    assert run("limits", "remove", "relay", "default", "--per", "second")[0] == 0
    assert run("limits", "remove", "relay", "default", "--per", "second") == (
        1, "", "No limit per second is set for the relay default.\n",
    )  # fmt: skip


def test_shipped_limits_are_changed_switched_off_and_come_back(run: Run) -> None:
    run("limits", "set", "group", "google", "--at-once", "8")
    assert "8 at once" in run("limits", "list")[1]
    run("limits", "set", "group", "google", "--off")
    assert "any number" in run("limits", "list")[1]
    run("limits", "remove", "group", "google")
    assert "5 at once" in run("limits", "list")[1]


def test_groups_say_who_rests_and_can_be_tried_again(run: Run) -> None:
    with unit_of_work(support.container().sessions) as session:
        later = datetime.now(UTC) + timedelta(hours=1)
        session.add(GroupBreaker(destination_group="pit.example", open_until=later, why="421 busy"))
    said = run("limits", "groups")[1]
    assert "pit.example" in said
    assert "421 busy" in said
    assert {row["name"]: row["state"] for row in document(run, "limits", "groups")}["pit.example"] == "open"
    assert "pit.example" not in run("limits", "groups", "--close", "pit.example")[1]
    assert run("limits", "groups", "--close", "pit.example") == (
        1,
        "",
        "Nothing is wrong with pit.example.\n",
    )


def test_warm_ups_and_hours_are_set_listed_and_removed(run: Run) -> None:
    run(
        "limits",
        "warm-up",
        "relay",
        "default",
        "--days",
        "50, 75",
        "--first-day",
        "2026-03-01",
        "--most",
        "60",
    )
    run("limits", "warm-up", "publication", "letter")
    run("limits", "hours", "publication", "letter", "--between", "08:00-20:00", "--spread", "180")
    said = run("limits", "list")[1]
    assert "warm-up: over" in said
    assert "warm-up: 50 today" in said
    assert "08:00-20:00, spread over 180 minutes" in said
    seen = document(run, "limits", "list")
    assert seen["hours"][0]["spread_minutes"] == 180
    run("limits", "warm-up", "relay", "default", "--remove")
    run("limits", "hours", "publication", "letter", "--remove")
    seen = document(run, "limits", "list")
    assert ([row["name"] for row in seen["warm_ups"]], seen["hours"]) == (["letter"], [])


@pytest.mark.parametrize(
    "words",
    [
        ("set", "relay", "default"),
        ("set", "relay", "default", "10/second", "--off"),
        ("set", "relay", "default", "--at-once", "5"),
        ("set", "relay", "default", "--off"),
        ("set", "relay", "default", "fast"),
        ("set", "moon", "main", "1/day"),
        ("set", "relay", "maim", "1/day"),
        ("set", "group", "../x", "1/day"),
        ("set", "publication", "nobody", "1/day"),
        ("set", "group", "tiny.example", "--off"),
        ("remove", "moon", "x"),
        ("warm-up", "relay", "default", "--days", "1,x"),
        ("warm-up", "relay", "default", "--first-day", "soon"),
        ("warm-up", "relay", "default", "--time-zone", "Moon/Base"),
        ("warm-up", "relay", "default", "--growth", "200"),
        ("warm-up", "relay", "default", "--remove"),
        ("hours", "publication", "letter"),
        ("hours", "publication", "letter", "--between", "8"),
        ("hours", "campaign", "99", "--spread", "10"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(run: Run, words: tuple[str, ...]) -> None:
    code, out, err = run("limits", *words)
    assert (code, out) == (1, "")
    assert err.count("\n") == 1
    assert err.rstrip().endswith(".")
