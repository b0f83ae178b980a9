"""What stands in deploy/ fits the code: every command and option is real, every setting is known, nothing is secret."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from newsletter.settings import PREFIX, Settings
from tests.support.commands import parses

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
UNITS = sorted(DEPLOY.glob("systemd/*.service"))
NAMES = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
NO_COMMAND = {"postgres", "redis"}


def _services() -> dict[str, dict[str, Any]]:
    return {name: each for name, each in COMPOSE["services"].items() if name not in NO_COMMAND}


def _unit_command(path: Path) -> list[str]:
    line = next(line for line in path.read_text().splitlines() if line.startswith("ExecStart="))
    program, *arguments = shlex.split(line.removeprefix("ExecStart="))
    assert program.endswith("/newsletter")
    return arguments


@pytest.mark.parametrize("name", _services())
def test_compose_runs_real_commands(name: str) -> None:
    assert parses(_services()[name]["command"])


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_units_run_real_commands(path: Path) -> None:
    assert parses(_unit_command(path))


def test_every_process_is_there() -> None:
    commands = [each["command"][0] for each in _services().values()]
    assert sorted(commands) == ["beat", "db", "receive", "serve", "worker", "worker"]
    assert {_unit_command(path)[0] for path in UNITS} == {"serve", "worker", "beat", "receive"}


def test_everybody_waits_for_the_migration() -> None:
    for name, service in _services().items():
        assert ("migrate" in service["depends_on"]) == (name != "migrate")


def test_long_running_services_are_looked_after() -> None:
    watched = {name for name, service in COMPOSE["services"].items() if "healthcheck" in service}
    assert watched == {"postgres", "redis", "web", "worker-1", "worker-2", "receiver"}


def test_named_volumes_are_declared() -> None:
    used = {one.split(":")[0] for each in COMPOSE["services"].values() for one in each.get("volumes", [])}
    assert used == set(COMPOSE["volumes"])


def _files() -> Iterator[Path]:
    return (path for path in DEPLOY.rglob("*") if path.is_file())


def test_every_setting_is_known() -> None:
    for path in _files():
        unknown = set(re.findall(rf"\b{PREFIX}[A-Z_]+", path.read_text())) - NAMES
        assert unknown == set(), path.name


def test_production_settings_hold() -> None:
    """The values that compose writes itself are accepted by the settings."""
    given = COMPOSE["services"]["web"]["environment"]
    assert (
        Settings(
            _env_file=None,
            database_url=re.sub(r"\$\{[^}]*\}", "password", given["NEWSLETTER_DATABASE_URL"]),
            broker_url=given["NEWSLETTER_BROKER_URL"],
        ).embedded
        is False
    )


def test_no_file_holds_a_secret() -> None:
    for path in _files():
        for name in ("SECRET_KEY", "POSTGRES_PASSWORD"):
            values = re.findall(rf"^\s*(?:\w*_)?{name}[=:][ ]?(.*)$", path.read_text(), re.MULTILINE)
            assert all(value == "" or value.startswith("${") for value in values), path.name


def test_the_image_is_made_from_the_lock() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    assert "--require-hashes -r requirements.lock" in text
    copied = {
        name for line in re.findall(r"^COPY (?!--)(.+) \S+$", text, re.MULTILINE) for name in line.split()
    }
    root = DEPLOY.parent
    assert [name for name in copied if not (root / name).exists()] == []
