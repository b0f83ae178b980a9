"""DKIM: every signature verifies with dkimpy, and no signed field and no byte of the body can be changed unseen."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.rendering.dkim import fields_of, relaxed_body, sign_message
from newsletter.rendering.dkim_record import is_record_of, record_value, zone_line
from newsletter.rendering.notices import confirmation_mail
from tests.support.dkim_keys import ed25519_signer, rsa_signer, verdicts
from tests.support.messages import compiled, header_names, recipient
from tests.support.snapshots import item, snapshot

BOTH = (rsa_signer(), ed25519_signer())
WANTED = [
    "From", "To", "Subject", "Date", "Message-ID", "Reply-To", "MIME-Version", "Content-Type", "List-Unsubscribe",
    "List-Unsubscribe-Post", "List-Id", "Feedback-ID",
]  # fmt: skip


def signed() -> bytes:
    return compiled(snapshot()).signed_with(BOTH).merge(recipient())


def test_both_signatures_verify_the_first_is_rsa() -> None:
    message = signed()
    assert header_names(message)[:3] == ["DKIM-Signature", "DKIM-Signature", "From"]
    assert re.findall(rb"a=([a-z0-9-]+);", message)[:2] == [b"rsa-sha256", b"ed25519-sha256"]
    assert verdicts(message, *BOTH) == [True, True]


def test_a_signature_names_what_it_must_and_no_end() -> None:
    head = signed().partition(b"\r\n\r\n")[0].replace(b"\r\n ", b"").decode()
    for line in head.splitlines()[:2]:
        names = re.search(r"h=([^;]+);", line)
        assert names is not None
        assert set(WANTED) <= set(names[1].split(":"))
        assert names[1].split(":").count("From") == 2
        assert "l=" not in line.partition("bh=")[0]
        assert "x=" not in line
        assert f"t={int(datetime(2026, 11, 25, 9, tzinfo=UTC).timestamp())};" in line


def test_the_same_delivery_gives_the_same_bytes() -> None:
    assert signed() == signed()


@pytest.mark.parametrize("name", WANTED)
def test_a_changed_field_is_seen(name: str) -> None:
    start = b"\r\n" + name.encode() + b": "
    head, line, rest = signed().partition(start)
    assert line
    assert verdicts(head + line + b"x" + rest, *BOTH) == [False, False]


@pytest.mark.parametrize("name", ["From", "To", "Subject", "List-Unsubscribe", "List-Unsubscribe-Post"])
def test_a_second_one_cannot_be_added(name: str) -> None:
    head, _, body = signed().partition(b"\r\n\r\n")
    for forged in (
        head + b"\r\n" + name.encode() + b": <mallory@example.net>",
        head.replace(b"\r\nFrom:", b"\r\n" + name.encode() + b": <mallory@example.net>\r\nFrom:"),
    ):
        assert verdicts(forged + b"\r\n\r\n" + body, *BOTH) == [False, False]


def test_a_changed_body_is_seen() -> None:
    message = signed()
    assert verdicts(message.replace(b"winter", b"summer"), *BOTH) == [False, False]
    assert verdicts(message + b"more\r\n", *BOTH) == [False, False]


def test_what_relays_may_do_to_white_space_changes_nothing() -> None:
    message = signed()
    spaced = message.replace(b"\r\nSubject: ", b"\r\nSUBJECT:   ") + b"\r\n\r\n"
    assert verdicts(spaced, *BOTH) == [True, True]


NAMES = st.one_of(
    st.text(max_size=60), st.text(alphabet="  \t.=aé\u2003", max_size=80), st.just("Ada  B\t C ")
)


@settings(max_examples=60, deadline=None)
@given(name=NAMES, excerpt=NAMES, subject=NAMES)
def test_whatever_people_write_verifies_and_is_canonical(name: str, excerpt: str, subject: str) -> None:
    message = compiled(
        snapshot(item(excerpt=excerpt, title=excerpt or "x"), subject=subject + "{{first_name}}")
    )
    raw = message.signed_with((ed25519_signer(),)).merge(recipient(name=name))
    assert verdicts(raw, ed25519_signer()) == [True]
    body = raw.partition(b"\r\n\r\n")[2]
    assert relaxed_body(body) == body


def test_a_single_mail_is_signed_too() -> None:
    at = datetime(2026, 11, 25, 9, tzinfo=UTC)
    mail = confirmation_mail(
        publication="The  Letter ", from_name="Letter", from_address="letter@example.com", to="ada@example.com",
        url="https://letters.example.org/confirm/x", message_id="c@example.com", date=at,
    )  # fmt: skip
    message = sign_message(mail + b"\r\n \t\r\n\r\n", BOTH, at)
    assert verdicts(message, *BOTH) == [True, True]
    assert "Auto-Submitted" in fields_of(mail)
    assert sign_message(mail, (), at) == mail


def test_the_record_is_cut_into_strings_and_known_again() -> None:
    line = zone_line(rsa_signer())
    strings = re.findall(r'"([^"]*)"', line)
    assert "".join(strings) == record_value(rsa_signer())
    assert max(map(len, strings)) == 255
    assert is_record_of(rsa_signer(), record_value(rsa_signer()).replace("; ", " ;").replace("MII", "MI I"))
    assert not is_record_of(rsa_signer(), record_value(ed25519_signer()))
    assert not is_record_of(rsa_signer(), "v=spf1 -all")
