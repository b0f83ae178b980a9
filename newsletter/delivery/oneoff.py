"""Single mails outside a campaign: test mails and confirmation mails, over the same relay."""

from __future__ import annotations

import asyncio
import time
import uuid
from dataclasses import replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.audience.addresses import normalise
from newsletter.audience.models import Subscription
from newsletter.delivery.dkim.choosing import signers_for
from newsletter.delivery.instance import is_home, must_be_home
from newsletter.delivery.relays.models import RelayRow
from newsletter.delivery.relays.routes import Routes
from newsletter.delivery.relays.service import is_named_for, relay_of, routes_for
from newsletter.delivery.sending.outgoing import MailRoom
from newsletter.delivery.smtp.conversation import Envelope
from newsletter.delivery.smtp.single import deliver_one
from newsletter.delivery.smtp.target import SmtpTarget
from newsletter.delivery.smtp.trouble import ConnectionTrouble
from newsletter.errors import InvalidInput, Unavailable
from newsletter.issues.models import Issue, Publication
from newsletter.issues.service import take_snapshot
from newsletter.rendering.dkim import sign_message
from newsletter.rendering.notices import confirmation_mail, notice_mail
from newsletter.rendering.values import sample_reader


class Unreachable(Unavailable):
    """The relay is at fault, not the message or its recipient."""


def send_one(target: SmtpTarget, sender: str, recipient: str, message: bytes) -> None:
    """Hand one message to the relay.

    :raises Unavailable: when it was not taken, with the relay's words.
    """
    try:
        reply = asyncio.run(deliver_one(target, Envelope(sender, recipient, message)))
    except ConnectionTrouble as error:
        raise Unreachable(f"The relay did not take the mail to {recipient}: {error}") from None
    if reply.code != 250:
        raise Unavailable(f"The relay did not take the mail to {recipient}: {reply.line}")


def _send_over(routes: Routes, sender: str, recipient: str, message: bytes) -> None:
    """Hand one message to the relay that a campaign would begin with. A broken connection is not tried elsewhere: the
    message may have been taken.
    """
    relay = routes.pick() or routes.relays[0]
    try:
        send_one(relay.target, sender, recipient, message)
    except Unreachable as error:
        routes.failed(relay, str(error))
        raise
    routes.worked(relay)


def send_test(
    session: Session, issue: Issue, *, to: str, room: MailRoom, target: SmtpTarget, now: datetime
) -> None:
    """Send the issue as it is now to one address: the very bytes of a campaign, with a token that unsubscribes nobody.

    :raises InvalidInput: when the address is none.
    :raises Conflict: when the database belongs to another installation.
    """
    must_be_home(session, room.instance)
    address = normalise(to)
    snapshot = take_snapshot(session, issue)
    domain = snapshot.publication.from_address.rpartition("@")[2]
    stamp = uuid.uuid4().hex[:8]
    # Same subject and same day make mail programs fold tests together: the attempt is named.
    marked = replace(snapshot, subject=f"[TEST {now:%H:%M:%S}] {snapshot.subject}")
    reader = replace(
        sample_reader(snapshot.publication), email=address.email, date=now,
        message_id=f"test-{stamp}@{domain}", return_path=f"bounces@{room.bounce_domain_of(snapshot)}",
    )  # fmt: skip
    message = room.signed(session, marked)
    routes = _routes(session, room, domain, target)
    _send_over(routes, reader.return_path, address.email, message.merge(reader))


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
        or not is_home(session, room.instance)
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
    signed = sign_message(message, signers_for(session, room.sealer, domain), now)
    routes = _routes(session, room, domain, target)
    _send_over(routes, f"bounces@{room.bounce_domain or domain}", row.subscriber.email, signed)
    return True


def send_relay_test(session: Session, row: RelayRow, *, to: str, room: MailRoom, now: datetime) -> None:
    """Send a short mail over one relay, signed as its campaigns are.

    :raises InvalidInput: when the address is none, or there is no publication to be the sender.
    """
    must_be_home(session, room.instance)
    address = normalise(to).email
    publication = _sender_over(session, row)
    domain = publication.from_address.rpartition("@")[2]
    message = notice_mail(
        from_name=publication.from_name, from_address=publication.from_address, to=address,
        subject=f"Test of the relay {row.name}", text=f"The relay {row.name} ({row.host}) took this mail.\n",
        message_id=f"relay-{uuid.uuid4().hex}@{domain}", date=now,
    )  # fmt: skip
    signed = sign_message(message, signers_for(session, room.sealer, domain), now)
    target = relay_of(room.sealer, row).target
    send_one(target, f"bounces@{room.bounce_domain or domain}", address, signed)


def _sender_over(session: Session, row: RelayRow) -> Publication:
    publications = list(session.scalars(select(Publication).order_by(Publication.id)))
    fitting = [each for each in publications if is_named_for(row, each.from_address.rpartition("@")[2])]
    if not publications:
        raise InvalidInput("There is no publication yet whose From address could be used.")
    return (fitting or publications)[0]


def _routes(session: Session, room: MailRoom, from_domain: str, fallback: SmtpTarget) -> Routes:
    return routes_for(session, room.sealer, from_domain, fallback=fallback, monotonic=time.monotonic)
