"""A campaign's mail is signed; a reader's copy is that very mail, also after the key was rotated."""

from __future__ import annotations

from datetime import timedelta

from newsletter.bootstrap import Container
from newsletter.db.session import unit_of_work
from newsletter.delivery.dkim.choosing import signers_for
from newsletter.delivery.dkim.service import activate_key, create_key, rotate_key
from newsletter.delivery.models import Campaign, Delivery
from newsletter.delivery.rehearsing.copies import copy_of
from newsletter.delivery.sending.claim import Claimed
from newsletter.delivery.sending.outgoing import campaign_mail
from newsletter.delivery.states import DeliveryState
from newsletter.rendering.dkim import Signer
from tests.support.dkim_keys import verdicts
from tests.support.rooms import NOW, join, make_campaign, make_issue, make_list, make_publication

KINDS = ("rsa", "ed25519")


def make_sent(parts: Container) -> tuple[Signer, ...]:
    """Make two keys and a campaign of one delivery; return who signed it."""
    with unit_of_work(parts.sessions) as session:
        for kind in KINDS:
            key = create_key(session, parts.sealer, "example.com", kind, actor="ada", now=NOW)
            activate_key(session, key, actor="ada", now=NOW)
        publication = make_publication(session)
        to = make_list(session, publication, "letter", "Letter", "double")
        ada = join(session, to, "ada@example.com", "Ada Brandt")
        issue = make_issue(session, publication, 1, "First")
        begun = NOW + timedelta(hours=1)
        campaign = make_campaign(session, issue, to, [ada], results=[DeliveryState.SENT], begun=begun)
        session.get_one(Delivery, 1).date = begun
        assert campaign.id == 1
        return signers_for(session, parts.sealer, "example.com")


def sent(parts: Container) -> bytes:
    with parts.sessions() as session:
        mail = campaign_mail(parts.sending.room, session.get_one(Campaign, 1))
        assert mail.is_costly
        row = Claimed(1, 1, "ada@example.com", "Ada Brandt", 0, NOW + timedelta(hours=1), NOW)
        return mail.prepare(row).message


def copied(parts: Container) -> bytes:
    with parts.sessions() as session:
        campaign = session.get_one(Campaign, 1)
        copy = copy_of(session, campaign.issue, parts.sending.room, "ada@example.com", now=NOW)
        return copy.message.merge(copy.recipient)


def test_campaign_mail_verifies(container: Container) -> None:
    signers = make_sent(container)
    assert verdicts(sent(container), *signers) == [True, True]


def test_a_copy_is_the_sent_mail_also_after_a_rotation(container: Container) -> None:
    signers = make_sent(container)
    before = sent(container)
    assert copied(container) == before
    later = NOW + timedelta(days=1)
    with unit_of_work(container.sessions) as session:
        for kind in KINDS:
            key = rotate_key(session, container.sealer, "example.com", kind, actor="ada", now=later)
            activate_key(session, key, actor="ada", now=later)
    assert copied(container) == before
    with container.sessions() as session:
        signers += signers_for(session, container.sealer, "example.com")
    assert [each.selector for each in signers] == ["nl1", "nl2", "nl3", "nl4"]
    for message, selectors in ((before, (b"s=nl1;", b"s=nl2;")), (sent(container), (b"s=nl3;", b"s=nl4;"))):
        assert all(selector in message for selector in selectors)
        assert verdicts(message, *signers) == [True, True]


def test_without_a_key_nothing_is_signed(container: Container) -> None:
    make_sent(container)
    with unit_of_work(container.sessions) as session:
        campaign = session.get_one(Campaign, 1)
        mail = campaign_mail(container.sending.room, campaign, signed_at=NOW - timedelta(days=1))
    assert mail.message.signing is None
    assert not mail.is_costly
