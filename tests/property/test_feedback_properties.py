"""Whatever comes back: the classifier answers, in time; and what was applied once changes nothing again, in any order."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from newsletter.audience.models import Subscription, Suppression
from newsletter.feedback.classify import Kind, classify
from newsletter.feedback.models import FeedbackEntry, ReturnedMail
from newsletter.feedback.service import apply_returned_mail, store_returned_mail
from newsletter.rendering.tokens import Keyring
from newsletter.schema import metadata
from tests.support.ledger import NOW, sent_to
from tests.support.returned_cases import every_case
from tests.support.returned_mail import complaint, delivery_report, plain_mail

KEYRING = Keyring(b"a secret for tests, long enough")
ADA = "ada@example.com"
HARD = delivery_report(ADA, "5.1.1", "smtp; 550 5.1.1 User unknown")
SAMPLES = (
    HARD,
    complaint(ADA),
    plain_mail("MAILER-DAEMON@mx.example.org", "failure notice", f"<{ADA}>:\n550 No such user"),
)
DAEMON = b"From: MAILER-DAEMON@mx.example.org\nSubject: Undelivered mail\n"


@given(st.binary(max_size=2000))
def test_any_bytes_are_answered(raw: bytes) -> None:
    assert classify(raw).kind in Kind


@given(
    st.sampled_from(SAMPLES),
    st.lists(st.tuples(st.integers(0, 1500), st.integers(0, 60), st.binary(max_size=40)), max_size=6),
)
def test_damaged_mail_is_answered(raw: bytes, cuts: list[tuple[int, int, bytes]]) -> None:
    for start, length, put in cuts:
        raw = raw[:start] + put + raw[start + length :]
    found = classify(raw)
    assert found.kind in Kind
    assert all("@" in each and "\n" not in each for each in found.recipients)


def folded_oddly(raw: bytes) -> bytes:
    """Fold the header after each `;`, with a line of white space in between."""
    head, blank, body = raw.partition(b"\n\n")
    return head.replace(b"; ", b";\n \n\t") + blank + body


def with_8_bit_headers(raw: bytes) -> bytes:
    return b"X-Caf\xe9: \xff\xfe\nComments: \xe4\xf6\xfc \x80\n" + raw


DISGUISES: dict[str, Callable[[bytes], bytes]] = {
    "CRLF": lambda raw: raw.replace(b"\n", b"\r\n"),
    "CR": lambda raw: raw.replace(b"\n", b"\r"),
    "CR CR LF": lambda raw: raw.replace(b"\n", b"\r\r\n"),
    "NUL": lambda raw: raw.replace(b" ", b" \0", 5),
    "folds": folded_oddly,
    "8 bit": with_8_bit_headers,
    "an envelope line": lambda raw: b"From mailer-daemon Mon Mar  2 08:00:00 2026\n" + raw,
}


@pytest.mark.parametrize("disguise", DISGUISES)
def test_a_disguise_makes_no_difference(disguise: str) -> None:
    changed = []
    for case in every_case():
        plain, disguised = classify(case.raw), classify(DISGUISES[disguise](case.raw))
        if (plain.kind, plain.recipients, plain.status) != (
            disguised.kind,
            disguised.recipients,
            disguised.status,
        ):
            changed.append(case.name)
    assert changed == []


def test_cut_off_mail_condemns_nobody_who_is_not_dead() -> None:
    """A mail that ends early may lose its news, but ordinary mail, answers and passing failures never become hard."""
    for case in every_case():
        if "hard" in case.kinds:
            continue
        for tenth in range(1, 10):
            found = classify(case.raw[: len(case.raw) * tenth // 10])
            assert found.kind is not Kind.HARD, (case.name, tenth)


def test_a_mail_inside_many_others_is_answered_and_is_not_theirs() -> None:
    for case in every_case():
        raw = case.raw
        for depth in range(12):
            head = (
                b"From: ada@example.org\nSubject: Look\nContent-Type: multipart/mixed; boundary=d%d\n\n"
                % depth
            )
            raw = head + b"--d%d\nContent-Type: message/rfc822\n\n" % depth + raw + b"\n--d%d--\n" % depth
        assert classify(raw).kind in (Kind.NONE, Kind.AUTOREPLY)


LONG_GROUP = b"Final-Recipient: rfc822; a%d@example.com\nAction: failed\nDiagnostic-Code: smtp; 550 %s\n"
HOSTILE = {
    "deep": DAEMON
    + b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(9000)),
    "many parts": DAEMON + b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 140_000,
    "messages in messages": DAEMON + b"Content-Type: message/rfc822\n\n" * 20_000,
    "no line ends": DAEMON + b"\n" + b"a" * 900_000,
    "ats": DAEMON + b"\n" + b"a@" * 400_000,
    "addresses": DAEMON + b"\n" + b"x@example.com, " * 60_000,
    "headers": b"X: y\n" * 180_000,
    "folds": b"X: y\n" + b" z\n" * 300_000,
    "tags": DAEMON + b"Content-Type: text/html\n\n" + b"<style" * 150_000,
    "angles": DAEMON + b"Content-Type: text/html\n\n" + b"<" * 900_000,
    "groups": DAEMON + b"\n" + b"Final-Recipient: rfc822; a@example.com\nAction: failed\n" * 18_000,
    "phrases": DAEMON + b"\n" + b"user mailbox account address " * 30_000,
    "encoded words": b"Subject: " + b"=?utf-8?q?a?= " * 60_000 + b"\n\nx",
    "white space": DAEMON + b"\n" + b" \n" * 450_000,
    "lines of addresses": DAEMON + b"\n" + b"".join(b"q%d@example.com zz\n" % n for n in range(9000)),
    "long diagnostics": DAEMON
    + b"\n"
    + b"".join(LONG_GROUP % (n, b"user mailbox account " * 180) for n in range(60)),
    "25 MB": DAEMON + b"\n" + b"x@example.com user unknown\n" * 950_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_mail_takes_no_more_time(name: str) -> None:
    started = time.process_time()
    found = classify(HOSTILE[name])
    assert time.process_time() - started < 0.5
    assert len(found.recipients) <= 50


MAILS = (
    (HARD, "b", 1),
    (delivery_report(ADA, "5.1.1", "smtp; 550 5.1.1 User unknown, once more"), "b", 1),
    (delivery_report(ADA, "5.2.2", "smtp; 552 5.2.2 Mailbox full"), "b", 1),
    (delivery_report("bob@example.com", "5.2.2", "smtp; 552 5.2.2 Mailbox full"), "b", 2),
    (delivery_report("bob@example.com", "4.4.1", "smtp; timed out", action="delayed"), "b", 2),
    (complaint("bob@example.com"), "b", 2),
    (plain_mail("Cleo <cleo@example.com>", "unsubscribe", ""), "u", 3),
    (plain_mail("Cleo <cleo@example.com>", "Automatic reply: Hello", "Away."), "b", 3),
    (plain_mail("Cleo <cleo@example.com>", "Thank you", "Lovely."), "b", 3),
    (HARD, "forged", 1),
)


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 10_000), st.integers(1, 3))
def test_order_and_repetition_change_nothing(seed: int, times: int) -> None:
    order = list(range(len(MAILS))) * times
    random.Random(seed).shuffle(order)
    assert outcome(order) == outcome(list(range(len(MAILS))))


def outcome(order: list[int]) -> tuple[object, ...]:
    """Take mails in, in that order, and return everything that they changed."""
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    with Session(engine) as session:
        sent_to(session, ADA, "bob@example.com", "cleo@example.com")
        for number in order:
            take_in(session, *MAILS[number])
        entries = session.execute(select(FeedbackEntry.key, FeedbackEntry.word, FeedbackEntry.kind)).all()
        stopped = session.execute(select(Suppression.address_key, Suppression.lifted_at)).all()
        members = session.execute(select(Subscription.subscriber_id, Subscription.state)).all()
    engine.dispose()
    return sorted(entries), sorted(stopped), sorted(members)


def take_in(session: Session, raw: bytes, use: str, delivery_id: int) -> None:
    """Store and apply one mail, then apply it again."""
    signer = {"b": KEYRING.return_path, "u": KEYRING.recipient}.get(
        use, Keyring(b"somebody else's secret").return_path
    )
    recipient = f"{'u' if use == 'u' else 'b'}+{signer.sign(delivery_id)}@bounces.example.com"
    stored: ReturnedMail | None = store_returned_mail(session, raw, recipient=recipient, sender="", now=NOW)
    if stored is not None:
        for _ in range(2):
            apply_returned_mail(session, stored.id, keyring=KEYRING, now=NOW)
        session.flush()
