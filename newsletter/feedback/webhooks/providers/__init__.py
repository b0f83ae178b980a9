"""The providers whose webhooks are understood, by the name that stands in addresses: one file each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from newsletter.errors import NotFound
from newsletter.feedback.webhooks.provider import Provider
from newsletter.feedback.webhooks.providers.amazon_ses import AmazonSes
from newsletter.feedback.webhooks.providers.brevo import Brevo
from newsletter.feedback.webhooks.providers.mailersend import MailerSend
from newsletter.feedback.webhooks.providers.mailgun import Mailgun
from newsletter.feedback.webhooks.providers.mailjet import Mailjet
from newsletter.feedback.webhooks.providers.mailtrap import Mailtrap
from newsletter.feedback.webhooks.providers.mandrill import Mandrill
from newsletter.feedback.webhooks.providers.postal import Postal
from newsletter.feedback.webhooks.providers.postmark import Postmark
from newsletter.feedback.webhooks.providers.resend import Resend
from newsletter.feedback.webhooks.providers.sendgrid import SendGrid
from newsletter.feedback.webhooks.providers.sparkpost import SparkPost
from newsletter.feedback.webhooks.providers.unisender_go import UnisenderGo

_ALL: Final = (
    AmazonSes, Brevo, MailerSend, Mailgun, Mailjet, Mailtrap, Mandrill, Postal, Postmark, Resend, SendGrid, SparkPost,
    UnisenderGo,
)  # fmt: skip
PROVIDERS: Final[Mapping[str, Provider]] = MappingProxyType({each.name: each() for each in _ALL})


def provider_named(name: str) -> Provider:
    """Return a provider.

    :raises NotFound: when there is none of that name.
    """
    known = PROVIDERS.get(name.lower().replace("-", "_"))
    if known is None:
        raise NotFound(f"There is no provider {name[:40]!r}: use one of {', '.join(PROVIDERS)}.")
    return known
