"""Whose link this is: from the token in a mail to the person, and to the lists that mail was for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Final

from fastapi import Depends, Request
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.responses import Response

from newsletter.audience.addresses import masked
from newsletter.audience.consent import Evidence
from newsletter.audience.models import MailingList, Subscriber
from newsletter.bootstrap import Container
from newsletter.delivery.models import Campaign, CampaignList, Delivery
from newsletter.issues.models import Issue, Publication
from newsletter.web.deps import render

SAMPLE: Final = "sample"
_MOST_BODY: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Reader:
    """The person a token stands for. Without a campaign it came from a link sent on request."""

    person: Subscriber
    publication: Publication | None = None
    campaign_id: int | None = None
    lists: list[MailingList] = field(default_factory=list)

    @property
    def address(self) -> str:
        """The address, masked: the mail may have been passed on."""
        return masked(self.person.email)

    @property
    def list_ids(self) -> list[int]:
        """The lists that the mail was for."""
        return [each.id for each in self.lists]


def find_reader(session: Session, parts: Container, token: str) -> Reader | None:
    """Return who holds this link; None for a token that we did not sign or a person who is gone."""
    delivery_id = parts.keyring.recipient.verify(token)
    if delivery_id is not None:
        return _of_delivery(session, delivery_id)
    subscriber_id = parts.keyring.preferences.verify(token)
    person = session.get(Subscriber, subscriber_id) if subscriber_id is not None else None
    return Reader(person) if person is not None else None


def _of_delivery(session: Session, delivery_id: int) -> Reader | None:
    delivery = session.get(Delivery, delivery_id)
    person = session.get(Subscriber, delivery.subscriber_id) if delivery is not None else None
    if delivery is None or person is None:
        return None
    query = select(Publication).join(Issue).join(Campaign, Campaign.issue_id == Issue.id)
    publication = session.scalar(query.where(Campaign.id == delivery.campaign_id))
    return Reader(
        person, publication, delivery.campaign_id, _lists(session, delivery.campaign_id, publication)
    )


def _lists(session: Session, campaign_id: int, publication: Publication | None) -> list[MailingList]:
    """The campaign's lists, or all of its publication's when those are gone."""
    query = select(MailingList).join(CampaignList).where(CampaignList.campaign_id == campaign_id)
    found = list(session.scalars(query.order_by(MailingList.name)))
    if found or publication is None:
        return found
    return publication_lists(session, publication)


def publication_lists(session: Session, publication: Publication) -> list[MailingList]:
    """Return every list of a publication."""
    query = select(MailingList).where(MailingList.publication_id == publication.id)
    return list(session.scalars(query.order_by(MailingList.name)))


def evidence(request: Request, source: str, wording: str = "") -> Evidence:
    """Return where a form came from."""
    ip = request.client.host if request.client else ""
    return Evidence(source, wording=wording, ip=ip, user_agent=request.headers.get("user-agent", ""))


async def _posted(request: Request) -> FormData:
    """Read a small form in either encoding; whatever cannot be read is an empty form (M11)."""
    length = request.headers.get("content-length", "0")
    if not length.isdigit() or int(length) > _MOST_BODY:
        raise HTTPException(413, "This form is too large.")
    try:
        return await request.form(max_files=0, max_fields=100, max_part_size=_MOST_BODY)
    except HTTPException:
        return FormData()


Posted = Annotated[FormData, Depends(_posted)]


def text(form: FormData, name: str, most: int = 2000) -> str:
    """Return one field of a form as text, never longer than `most`."""
    value = form.get(name, "")
    return value[:most] if isinstance(value, str) else ""


def page(request: Request, template: str, status: int = 200, **context: Any) -> Response:
    """Render a page that belongs to one link: kept by no cache, told to no other site."""
    response: Response = render(request, f"public/{template}.html", status=status, **context)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def unknown(request: Request, message: str = "", *, status: int = 404) -> Response:
    """Say kindly that a link is not known, with a way on."""
    return page(request, "unknown_link", status, message=message)
