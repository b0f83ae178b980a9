"""What an adapter is: one class in one file of `providers/`, a table from the provider's words to ours."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Final

from newsletter.errors import InvalidInput
from newsletter.feedback.webhooks.news import News
from newsletter.feedback.webhooks.reading import parse_json
from newsletter.feedback.webhooks.request import Refused, WebhookRequest, check_count, check_size
from newsletter.feedback.webhooks.secrets import Secrets, check_basic

_NEITHER: Final = ("text/html", "text/xml", "application/xml", "image/", "audio/", "video/", "application/octet-stream",
                   "application/zip", "application/gzip")  # fmt: skip
_NOT_JSON: Final = (*_NEITHER, "application/x-www-form-urlencoded", "multipart/")


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A subscription that waits for a person; `link` is made here and empty when it cannot be."""

    topic: str
    link: str


class Provider(ABC):
    """One provider. `name` stands in addresses and tables, `label` on pages.

    `signing` says what the provider's own key is called on its pages; empty when it does not sign. `ping_methods` are
    requests without a body by which it tries whether the address is there. `carrier` makes it return our token
    when the message carries it; `{token}` is replaced.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    signing: ClassVar[str] = ""
    setup: ClassVar[str] = ""
    ping_methods: ClassVar[frozenset[str]] = frozenset()
    takes_forms: ClassVar[bool] = False
    carrier: ClassVar[str] = ""

    def is_ready(self, secrets: Secrets) -> bool:
        """Say whether there is enough to verify a request by."""
        return bool(secrets.basic or secrets.signing)

    def check_signature(self, request: WebhookRequest, secrets: Secrets, now: datetime | None) -> None:
        """Verify the provider's own signature; `now` None switches the replay window off.

        :raises Refused: when it does not fit.
        """

    def check_secret(self, secret: str) -> None:
        """Say whether a signing secret can be one at all, when a person enters it.

        :raises InvalidInput: when it cannot.
        """

    def check_topic(self, topic: str) -> None:
        """Say whether a topic can be one at all.

        :raises InvalidInput: when it cannot, or this provider has none.
        """
        raise InvalidInput(f"{self.label} has no topics.")

    def once(self, request: WebhookRequest) -> bytes:
        """Return what may come only once: the body, or what the provider means for it."""
        return request.body

    def confirmation(self, request: WebhookRequest) -> Confirmation | None:
        """Return what a person must confirm at the provider before it sends events; None for every other request."""
        return None

    def documents(self, request: WebhookRequest) -> list[Any]:
        """Return the single events of a request, as they came.

        :raises Refused: when it cannot be read.
        """
        return self.split(parse_json(request.body))

    @abstractmethod
    def split(self, document: Any) -> list[Any]:
        """Return the single events inside a whole JSON document.

        :raises Refused: when it is none of this provider's.
        """

    @abstractmethod
    def read(self, document: Any, request: WebhookRequest) -> Iterator[News]:
        """Yield what one event says; never raises, whatever is in it."""


def is_ping(provider: Provider, request: WebhookRequest) -> bool:
    """Say whether a request only asks if somebody is there: it is answered and changes nothing."""
    return request.method.upper() in provider.ping_methods and not request.body


def verify(provider: Provider, request: WebhookRequest, secrets: Secrets, now: datetime | None) -> None:
    """Verify a request on its raw body by every secret there is; without any it is refused (W1: fail closed).

    :raises Refused: with 503 while nothing is configured, 401 for the wrong secret.
    """
    if not provider.is_ready(secrets):
        raise Refused("No secret is set for this account yet: nothing can be verified.", 503)
    check_given(provider, request, secrets, now)


def check_given(provider: Provider, request: WebhookRequest, secrets: Secrets, now: datetime | None) -> None:
    """Verify a request by what there is.

    :raises Refused: when one of the checks fails.
    """
    check_form(provider, request)
    if secrets.basic:
        check_basic(request, secrets.basic)
    if secrets.signing or secrets.certificates is not None:
        provider.check_signature(request, secrets, now)


def check_form(provider: Provider, request: WebhookRequest) -> None:
    """Refuse what no provider sends: another method, too much, packed, or of another kind.

    :raises Refused: with 405, 413 or 415.
    """
    if request.method.upper() != "POST":
        raise Refused(f"{provider.label} sends its events by POST.", 405)
    check_size(request)
    if request.content_type.startswith(_NEITHER if provider.takes_forms else _NOT_JSON):
        raise Refused(f"This is not the kind of content that {provider.label} sends.", 415)


def read_all(provider: Provider, request: WebhookRequest) -> list[News]:
    """Return everything a verified request says.

    :raises Refused: when it cannot be read, or holds too many events.
    """
    documents = provider.documents(request)
    check_count(len(documents))
    return [news for document in documents for news in provider.read(document, request)]
