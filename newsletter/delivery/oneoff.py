"""Single mails outside a campaign: test mails and confirmation mails, over the same relay."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.audience.addresses import normalise
from newsletter.audience.models import Subscription
from newsletter.delivery.outgoing import MailRoom
from newsletter.delivery.smtp.conversation import Envelope
from newsletter.delivery.smtp.single import deliver_one
from newsletter.delivery.smtp.target import SmtpTarget
from newsletter.delivery.smtp.trouble import ConnectionTrouble
from newsletter.errors import Unavailable
from newsletter.issues.models import Issue, Publication
from newsletter.issues.service import take_snapshot
from newsletter.rendering.notices import confirmation_mail
from newsletter.rendering.values import sample_recipient


def send_one(target: SmtpTarget, sender: str, recipient: str, message: bytes) -> None:
    """Hand one message to the relay.

    :raises Unavailable: when it was not taken, with the relay's words.
    """
    try:
        reply = asyncio.run(deliver_one(target, Envelope(sender, recipient, message)))
    except ConnectionTrouble as error:
        raise Unavailable(f"The relay did not take the mail to {recipient}: {error}") from None
    if reply.code != 250:
        raise Unavailable(f"The relay did not take the mail to {recipient}: {reply.line}")


def send_test(
    session: Session, issue: Issue, *, to: str, room: MailRoom, target: SmtpTarget, now: datetime
) -> None:
    """Send the issue as it is now to one address: the very bytes of a campaign, with a token that unsubscribes nobody.

    :raises InvalidInput: when the address is none.
    """
    address = normalise(to)
    snapshot = take_snapshot(session, issue)
    domain = snapshot.publication.from_address.rpartition("@")[2]
    stamp = uuid.uuid4().hex[:8]
    # Same subject and same day make mail programs fold tests together: the attempt is named.
    marked = replace(snapshot, subject=f"[TEST {now:%H:%M:%S}] {snapshot.subject}")
    reader = replace(
        sample_recipient(snapshot.publication.from_address), email=address.email, date=now,
        message_id=f"test-{stamp}@{domain}", return_path=f"bounces@{room.bounce_domain_of(snapshot)}",
    )  # fmt: skip
    send_one(target, reader.return_path, address.email, room.compiled(marked, None).merge(reader))


def send_confirmation(
    session: Session, subscription_id: int, *, room: MailRoom, target: SmtpTarget, now: datetime
) -> bool:
    """Send the double opt-in mail of a pending subscription once; return False when there was nothing to do."""
    row = session.get(Subscription, subscription_id, with_for_update=True)
    if (
        row is None
        or row.state != "pending"
        or row.confirmation_sent_at is not None
        or row.confirmation_requested_at is None
    ):
        return False
    publication = (
        session.get(Publication, row.list.publication_id)
        if row.list.publication_id
        else session.scalars(select(Publication)).first()
    )
    if publication is None:
        return False
    domain = publication.from_address.rpartition("@")[2]
    message = confirmation_mail(
        publication=publication.name,
        from_name=publication.from_name,
        from_address=publication.from_address,
        to=row.subscriber.email,
        url=f"{room.base_url}/confirm/{room.keyring.confirm.sign(row.id)}",
        message_id=f"confirm-{room.keyring.confirm.sign(row.id)}@{domain}",
        date=now,
    )
    row.confirmation_sent_at = now
    session.flush()
    send_one(target, f"bounces@{room.bounce_domain or domain}", row.subscriber.email, message)
    return True
