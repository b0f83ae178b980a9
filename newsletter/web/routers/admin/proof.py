"""The proof: the very mail that will be sent, seen in the ways readers see mail; and the checks."""

from __future__ import annotations

import html
from typing import Final

from fastapi import APIRouter, Request
from lxml import html as lxml_html
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from newsletter.delivery.rehearsing.copies import copy_of
from newsletter.errors import InvalidInput
from newsletter.web.deps import Reading, SignedInOnly, container, render
from newsletter.web.routers.admin.desk import find
from newsletter.web.security import MAIL_POLICY
from newsletter.web.views.desk import desk_view

router = APIRouter(prefix="/admin/issues/{issue_id}", include_in_schema=False, dependencies=[SignedInOnly])
MODES: Final = ("html", "text", "noimages", "dark", "plain")
_NO_PICTURES: Final = MAIL_POLICY.replace("img-src https: http: data:", "img-src 'none'")
#: What mail programs do that darken mails by themselves: turn lightness round, leave pictures. A browser that is dark
#: already shows the mail's own dark side.
_INVERTED: Final = (
    "<style>@media (prefers-color-scheme:light){html{filter:invert(1) hue-rotate(180deg);background:#fff}"
    "img{filter:invert(1) hue-rotate(180deg)}}</style>"
)


@router.get("/proof")
def proof(
    request: Request, issue_id: int, session: Reading, mode: str = "html", reader: str = ""
) -> Response:
    """Show the mail as that reader gets it; without a reader as a sample."""
    if mode not in MODES:
        raise InvalidInput(f"A proof is one of {', '.join(MODES)}.")
    parts = container(request)
    issue = find(session, issue_id)
    copy = copy_of(session, issue, parts.sending.room, reader.strip(), now=parts.clock.now())
    message, recipient = copy.message, copy.recipient
    if mode == "text":
        return _document(f"<pre>{html.escape(message.text_for(recipient))}</pre>", MAIL_POLICY)
    body = message.html_for(recipient)
    if mode == "plain":
        body = without_styles(body)
    if mode == "dark":
        body = body.replace("</head>", _INVERTED + "</head>", 1)
    return _document(body, _NO_PICTURES if mode == "noimages" else MAIL_POLICY)


def _document(body: str, policy: str) -> Response:
    return HTMLResponse(body, headers={"Content-Security-Policy": policy, "Cache-Control": "no-store"})


def without_styles(body: str) -> str:
    """Return the mail as programs show it that throw styles away."""
    tree = lxml_html.document_fromstring(body)
    for element in tree.xpath("//style"):
        element.getparent().remove(element)
    for element in tree.xpath("//*[@style or @bgcolor or @class]"):
        for name in ("style", "bgcolor", "class"):
            element.attrib.pop(name, None)
    return str(lxml_html.tostring(tree, encoding="unicode"))


@router.get("/source")
def source(request: Request, issue_id: int, session: Reading, reader: str = "") -> Response:
    """Show the whole message as it goes over the wire."""
    parts = container(request)
    issue = find(session, issue_id)
    copy = copy_of(session, issue, parts.sending.room, reader.strip(), now=parts.clock.now())
    return PlainTextResponse(copy.message.merge(copy.recipient))


@router.get("/checks")
def checks(request: Request, issue_id: int, session: Reading) -> Response:
    """Show every finding, what blocks first."""
    parts = container(request)
    issue = find(session, issue_id)
    view = desk_view(session, issue, search="", base_url=parts.settings.base_url, now=parts.clock.now())
    return render(request, "admin/checks.html", view=view)
