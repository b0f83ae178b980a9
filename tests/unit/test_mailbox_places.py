"""Where a mailbox is, and what may not be."""

from __future__ import annotations

import pytest

from newsletter.errors import ConfigurationError
from newsletter.feedback.mailboxes.place import MailboxPlace, parse_place


@pytest.mark.parametrize(
    ("url", "place"),
    [
        (
            "imaps://bounces%40example.com:a%2Fb@mail.example.com/Returned%20mail",
            MailboxPlace(
                "imap", "tls", "mail.example.com", 993, "bounces@example.com", "Returned mail", password="a/b"
            ),
        ),
        ("imap://me@127.0.0.1:1143", MailboxPlace("imap", "none", "127.0.0.1", 1143, "me", "INBOX")),
        (
            "pop3+starttls://me@mail.example.com",
            MailboxPlace("pop3", "starttls", "mail.example.com", 110, "me", "INBOX"),
        ),
        ("maildir:///var/mail/back", MailboxPlace("maildir", "none", "", 0, "", "/var/mail/back")),
    ],
)
def test_a_url_names_a_mailbox(url: str, place: MailboxPlace) -> None:
    assert parse_place(url) == place


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("imap://me@mail.example.com", "readable"),
        ("pop3://me@192.0.2.7", "readable"),
        ("imaps://mail.example.com", "host and a user"),
        ("imaps://me@", "host and a user"),
        ("imaps://me@host:99999", "looks like"),
        ("https://me@mail.example.com", "looks like"),
        ("maildir://relative/path", "whole path"),
        ("", "looks like"),
    ],
)
def test_what_is_no_mailbox_is_refused_in_words(url: str, what: str) -> None:
    with pytest.raises(ConfigurationError, match=what):
        parse_place(url)


def test_pop3_can_mark_nothing() -> None:
    with pytest.raises(ConfigurationError, match="POP3"):
        parse_place("pop3s://me@mail.example.com", after="keep")


def test_the_password_given_apart_wins_and_never_shows() -> None:
    place = parse_place("imaps://me:old@mail.example.com", password="a secret word")
    assert place.password == "a secret word"
    assert "secret" not in f"{place} {place!r}"
