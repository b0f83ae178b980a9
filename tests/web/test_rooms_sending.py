"""Relays and signing in the browser: added, changed, tried, removed; keys made, published and rotated."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from newsletter.accounts.models import AuditEntry
from newsletter.bootstrap import Container
from newsletter.db.session import unit_of_work
from newsletter.delivery.dkim.keys import signer_of
from newsletter.delivery.dkim.service import list_keys
from newsletter.rendering.dkim_record import record_name, record_value
from tests.servers import free_port
from tests.support.relay import Relay, running_relay
from tests.support.rooms import HOSTILE, make_publication
from tests.support.signed_in import Browser

ROOM = "/admin/sending"
SIGNING = f"{ROOM}/signing"
POST = {
    "name": "post", "url": "smtp+starttls://me@mail.example.com", "password": "open sesame", "weight": "2",
    "from_domains": "example.com, example.org", "messages": "500",
}  # fmt: skip


class Dns(dict[str, list[str]]):
    """A made-up DNS."""

    def texts(self, name: str) -> list[str] | None:
        return self.get(name, [])


@pytest.fixture
def dns(container: Container) -> Dns:
    """The DNS that this installation asks."""
    made = Dns()
    container.__dict__["txt_lookup"] = made
    return made


@pytest.fixture
def admin(container: Container) -> Browser:
    """An administrator of an installation with a publication."""
    with unit_of_work(container.sessions) as session:
        make_publication(session)
    return Browser(container, "admin")


def test_a_relay_is_added_changed_and_removed(admin: Browser, container: Container) -> None:
    assert "No relay is set." in admin.page(ROOM)
    page = admin.page(admin.send(f"{ROOM}/relays", **POST).headers["location"])
    assert "Added." in page
    assert "smtp+starttls://me@mail.example.com:587" in page
    assert "sesame" not in page
    changed = POST | {"password": "", "weight": "0", "connections": "3"}
    assert "Saved." in admin.page(admin.send(f"{ROOM}/relays/post", **changed).headers["location"])
    table = admin.page(ROOM)
    assert "off" in table
    assert "with a password" in table
    assert "example.com, example.org" in table
    admin.send(f"{ROOM}/relays/post", **changed, is_enabled="on")
    assert "stands by" in admin.page(ROOM)
    assert "Removed." in admin.page(admin.send(f"{ROOM}/relays/post/remove").headers["location"])
    assert admin.get(f"{ROOM}/relays/post").status_code == 404
    with container.reading_sessions() as session:
        actions = list(session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))
    assert actions == ["relay.add", "relay.edit", "relay.edit", "relay.remove"]


@pytest.mark.parametrize(
    "wrong",
    [{"name": HOSTILE}, {"name": "default"}, {"url": "https://mail.example.com"}, {"url": HOSTILE}, {"weight": "x"},
     {"weight": "99999"}, {"messages": "0"}, {"from_domains": HOSTILE}, {"url": "smtp://me@mail.example.com"}],
)  # fmt: skip
def test_what_is_no_relay_is_refused(admin: Browser, wrong: dict[str, str]) -> None:
    assert admin.send(f"{ROOM}/relays", **(POST | wrong)).status_code == 422
    assert "No relay is set." in admin.page(ROOM)


def test_a_relay_is_tried(admin: Browser) -> None:
    with running_relay(Relay()) as relay:
        admin.send(f"{ROOM}/relays", name="post", url=f"smtp://127.0.0.1:{relay.port}")
        page = admin.send(f"{ROOM}/relays/post/test").text
        assert "It works." in page
        assert "PIPELINING" in page
        assert relay.accepted == []
        assert "took a mail" in admin.send(f"{ROOM}/relays/post/test", to="you@example.com").text
        assert relay.accepted == ["you@example.com"]
        relay.at_dot = lambda _address: "554 5.7.1 Not from you"
        assert "554 5.7.1 Not from you" in admin.send(f"{ROOM}/relays/post/test", to="you@example.com").text
    admin.send(f"{ROOM}/relays", name="away", url=f"smtp://127.0.0.1:{free_port()}")
    assert "cannot be reached" in admin.send(f"{ROOM}/relays/away/test").text


def test_a_key_is_made_published_and_rotated(admin: Browser, container: Container, dns: Dns) -> None:
    assert "Nothing is signed here." in admin.page(SIGNING)
    page = admin.page(admin.send(SIGNING, domain="example.com", algorithm="ed25519").headers["location"])
    assert "waits for its record" in page
    with container.reading_sessions() as session:
        signer = signer_of(container.sealer, list_keys(session)[0])
    assert record_value(signer) in page
    assert "no record" in admin.page(admin.send(f"{SIGNING}/check").headers["location"])
    dns[record_name(signer)] = [record_value(signer)]
    checked = admin.page(admin.send(f"{SIGNING}/check").headers["location"])
    assert "the record is right" in checked
    assert "signs</span>" in checked
    assert "The next key is made." in admin.page(admin.send(f"{SIGNING}/1/rotate").headers["location"])
    assert admin.send(f"{SIGNING}/1/rotate").status_code == 409
    admin.send(f"{SIGNING}/2/activate")
    assert "leave its record in DNS" in admin.page(SIGNING)
    assert admin.send(f"{SIGNING}/2/activate").status_code == 409
    for number in (99, 10**30):
        assert admin.send(f"{SIGNING}/{number}/activate").status_code == 404


def test_what_is_no_domain_is_refused(admin: Browser) -> None:
    assert admin.send(SIGNING, domain=HOSTILE, algorithm="rsa").status_code == 422
    assert admin.send(SIGNING, domain="example.com", algorithm="dsa").status_code == 422
    assert admin.send(SIGNING, domain="example.com", algorithm="rsa").status_code == 303
    assert admin.send(SIGNING, domain="example.com", algorithm="rsa").status_code == 409
