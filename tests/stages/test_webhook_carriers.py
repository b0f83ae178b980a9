"""Headers by which a provider gives our token back: only where its account's relay may carry the mail, and outside the signature."""

from __future__ import annotations

from datetime import timedelta
from email import message_from_bytes

import pytest

from newsletter.bootstrap import Container
from newsletter.db.session import unit_of_work
from newsletter.delivery.models import Campaign
from newsletter.delivery.relays.service import add_relay
from newsletter.delivery.sending.claim import Claimed
from newsletter.delivery.sending.outgoing import campaign_mail
from newsletter.errors import InvalidInput
from newsletter.feedback.webhooks.accounts import add_account
from newsletter.feedback.webhooks.matching import delivery_named_in
from newsletter.feedback.webhooks.news import News
from newsletter.feedback.webhooks.providers import PROVIDERS
from newsletter.rendering.carriers import Carrier
from tests.stages.test_dkim_sending import make_sent
from tests.support.dkim_keys import verdicts
from tests.support.rooms import NOW

CARRIED = [each for each in PROVIDERS.values() if each.carrier]


def sent(parts: Container) -> bytes:
    """Return the message of the only delivery."""
    with parts.sessions() as session:
        mail = campaign_mail(parts.sending.room, session.get_one(Campaign, 1))
        return mail.prepare(Claimed(1, 1, "ada@example.com", "Ada", 0, NOW + timedelta(hours=1), NOW)).message


def add(parts: Container, provider: str, relay: str = "default") -> None:
    with unit_of_work(parts.sessions) as session:
        name = f"{provider.replace('_', '-')}-{relay}"
        add_account(session, parts.sealer, name, provider, relay=relay, actor="admin", now=NOW)


@pytest.mark.parametrize("provider", CARRIED, ids=lambda each: each.name)
def test_the_header_holds_a_token_that_is_found_again(container: Container, provider: object) -> None:
    signers = make_sent(container)
    plain = sent(container)
    add(container, provider.name)  # type: ignore[attr-defined]
    carried = sent(container)
    line, _, rest = carried.partition(b"\r\n")
    assert rest == plain
    assert len(line) < 200
    assert verdicts(carried, *signers) == [True, True]
    name, value = next(iter(message_from_bytes(carried).items()))
    assert name == provider.carrier.partition(":")[0]  # type: ignore[attr-defined]
    assert delivery_named_in(News("bounced", "", references=(value,)), container.keyring) == 1


def test_only_providers_on_the_way_get_their_header(container: Container) -> None:
    make_sent(container)
    with unit_of_work(container.sessions) as session:
        add_relay(session, container.sealer, "post", "smtps://mail.example.com", actor="admin")
        add_relay(
            session,
            container.sealer,
            "other",
            "smtps://mail.example.org",
            actor="admin",
            from_domains=["example.org"],
        )
    add(container, "postmark", "post")
    add(container, "sendgrid", "other")
    add(container, "brevo", "default")
    add(container, "amazon_ses", "post")
    names = [name for name, _ in message_from_bytes(sent(container)).items() if name.startswith("X-")]
    assert names == ["X-PM-Metadata-newsletter"]


def test_a_template_that_can_be_no_header_is_refused() -> None:
    for template in ("No colon", "X-A\r\nBcc: {token}", "X-A: {token}\r\nBcc: a@example.com", "X-Ä: {token}"):
        with pytest.raises(InvalidInput):
            Carrier.of(template)
