"""A campaign through a real Postfix to readers of all kinds, and all that comes back: the stage, and what the servers did.

The reader's name says what becomes of mail: `dead7@…` is refused as unknown, `full7@…` as over quota, `cross7@…` is accepted and
reported as spam by a feedback loop that hides the address, everybody else gets it.
"""

from __future__ import annotations

import smtplib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from newsletter.adapters.catcher import Catcher, list_messages, read_message
from newsletter.audience.lists import find_list
from newsletter.audience.models import Subscriber, Subscription, Suppression
from newsletter.bootstrap import Container
from newsletter.db.session import unit_of_work
from newsletter.delivery.control.campaigns import start_campaign
from newsletter.delivery.models import Campaign, Delivery
from newsletter.feedback.models import FeedbackEntry, ReturnedMail
from newsletter.issues import service as issues
from newsletter.reporting.campaigns import campaign_report
from tests.postfix import Postfix, running_postfix
from tests.servers import free_pair, free_port, wait_for
from tests.support.filling import fill_letter, parts_of
from tests.support.installation import Installation, kill, stop

READERS = "example.org"
BOUNCES = "bounces.example.com"
LOOP = f"fbl@{BOUNCES}"
#: Of a hundred readers.
DEAD, FULL, CROSS = 10, 5, 2
_REFUSALS = {"dead": "550 5.1.1 No such mailbox here", "full": "552 5.2.2 Over quota"}


def people(count: int) -> Iterator[tuple[str, str]]:
    """Yield so many readers with their kinds mixed evenly."""
    kinds = ["dead"] * DEAD + ["full"] * FULL + ["cross"] * CROSS
    for number in range(count):
        place = number * 37 % 100
        kind = kinds[place] if place < len(kinds) else "reader"
        yield f"{kind}{number}@{READERS}", f"Reader {number}"


def kind_of(address: str) -> str:
    """Return what the reader's server does with mail for the address."""
    return address.partition("@")[0].rstrip("0123456789")


@dataclass
class MailExchanger:
    """The readers' mail server, and what it did: who was refused."""

    folder: Path
    port: int
    refused: Counter[str] = field(default_factory=Counter)

    def answer(self, address: str) -> str | None:
        """Refuse as the name says, and note it."""
        refusal = _REFUSALS.get(kind_of(address))
        if refusal is not None:
            self.refused[address] += 1
        return refusal

    def accepted(self) -> Counter[str]:
        """Return who was accepted, from the mail that lies there."""
        return Counter(mail.recipients[0] for mail in list_messages(self.folder, limit=100_000))


@dataclass(frozen=True)
class RoundTrip:
    """Everything that runs."""

    place: Installation
    parts: Container
    exchanger: MailExchanger
    postfix: Postfix
    receiver_port: int
    readers: int

    def start(self, *, has_brakes: bool) -> int:
        """Start the campaign."""
        with unit_of_work(self.parts.sessions) as session:
            issue, readers = issues.find_issue(session, "letter/1"), find_list(session, "readers")
            campaign = start_campaign(
                session,
                self.parts.queue,
                issue,
                [readers],
                actor="t",
                has_brakes=has_brakes,
                now=self.parts.clock.now(),
            )
            session.flush()
            return campaign.id

    def state(self, campaign_id: int) -> str:
        with self.parts.reading_sessions() as session:
            return session.get_one(Campaign, campaign_id).state

    def count(self, *states: str) -> int:
        """Count returned mails, all or those in some states."""
        statement = select(func.count()).select_from(ReturnedMail)
        if states:
            statement = statement.where(ReturnedMail.state.in_(states))
        with self.parts.reading_sessions() as session:
            return session.scalar(statement) or 0

    def complain(self) -> int:
        """Let the readers' provider report what its cross readers got; return how many reports went."""
        mails = list_messages(self.exchanger.folder, limit=100_000)
        cross = [each for each in mails if kind_of(each.recipients[0]) == "cross"]
        with smtplib.SMTP("127.0.0.1", self.postfix.port) as server:
            for mail in cross:
                server.sendmail(
                    "",
                    [LOOP],
                    redacted_report(read_message(self.exchanger.folder, mail.id), mail.recipients[0]),
                )
        return len(cross)

    def replay(self) -> int:
        """Send every mail that came back once more to where it came; return how many."""
        with self.parts.reading_sessions() as session:
            mails = session.execute(select(ReturnedMail.envelope_recipient, ReturnedMail.raw)).all()
        with smtplib.LMTP("127.0.0.1", self.receiver_port + 1) as server:
            for recipient, raw in mails:
                server.sendmail("", [recipient], raw)
        return len(mails)

    def snapshot(self, campaign_id: int) -> dict[str, Any]:
        """Return all that feedback changes, in an order of its own."""
        with self.parts.reading_sessions() as session:
            entries = session.execute(
                select(FeedbackEntry.key, FeedbackEntry.kind, FeedbackEntry.reason, FeedbackEntry.address_key)
            ).all()
            suppressions = session.execute(
                select(Suppression.address_key, Suppression.reason, Suppression.lifted_at)
            ).all()
            memberships = session.execute(
                select(Subscriber.email, Subscription.state).join(
                    Subscription, Subscription.subscriber_id == Subscriber.id
                )
            ).all()
            ledger = session.execute(select(Delivery.address, Delivery.state)).all()
            report = campaign_report(session, session.get_one(Campaign, campaign_id))
        numbers = {
            name: getattr(report, name)
            for name in ("sent", "failed", "hard_bounces", "soft_bounces", "complaints", "unsubscribes")
        }
        rows = {
            "entries": entries,
            "suppressions": suppressions,
            "memberships": memberships,
            "ledger": ledger,
        }
        return {name: sorted(map(tuple, found), key=repr) for name, found in rows.items()} | {
            "report": numbers
        }


