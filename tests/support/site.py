"""A running web app with something in it: two publications (one right-to-left), issues, a list, people."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from newsletter.bootstrap import Container
from newsletter.db.session import unit_of_work
from newsletter.delivery.dkim.service import create_key
from newsletter.delivery.relays.service import add_relay
from newsletter.feedback.service import store_returned_mail
from newsletter.issues import service as issues
from tests.servers import free_port, listens, wait_for
from tests.support.filling import fill_letter, parts_of, start_letter
from tests.support.installation import Installation
from tests.support.returned_mail import delivery_report
from tests.support.sink import Sink, running_sink

PEOPLE = 40


@dataclass(frozen=True)
class Site:
    """The app's address, its installation, and the sink that takes its mail."""

    url: str
    place: Installation
    sink: Sink

    def sign_in_link(self, email: str, role: str = "admin") -> str:
        """Make a user and return the address that signs them in once."""
        told = self.place.run("user", "create", email, "--role", role).stdout
        found = re.search(r"https?://\S+/sign-in/\S+", told)
        assert found is not None, told
        return found[0]


@contextmanager
def running_site(folder: Path) -> Iterator[Site]:
    """Serve a filled installation until the block ends."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with running_sink(folder) as sink:
        place = Installation.at(
            folder,
            base_url=url,
            web_port=str(port),
            smtp_url=f"smtp://127.0.0.1:{sink.port}",
            receiver_port=str(free_port()),
        )
        fill(place)
        with place.running("up", "--port", str(port)):
            wait_for(lambda: listens(port), "the web app's start", 90)
            wait_for(lambda: sink.count() == PEOPLE, "the first issue's sending", 90)
            yield Site(url, place, sink)


def fill(place: Installation) -> None:
    """Make what the tests look at: an issue on its way, a draft, a waiting post, and a publication in Persian."""
    parts = parts_of(place)
    people = ((f"reader{number}@example.com", f"Zoë Reader {number}") for number in range(PEOPLE))
    fill_letter(parts, people, folder=place.folder, items=3)
    start_letter(parts)
    with unit_of_work(parts.sessions) as session:
        letter = issues.get_publication(session, "letter")
        issues.create_issue(session, letter, unsent=True, limit=2)
        persian = issues.create_publication(
            session,
            slug="khabar",
            name="خبرنامهٔ رصدخانه",
            sender="خبرنامه <khabar@example.com>",
            postal_address="تهران",
            language="fa",
        )
        issues.create_issue(session, persian)
        _prepare_sending(parts, session)
        _bring_back(session, parts)
    parts.dispose()


def _bring_back(session: Session, parts: Container) -> None:
    """Take in a mail that nobody understands: its token is a stranger's."""
    report = delivery_report("reader1@example.com", "5.1.1", "smtp; 550 5.1.1 User unknown")
    store_returned_mail(
        session, report, recipient=f"b+{'a' * 39}@bounces.example.com", came_by="lmtp", now=parts.clock.now()
    )


def _prepare_sending(parts: Container, session: Session) -> None:
    """Make a relay for a domain that nothing is sent from, and keys that wait for their records."""
    url = "smtp+starttls://letter@mail.example.com"
    add_relay(session, parts.sealer, "post", url, actor="t", from_domains=["museum.example.org"])
    for algorithm in ("rsa", "ed25519"):
        create_key(session, parts.sealer, "example.com", algorithm, actor="t", now=parts.clock.now())
