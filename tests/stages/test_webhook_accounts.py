"""Accounts at providers: what may be entered, and which address is good for whom."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy.orm import Session

from newsletter.db.session import Sessions
from newsletter.errors import Conflict, InvalidInput, NotFound
from newsletter.feedback.webhooks import accounts, sealed
from newsletter.sealing import Sealer
from tests.support import sns_messages as sns
from tests.support.ledger import NOW

SEALER = Sealer(b"a secret for tests, long enough")


@pytest.fixture
def session(sessions: Sessions) -> Iterator[Session]:
    """An empty database."""
    with sessions() as session:
        yield session


def test_accounts_are_checked(session: Session) -> None:
    def add(name: str, provider: str, **values: object) -> None:
        accounts.add_account(session, SEALER, name, provider, actor="admin", now=NOW, **values)  # type: ignore[arg-type]

    add("main", "postmark")
    with pytest.raises(Conflict):
        add("main", "postmark")
    session.rollback()
    for name, provider, values, error in (
        ("Main!", "postmark", {}, InvalidInput),
        ("a", "pigeon", {}, NotFound),
        ("a", "postmark", {"relay": "nowhere"}, NotFound),
        ("a", "postmark", {"signing": "x"}, InvalidInput),
        ("a", "sendgrid", {"signing": "no key"}, InvalidInput),
        ("a", "resend", {"signing": "whsec_!"}, InvalidInput),
        ("a", "amazon_ses", {"topics": ["http://example.com"]}, InvalidInput),
        ("a", "postmark", {"topics": [sns.TOPIC]}, InvalidInput),
        ("a", "mailgun", {"signing": "x" * 5000}, InvalidInput),
    ):
        with pytest.raises(error):
            add(name, provider, **values)


def test_a_path_is_only_good_for_its_provider(session: Session) -> None:
    row = accounts.add_account(session, SEALER, "main", "postmark", actor="admin", now=NOW)
    path = sealed.opened(SEALER, row).path
    assert accounts.account_at(session, "postmark", path) is row
    for provider, given in (
        ("mailgun", path),
        ("postmark", path[:-1]),
        ("postmark", path + "x"),
        ("postmark", ""),
        ("postmark", "../" + path),
    ):
        assert accounts.account_at(session, provider, given) is None