def redacted_report(raw: bytes, address: str) -> bytes:
    """Return an ARF report (RFC 5965) about a mail, with the reader's address taken out as large providers do."""
    original = raw.replace(address.encode(), b"redacted@example.invalid")
    head = (
        "From: loop@provider.example.org\r\nTo: fbl@bounces.example.com\r\nSubject: FW: Number 1\r\n"
        'MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=feedback-report; boundary="=loop"\r\n\r\n'
        "--=loop\r\nContent-Type: text/plain\r\n\r\nThis is an email abuse report.\r\n"
        "--=loop\r\nContent-Type: message/feedback-report\r\n\r\n"
        "Feedback-Type: abuse\r\nUser-Agent: Loop/1.0\r\nVersion: 1\r\n\r\n"
        "--=loop\r\nContent-Type: message/rfc822\r\n\r\n"
    )
    return head.encode() + original + b"\r\n--=loop--\r\n"


@contextmanager
def round_trip(folder: Path, *, readers: int, database_url: str, broker_url: str) -> Iterator[RoundTrip]:
    """Set up an installation, a Postfix and the readers' mail server; workers and receiver are the caller's."""
    with ExitStack() as stack:
        exchanger = MailExchanger(folder / "mx", free_port())
        catcher = Catcher(exchanger.folder, port=exchanger.port, refuse=exchanger.answer, keep=100_000)
        catcher.start()
        stack.callback(catcher.stop)
        receiver_port = free_pair()
        transports = {
            READERS: f"smtp:[127.0.0.1]:{exchanger.port}",
            BOUNCES: f"lmtp:inet:127.0.0.1:{receiver_port + 1}",
        }
        postfix = stack.enter_context(running_postfix(transports, {}))
        place = Installation.at(
            folder,
            database_url=database_url,
            broker_url=broker_url,
            smtp_url=f"smtp://127.0.0.1:{postfix.port}",
            smtp_connections="5",
            bounce_domain=BOUNCES,
            receiver_port=str(receiver_port),
            receiver_addresses=LOOP,
        )
        parts = parts_of(place)
        stack.callback(parts.dispose)
        fill_letter(parts, people(readers), folder=folder)
        yield RoundTrip(place, parts, exchanger, postfix, receiver_port, readers)


@contextmanager
def working(trip: RoundTrip, *, killed_after: int = 0) -> Iterator[Callable[[], None]]:
    """Run beat, a worker and the receiver until the block ends.

    With `killed_after`, what is yielded kills worker and receiver once so many mails are applied, and starts others.
    """
    commands = (("worker", "--concurrency", "2"), ("receive",))
    with ExitStack() as stack:
        first = [trip.place.start(*command) for command in commands]
        for process in first:
            stack.callback(stop, process)
        stack.enter_context(trip.place.running("beat"))

        def crash() -> None:
            wait_for(lambda: trip.count("applied") >= killed_after, "the first bounces", 300)
            for process in first:
                kill(process)
            for command in commands:
                stack.enter_context(trip.place.running(*command))

        yield crash


def wait_for_all(trip: RoundTrip, mails: int, seconds: float = 120) -> None:
    """Wait until so many mails came back and each was applied."""
    wait_for(lambda: trip.count() >= mails, f"{mails} returned mails", seconds)
    wait_for(lambda: trip.count("new") == 0, "their applying", seconds)
