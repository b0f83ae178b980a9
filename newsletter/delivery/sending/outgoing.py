"""From a claimed row to bytes: the compiled message of the campaign's snapshot and the signed addresses of the row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from newsletter.delivery.dkim.choosing import signers_for
from newsletter.delivery.models import Campaign
from newsletter.delivery.sending.checks import Scope
from newsletter.delivery.sending.claim import Claimed
from newsletter.delivery.smtp.conversation import Envelope
from newsletter.issues.snapshot import IssueSnapshot
from newsletter.rendering.carriers import Carrier
from newsletter.rendering.message import CompiledMessage
from newsletter.rendering.pipeline import compiled_issue
from newsletter.rendering.tokens import Keyring
from newsletter.rendering.values import Recipient, RenderedIssue, Tracking
from newsletter.sealing import Sealer


def _none(_session: Session, _from_domain: str) -> tuple[Carrier, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class MailRoom:
    """The installation's part of every message."""

    keyring: Keyring
    sealer: Sealer
    base_url: str
    bounce_domain: str = ""
    #: Which installation this is: mail leaves only when the database says the same (see `delivery.instance`).
    instance: str = ""
    #: The headers that providers want who carry mail of a From domain.
    carriers_for: Callable[[Session, str], tuple[Carrier, ...]] = _none

    def bounce_domain_of(self, snapshot: IssueSnapshot) -> str:
        """Return the domain of the return path: the setting, else the from-address's."""
        return self.bounce_domain or snapshot.publication.from_domain

    def compiled(
        self, snapshot: IssueSnapshot, list_slug: str | None, rendition: RenderedIssue | None = None
    ) -> CompiledMessage:
        """Return the compiled message, kept per process; rendered now unless its rendition is given."""
        domain, links = self.bounce_domain_of(snapshot), self.keyring.links
        return compiled_issue(snapshot, self.base_url, list_slug, domain, rendition, links)

    def signed(
        self,
        session: Session,
        snapshot: IssueSnapshot,
        list_slug: str | None = None,
        *,
        rendition: RenderedIssue | None = None,
        at: datetime | None = None,
    ) -> CompiledMessage:
        """Return the compiled message with the DKIM keys of its From domain: those of now, or of another time."""
        domain = snapshot.publication.from_domain
        signers = signers_for(session, self.sealer, domain, at=at)
        message = self.compiled(snapshot, list_slug, rendition).signed_with(signers)
        return message.carrying(self.carriers_for(session, domain))

    def recipient(self, snapshot: IssueSnapshot, row: Claimed) -> Recipient:
        """Return the reader of a row."""
        domain = snapshot.publication.from_domain
        return Recipient(
            email=row.address,
            name=row.name,
            token=self.keyring.recipient.sign(row.id),
            return_path=f"b+{self.keyring.return_path.sign(row.id)}@{self.bounce_domain or domain}",
            message_id=f"{self.keyring.message_id.sign(row.id)}@{domain}",
            date=row.date,
            subscribed_at=row.subscribed_at,
            tracking=Tracking.of(snapshot.publication, row.counts_clicks, row.counts_opens),
        )


@dataclass(frozen=True, slots=True)
class CampaignMail:
    """Prepares the rows of one campaign. Pure computing."""

    room: MailRoom
    snapshot: IssueSnapshot
    message: CompiledMessage
    scope: Scope

    @property
    def is_costly(self) -> bool:
        """True when a message takes an RSA signature, so that preparing ahead of the lanes pays."""
        return self.message.signing is not None and self.message.signing.is_costly

    def prepare(self, row: Claimed) -> Envelope:
        """Return the message of a row, ready for the wire.

        :raises InvalidInput: for an address that cannot be written in a header.
        """
        recipient = self.room.recipient(self.snapshot, row)
        return Envelope(recipient.return_path, row.address, self.message.merge(recipient))


def campaign_mail(room: MailRoom, campaign: Campaign, *, signed_at: datetime | None = None) -> CampaignMail:
    """Return the mail of a campaign, from its frozen snapshot; signed with the keys of now, or of another time."""
    session = Session.object_session(campaign)
    if session is None:
        raise ValueError("a campaign that belongs to no session")
    snapshot = IssueSnapshot.from_document(campaign.snapshot.document)
    list_slug = campaign.lists[0].slug if len(campaign.lists) == 1 else None
    rendition = RenderedIssue.from_document(campaign.snapshot.rendition, room.base_url)
    message = room.signed(session, snapshot, list_slug, rendition=rendition, at=signed_at)
    scope = Scope(campaign.id, campaign.issue.publication_id, tuple(each.id for each in campaign.lists))
    return CampaignMail(room, snapshot, message, scope)
