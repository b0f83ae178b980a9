"""DKIM keys: made, published, rotated with two live selectors, aligned with the From domain, sealed at rest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from newsletter.accounts.models import AuditEntry
from newsletter.db.session import Sessions, unit_of_work
from newsletter.delivery.dkim.choosing import signers_for
from newsletter.delivery.dkim.findings import signing_findings
from newsletter.delivery.dkim.keys import signer_of
from newsletter.delivery.dkim.models import DkimKey, KeyState
from newsletter.delivery.dkim.publishing import RecordState, ask, note
from newsletter.delivery.dkim.service import activate_key, create_key, list_keys, rotate_key, waiting_key
from newsletter.errors import ConfigurationError, Conflict, InvalidInput, NotFound
from newsletter.rendering.dkim_record import record_name, record_value
from newsletter.sealing import Sealer

SEALER = Sealer(b"a secret for tests, long enough")
NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)


class Dns(dict[str, list[str] | None]):
    """A made-up DNS; None for a name means no answer."""

    def texts(self, name: str) -> list[str] | None:
        return self.get(name, [])


def make(sessions: Sessions, domain: str, algorithm: str = "ed25519", *, active: bool = True) -> int:
    with unit_of_work(sessions) as session:
        row = create_key(session, SEALER, domain, algorithm, actor="ada", now=NOW)
        if active:
            activate_key(session, row, actor="ada", now=NOW)
        return row.id


def chosen(sessions: Sessions, domain: str, at: datetime | None = None) -> list[tuple[str, str]]:
    with sessions() as session:
        return [(each.domain, each.selector) for each in signers_for(session, SEALER, domain, at=at)]


def test_both_kinds_sign_rsa_first(sessions: Sessions) -> None:
    make(sessions, "example.com", "ed25519")
    make(sessions, "Example.com.", "rsa")
    assert chosen(sessions, "example.com") == [("example.com", "nl2"), ("example.com", "nl1")]


def test_the_nearest_domain_above_signs_and_no_other(sessions: Sessions) -> None:
    make(sessions, "example.com")
    assert chosen(sessions, "news.Example.com") == [("example.com", "nl1")]
    assert chosen(sessions, "notexample.com") == []
    assert chosen(sessions, "com") == []
    make(sessions, "news.example.com")
    assert chosen(sessions, "news.example.com") == [("news.example.com", "nl1")]
    assert chosen(sessions, "example.com") == [("example.com", "nl1")]


def test_a_new_key_waits_for_its_record(sessions: Sessions) -> None:
    make(sessions, "example.com", active=False)
    assert chosen(sessions, "example.com") == []


def test_rotation_keeps_the_old_key_until_the_new_one_is_published(sessions: Sessions) -> None:
    make(sessions, "example.com")
    with unit_of_work(sessions) as session:
        rotate_key(session, SEALER, "example.com", "ed25519", actor="ada", now=NOW)
    assert chosen(sessions, "example.com") == [("example.com", "nl1")]
    with unit_of_work(sessions) as session, pytest.raises(Conflict, match="waits already"):
        rotate_key(session, SEALER, "example.com", "ed25519", actor="ada", now=NOW)
    later = NOW + timedelta(days=1)
    with unit_of_work(sessions) as session:
        activate_key(session, waiting_key(session, "example.com", "ed25519"), actor="ada", now=later)
    assert chosen(sessions, "example.com") == [("example.com", "nl2")]
    assert chosen(sessions, "example.com", NOW + timedelta(hours=1)) == [("example.com", "nl1")]
    with sessions() as session:
        assert [row.state for row in list_keys(session)] == [KeyState.RETIRED, KeyState.ACTIVE]
        actions = list(session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))
    assert actions == ["dkim.create", "dkim.activate", "dkim.rotate", "dkim.activate"]


def test_dns_activates_what_waits_and_tells_right_from_wrong(sessions: Sessions) -> None:
    make(sessions, "example.com", active=False)
    make(sessions, "example.net")
    make(sessions, "example.org", active=False)
    dns = Dns()
    with unit_of_work(sessions) as session:
        rows = {row.domain: signer_of(SEALER, row) for row in list_keys(session)}
        dns[record_name(rows["example.com"])] = ["v=spf1 -all", record_value(rows["example.com"])]
        dns[record_name(rows["example.net"])] = [record_value(rows["example.com"])]
        dns[record_name(rows["example.org"])] = None
        activated = note(session, ask(session, SEALER, dns), actor="ada", now=NOW)
        assert [row.domain for row in activated] == ["example.com"]
        states = {row.domain: row.record_state for row in list_keys(session)}
    assert states == {
        "example.com": RecordState.RIGHT, "example.net": RecordState.WRONG, "example.org": RecordState.SILENT,
    }  # fmt: skip
    assert chosen(sessions, "example.com") == [("example.com", "nl1")]
    assert chosen(sessions, "example.org") == []


def test_only_a_wrong_record_blocks_sending(sessions: Sessions) -> None:
    make(sessions, "example.com")
    found = {}
    for state in RecordState:
        with unit_of_work(sessions) as session:
            list_keys(session)[0].record_state = state
            session.flush()
            found[state] = [each.severity for each in signing_findings(session, "news.example.com")]
            assert signing_findings(session, "example.net") == []
    assert found == {
        RecordState.UNASKED: ["warn"], RecordState.RIGHT: [], RecordState.MISSING: ["warn"],
        RecordState.WRONG: ["block"], RecordState.SILENT: ["warn"],
    }  # fmt: skip


def test_keys_are_sealed_and_useless_elsewhere(sessions: Sessions) -> None:
    key_id = make(sessions, "example.com")
    with sessions() as session:
        row = session.get_one(DkimKey, key_id)
        assert b"\x04\x22\x04\x20" not in row.sealed_key  # how a PKCS 8 Ed25519 key begins its secret
        with pytest.raises(ConfigurationError, match="another secret"):
            signer_of(Sealer(b"another secret, long enough too"), row)
        row.selector = "nl9"
        with pytest.raises(ConfigurationError, match="nl9"):
            signer_of(SEALER, row)


def test_odd_input_is_refused(sessions: Sessions) -> None:
    with unit_of_work(sessions) as session:
        for domain in ("", "x", "a b.c", "-a.com", "a..b", "x" * 300 + ".com", "é.com", "a.com;\nx"):
            with pytest.raises(InvalidInput, match="no domain"):
                create_key(session, SEALER, domain, "rsa", actor="ada", now=NOW)
        with pytest.raises(InvalidInput, match="rsa or ed25519"):
            create_key(session, SEALER, "example.com", "dsa", actor="ada", now=NOW)
        with pytest.raises(NotFound, match="dkim create"):
            rotate_key(session, SEALER, "example.com", "rsa", actor="ada", now=NOW)
        with pytest.raises(NotFound):
            waiting_key(session, "example.com", "rsa")
    make(sessions, "example.com")
    with pytest.raises(Conflict, match="rotate"):
        make(sessions, "example.com")
