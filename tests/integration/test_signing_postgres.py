"""Keys and relays on PostgreSQL: bytes, JSON and times come back as they went in."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from newsletter.clock import SystemClock
from newsletter.db.session import create_database_engine, create_sessions, unit_of_work
from newsletter.delivery.dkim.choosing import signers_for
from newsletter.delivery.dkim.service import activate_key, create_key, get_key, list_keys
from newsletter.delivery.relays.service import add_relay, get_relay, routes_for
from newsletter.delivery.smtp.target import SmtpTarget
from newsletter.errors import NotFound
from newsletter.schema import metadata
from newsletter.sealing import Sealer

SEALER = Sealer(b"a secret for tests, long enough")
NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)


def test_keys_sign_and_relays_are_chosen(postgres_url: str) -> None:
    engine = create_database_engine(postgres_url)
    metadata.create_all(engine)
    sessions = create_sessions(engine)
    url = "smtps://me:open%20sesame@mail.example.com"
    with unit_of_work(sessions) as session:
        row = create_key(session, SEALER, "example.com", "ed25519", actor="ada", now=NOW)
        activate_key(session, row, actor="ada", now=NOW)
        add_relay(session, SEALER, "post", url, actor="ada", from_domains=["example.com"])
    with sessions() as session:
        assert [signer.selector for signer in signers_for(session, SEALER, "news.example.com", at=NOW)] == [
            "nl1"
        ]
        assert list_keys(session)[0].activated_at == NOW
        routes = routes_for(
            session, SEALER, "example.com", fallback=SmtpTarget("x", 25), monotonic=SystemClock().monotonic
        )
        assert [relay.target.password for relay in routes.relays] == ["open sesame"]
        for name in ("\x00", "nobody"):
            with pytest.raises(NotFound):
                get_relay(session, name)
        with pytest.raises(NotFound):
            get_key(session, 1 << 70)
    engine.dispose()
