"""Relays: passwords stay sealed and go nowhere new, From domains choose, and a trial says what is there."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from newsletter.accounts.models import AuditEntry
from newsletter.adapters.catcher import Catcher, list_messages, read_message
from newsletter.bootstrap import Container
from newsletter.clock import SystemClock
from newsletter.db.session import Sessions, unit_of_work
from newsletter.delivery.dkim.service import activate_key, create_key
from newsletter.delivery.oneoff import send_relay_test
from newsletter.delivery.relays.overview import relay_views
from newsletter.delivery.relays.probe import probe
from newsletter.delivery.relays.routes import Routes
from newsletter.delivery.relays.service import add_relay, edit_relay, get_relay, relay_of, routes_for
from newsletter.delivery.smtp.target import SmtpTarget
from newsletter.errors import Conflict, InvalidInput
from newsletter.sealing import Sealer
from tests.servers import free_port
from tests.support.relay import Relay, running_relay
from tests.support.rooms import NOW, make_publication
from tests.support.tls_relay import self_signed_context

SEALER = Sealer(b"a secret for tests, long enough")
FALLBACK = SmtpTarget("fallback.example.com", 25)
SECURE = "smtp+starttls://me:open%20sesame@mail.example.com"


def add(sessions: Sessions, name: str, url: str = "smtp://127.0.0.1:2525", **values: Any) -> None:
    with unit_of_work(sessions) as session:
        add_relay(session, SEALER, name, url, actor="ada", **values)


def edit(sessions: Sessions, name: str, **values: Any) -> None:
    with unit_of_work(sessions) as session:
        edit_relay(session, SEALER, get_relay(session, name), actor="ada", **values)


def password(sessions: Sessions, name: str) -> str:
    with sessions() as session:
        return relay_of(SEALER, get_relay(session, name)).target.password


def names(sessions: Sessions, from_domain: str) -> list[str]:
    with sessions() as session:
        routes = routes_for(
            session, SEALER, from_domain, fallback=FALLBACK, monotonic=SystemClock().monotonic
        )
    return sorted(relay.name for relay in routes.relays)


def test_the_password_is_sealed_and_in_no_answer(sessions: Sessions) -> None:
    add(sessions, "post", SECURE)
    assert password(sessions, "post") == "open sesame"
    with sessions() as session:
        assert b"sesame" not in (get_relay(session, "post").sealed_password or b"")
        shown = repr(relay_views(session)) + repr([each.to_json() for each in relay_views(session)])
        told = json.dumps([entry.details for entry in session.scalars(select(AuditEntry))])
    assert "sesame" not in shown + told


def test_the_password_stays_for_the_same_host_and_user_only(sessions: Sessions) -> None:
    add(sessions, "post", SECURE)
    edit(sessions, "post", url="smtps://me@mail.example.com")
    assert password(sessions, "post") == "open sesame"
    with pytest.raises(InvalidInput, match="in the clear"):
        edit(sessions, "post", url="smtp://me@mail.example.com")
    edit(sessions, "post", url="smtps://me@mail.example.net")
    assert password(sessions, "post") == ""


def test_the_from_domain_chooses(sessions: Sessions) -> None:
    assert names(sessions, "example.com") == ["default"]
    add(sessions, "museum", from_domains=["Museum.example.com"])
    assert names(sessions, "example.com") == ["default"]
    add(sessions, "any")
    add(sessions, "off", is_enabled=False)
    assert names(sessions, "example.com") == ["any"]
    assert names(sessions, "museum.example.com") == ["museum"]
    assert names(sessions, "news.Museum.example.com") == ["museum"]
    assert names(sessions, "notmuseum.example.com") == ["any"]


def test_what_was_learnt_of_several_relays_outlives_a_sender(sessions: Sessions) -> None:
    add(sessions, "one")
    add(sessions, "two")
    clock = SystemClock()

    def routes() -> Routes:
        with sessions() as session:
            return routes_for(session, SEALER, "example.com", fallback=FALLBACK, monotonic=clock.monotonic)

    first = routes()
    one = next(relay for relay in first.relays if relay.name == "one")
    for _ in range(3):
        first.failed(one, "timeout")
    assert {routes().pick(), routes().pick()} == {next(r for r in first.relays if r.name == "two")}
    edit(sessions, "one", url="smtp://127.0.0.1:2526")
    assert not routes().is_resting(one)
    edit(sessions, "two", is_enabled=False)
    edit(sessions, "one", url="smtp://127.0.0.1:2525")
    assert not routes().is_resting(one)


def test_bounds_are_held(sessions: Sessions) -> None:
    add(sessions, "post", weight=0, connections=None, messages_per_connection=1)
    for wrong in ({"weight": 1001}, {"connections": 51}, {"messages_per_connection": 0}, {"weight": None},
                  {"from_domains": ["no domain"]}, {"color": "red"}):  # fmt: skip
        with pytest.raises(InvalidInput):
            edit(sessions, "post", **wrong)
    with pytest.raises(Conflict):
        add(sessions, "post")
    for name in ("", "default", "Post", "a" * 41, "-a", "a/b"):
        with pytest.raises(InvalidInput):
            add(sessions, name)


@contextmanager
def catching(folder: Path) -> Iterator[int]:
    port = free_port()
    catcher = Catcher(folder, port=port)
    catcher.start()
    try:
        yield port
    finally:
        catcher.stop()


def test_a_trial_says_what_the_relay_offers(tmp_path: Path) -> None:
    with catching(tmp_path) as port:
        found = probe(SmtpTarget("127.0.0.1", port))
    assert found.trouble == ""
    assert "SIZE" in found.extensions
    assert found.tls == ""
    assert not found.signed_in


def test_a_trial_says_what_is_wrong() -> None:
    assert "cannot be reached" in probe(SmtpTarget("127.0.0.1", free_port())).trouble
    with running_relay(Relay()) as relay:
        assert "no STARTTLS" in probe(SmtpTarget("127.0.0.1", relay.port, security="starttls")).trouble
    with running_relay(Relay(greeting="554 5.7.1 Go away")) as relay:
        assert "554 5.7.1 Go away" in probe(SmtpTarget("127.0.0.1", relay.port)).trouble


def test_a_certificate_that_nobody_signed_is_refused() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    context = self_signed_context()

    def serve() -> None:
        with listener, contextlib.suppress(OSError):  # the handshake is broken off, as it should be
            connection, _ = listener.accept()
            context.wrap_socket(connection, server_side=True).close()

    thread = threading.Thread(target=serve)
    thread.start()
    port = listener.getsockname()[1]
    found = probe(SmtpTarget("localhost", port, security="tls", username="me", password="secret"))
    thread.join(10)
    assert "certificate verify failed" in found.trouble
    assert found.extensions == ()


def test_the_test_mail_is_signed_as_campaigns_are(container: Container, tmp_path: Path) -> None:
    with catching(tmp_path / "caught") as port:
        with unit_of_work(container.sessions) as session:
            make_publication(session)
            url = f"smtp://127.0.0.1:{port}"
            row = add_relay(session, container.sealer, "post", url, actor="ada")
            key = create_key(session, container.sealer, "example.com", "ed25519", actor="ada", now=NOW)
            activate_key(session, key, actor="ada", now=NOW)
            send_relay_test(session, row, to="you@example.com", room=container.sending.room, now=NOW)
        [mail] = list_messages(tmp_path / "caught")
        message = read_message(tmp_path / "caught", mail.id)
    assert mail.recipients == ("you@example.com",)
    assert message.startswith(b"DKIM-Signature: v=1; a=ed25519-sha256;")
