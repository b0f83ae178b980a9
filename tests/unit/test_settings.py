"""Settings: good defaults, and one clear sentence for a bad or unknown value."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from newsletter.errors import ConfigurationError
from newsletter.settings import load_settings


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_embedded_is_the_default() -> None:
    settings = load_settings()
    assert settings.embedded
    assert settings.uses_catcher
    assert settings.sqlalchemy_url.startswith("sqlite:////")


@pytest.mark.parametrize("short", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgresql_addresses_mean_the_same(short: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLETTER_DATABASE_URL", f"{short}://u@h/db")
    assert load_settings().sqlalchemy_url == "postgresql+psycopg://u@h/db"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://u@h/db"),
        ("BROKER_URL", "http://x"),
        ("SMTP_URL", "relay.example.com"),
        ("BASE_URL", "example.com"),
        ("SMTP_CONNECTIONS", "51"),
        ("SMTP_CONNECTIONS", "many"),
        ("WEB_PORT", "0"),
    ],
)
def test_an_invalid_value_is_named(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"NEWSLETTER_{name}", value)
    with pytest.raises(ConfigurationError, match=f"^NEWSLETTER_{name} is invalid: "):
        load_settings()


def test_an_unknown_setting_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLETTER_DATABSE_URL", "sqlite:///x")
    with pytest.raises(ConfigurationError, match="Unknown setting NEWSLETTER_DATABSE_URL"):
        load_settings()


def test_the_embedded_secret_is_made_once_and_private() -> None:
    first = load_settings().secret
    assert load_settings().secret == first
    assert stat.S_IMODE(Path("var/secret").stat().st_mode) == 0o600


def test_production_needs_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLETTER_BROKER_URL", "redis://127.0.0.1/0")
    with pytest.raises(ConfigurationError, match="NEWSLETTER_SECRET_KEY is not set"):
        _ = load_settings().secret


def test_an_empty_secret_file_is_not_a_secret() -> None:
    Path("var").mkdir()
    Path("var/secret").write_text("")
    with pytest.raises(ConfigurationError, match="empty or damaged"):
        _ = load_settings().secret
