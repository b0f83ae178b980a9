"""Users, passwords, signed-in browsers, one-time links and the audit log."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, select, update

from newsletter.accounts import audit, service
from newsletter.accounts.logins import ABSOLUTE_TIMEOUT, IDLE_TIMEOUT
from newsletter.accounts.models import AuditEntry, LoginSession, Role, SignInLink
from newsletter.accounts.users import FIRST_ADMIN
from newsletter.db.session import Sessions, unit_of_work
from newsletter.errors import Conflict, Forbidden, InvalidInput, NotFound

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
PASSWORD = "correct horse battery"


def _create(sessions: Sessions, role: str = "editor", password: str | None = PASSWORD) -> None:
    with unit_of_work(sessions) as session:
        service.create_user(session, email=" Ana@Example.com ", role=role, password=password)


def test_signs_in_by_password(sessions: Sessions) -> None:
    _create(sessions)
    with unit_of_work(sessions) as session:
        user = service.authenticate(session, "ANA@example.com", PASSWORD, now=NOW)
        assert user is not None
        assert user.email == "ana@example.com"
        assert user.password_hash is not None
        assert user.password_hash.startswith("$argon2id$")


@pytest.mark.parametrize(
    "email",
    ["", "ana", "a b@example.com", "a@b\r\nBcc: x@example.com", "x" * 70 + "@example.com", "a@ex..com"],
)
def test_refuses_what_is_no_address(sessions: Sessions, email: str) -> None:
    with sessions() as session, pytest.raises(InvalidInput):
        service.create_user(session, email=email, role="editor")


def test_refuses_short_passwords_unknown_roles_and_known_people(sessions: Sessions) -> None:
    _create(sessions)
    with sessions() as session:
        with pytest.raises(InvalidInput, match="at least 8"):
            service.create_user(session, email="b@example.com", role="editor", password="1234567")
        with pytest.raises(InvalidInput, match="no role"):
            service.create_user(session, email="b@example.com", role="owner")
        with pytest.raises(Conflict, match="already"):
            service.create_user(session, email="ana@example.com", role="editor")
        with pytest.raises(NotFound):
            service.find_user(session, "nobody@example.com")


def test_five_failures_shut_one_network_address_out_for_a_while(sessions: Sessions) -> None:
    _create(sessions)
    for _ in range(5):
        with unit_of_work(sessions) as session:
            assert service.authenticate(session, "ana@example.com", "wrong", ip="192.0.2.1", now=NOW) is None
    with sessions() as session:
        with pytest.raises(Forbidden, match="quarter"):
            service.authenticate(session, "ana@example.com", PASSWORD, ip="192.0.2.1", now=NOW)
        assert service.authenticate(session, "ana@example.com", PASSWORD, ip="192.0.2.2", now=NOW)
        later = NOW + timedelta(minutes=16)
        assert service.authenticate(session, "ana@example.com", PASSWORD, ip="192.0.2.1", now=later)


def test_hostile_words_at_the_door_are_only_wrong(sessions: Sessions) -> None:
    for word in ("\x00", "\ud800", "a" * 100_000, "' OR 1=1 --", "\r\n"):
        with unit_of_work(sessions) as session:
            assert service.authenticate(session, word, word, ip=word[:10], now=NOW) is None
    with sessions() as session:
        assert audit.verify(session) is None


def test_a_person_without_password_or_shut_out_cannot_sign_in(sessions: Sessions) -> None:
    _create(sessions, password=None)
    with unit_of_work(sessions) as session:
        assert service.authenticate(session, "ana@example.com", "", now=NOW) is None
        user = service.find_user(session, "ana@example.com")
        service.change_password(session, user, PASSWORD)
        service.disable_user(session, user, now=NOW)
        assert service.authenticate(session, "ana@example.com", PASSWORD, now=NOW) is None


def test_a_session_ends_by_age_idleness_and_sign_out(sessions: Sessions) -> None:
    _create(sessions)
    with unit_of_work(sessions) as session:
        user = service.find_user(session, "ana@example.com")
        token = service.open_session(session, user, user_agent="Browser\r\n", now=NOW)
        login = service.find_session(session, token, now=NOW)
        assert login is not None
        assert token not in (login.token_hash, login.user_agent)
        assert login.user.email == "ana@example.com"
        assert service.find_session(session, token, now=NOW + IDLE_TIMEOUT) is None
        late = NOW + ABSOLUTE_TIMEOUT - timedelta(hours=1)
        assert service.needs_touch(login, late)
        service.touch_session(session, login.id, now=late)
        assert service.find_session(session, token, now=late) is not None
        assert service.find_session(session, token, now=NOW + ABSOLUTE_TIMEOUT) is None
        service.close_session(session, token)
        assert service.find_session(session, token, now=late) is None
        assert service.find_session(session, "nonsense", now=late) is None


def test_a_new_password_ends_every_other_session(sessions: Sessions) -> None:
    _create(sessions)
    with unit_of_work(sessions) as session:
        user = service.find_user(session, "ana@example.com")
        mine, other = (service.open_session(session, user, now=NOW) for _ in range(2))
        link = service.create_sign_in_link(session, user, now=NOW)
        service.change_password(session, user, "another long one", keep_token=mine)
        assert service.find_session(session, mine, now=NOW) is not None
        assert service.find_session(session, other, now=NOW) is None
        with pytest.raises(Forbidden):
            service.use_sign_in_link(session, link, now=NOW)


def test_a_link_signs_in_once_within_half_an_hour(sessions: Sessions) -> None:
    _create(sessions)
    with unit_of_work(sessions) as session:
        user = service.find_user(session, "ana@example.com")
        token = service.create_sign_in_link(session, user, now=NOW)
        assert session.scalars(select(SignInLink.token_hash)).one() != token
        with pytest.raises(Forbidden, match="30 minutes"):
            service.use_sign_in_link(session, token, now=NOW + timedelta(minutes=30))
        assert service.use_sign_in_link(session, token, now=NOW) is user
        with pytest.raises(Forbidden):
            service.use_sign_in_link(session, token, now=NOW)


def test_somebody_always_stays_administrator(sessions: Sessions) -> None:
    with unit_of_work(sessions) as session:
        admin = service.ensure_admin(session, now=NOW)
        assert admin.email == FIRST_ADMIN
        assert service.ensure_admin(session, now=NOW) is admin
        with pytest.raises(Conflict, match="only administrator"):
            service.change_role(session, admin, "viewer")
        with pytest.raises(Conflict, match="only administrator"):
            service.disable_user(session, admin, now=NOW)
        assert service.has_role(admin, Role.EDITOR)
        service.create_user(session, email="b@example.com", role="admin")
        service.change_role(session, admin, "viewer")
        assert not service.has_role(admin, Role.EDITOR)


def test_upkeep_forgets_ended_sessions(sessions: Sessions) -> None:
    _create(sessions)
    with unit_of_work(sessions) as session:
        user = service.find_user(session, "ana@example.com")
        service.open_session(session, user, now=NOW)
        service.open_session(session, user, now=NOW + ABSOLUTE_TIMEOUT)
        service.create_sign_in_link(session, user, now=NOW)
        assert service.forget_old_logins(session, now=NOW + ABSOLUTE_TIMEOUT) == 2
        assert len(session.scalars(select(LoginSession)).all()) == 1


def _write_log(sessions: Sessions, count: int = 3) -> None:
    for number in range(count):
        with unit_of_work(sessions) as session:
            details = {"n": number, "at": NOW, "share": 0.1, "nested": [{"a": None}], "bad": "x\x00\ud800"}
            audit.record(session, actor="ana\r\n", action="issue.approve", object="letter/1", details=details)


def test_the_log_shows_a_change_and_a_removal(sessions: Sessions) -> None:
    _write_log(sessions)
    with sessions() as session:
        assert audit.verify(session) is None
        newest = audit.list_entries(session, action="issue.approve", limit=1)[0]
        assert (newest.actor, newest.details["n"]) == ("ana  ", 2)
    with unit_of_work(sessions) as session:
        session.execute(update(AuditEntry).where(AuditEntry.id == 2).values(actor="bob"))
    with sessions() as session:
        assert audit.verify(session) == 2
    with unit_of_work(sessions) as session:
        session.execute(delete(AuditEntry).where(AuditEntry.id == 2))
    with sessions() as session:
        assert audit.verify(session) == 3


def test_a_rollback_leaves_no_entry(sessions: Sessions) -> None:
    def fail() -> None:
        with unit_of_work(sessions) as session:
            audit.record(session, actor="ana", action="x")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with sessions() as session:
        assert audit.list_entries(session) == []


def test_writers_at_once_keep_the_chain(sessions: Sessions) -> None:
    threads = [threading.Thread(target=_write_log, args=(sessions, 5)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with sessions() as session:
        assert audit.verify(session) is None
        assert len(audit.list_entries(session)) == 30
