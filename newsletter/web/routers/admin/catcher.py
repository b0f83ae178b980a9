"""The mail catcher's room: every caught message rendered, as text, as source, and its headers explained."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from newsletter.adapters.catcher import CaughtMail, list_messages, read_message
from newsletter.errors import NotFound
from newsletter.web.deps import SignedInOnly, container, render
from newsletter.web.security import MAIL_POLICY
from newsletter.web.views.mail_parts import take_apart

router = APIRouter(include_in_schema=False, dependencies=[SignedInOnly])
PER_PAGE: Final = 40
_PARTS: Final = ("rendered", "text", "source", "headers")
_MOST_SOURCE: Final = 400_000


@router.get("/admin/catcher")
def newest(request: Request, query: str = "", before: str = "") -> Response:
    """Show what was caught, newest first, and the newest message."""
    mails = _mails(request, query, before)
    return _page(request, mails, query, before, mails[0].id if mails else "", "rendered")


@router.get("/admin/catcher/{mail_id}")
def one_mail(
    request: Request, mail_id: str, query: str = "", before: str = "", part: str = "rendered"
) -> Response:
    """Show one message beside the list."""
    wanted = part if part in _PARTS else "rendered"
    return _page(request, _mails(request, query, before), query, before, mail_id, wanted)


def _mails(request: Request, query: str, before: str) -> list[CaughtMail]:
    return list_messages(_folder(request), query=query, before=before or None, limit=PER_PAGE + 1)


def _page(
    request: Request, mails: list[CaughtMail], query: str, before: str, mail_id: str, part: str
) -> Response:
    raw = read_message(_folder(request), mail_id) if mail_id else b""
    return render(
        request,
        "admin/catcher/room.html",
        mails=mails[:PER_PAGE],
        older=mails[PER_PAGE - 1].id if len(mails) > PER_PAGE else "",
        query=query,
        before=before,
        part=part,
        parts=_PARTS,
        mail=_about(request, mails, mail_id) if mail_id else None,
        shown=take_apart(raw) if mail_id else None,
        source=raw[:_MOST_SOURCE].decode("utf-8", "replace") if part == "source" else "",
        size=len(raw),
    )


def _about(request: Request, mails: list[CaughtMail], mail_id: str) -> CaughtMail:
    """Return the envelope of a message, which need not be on this page of the list."""
    for mail in mails:
        if mail.id == mail_id:
            return mail
    following = f"{int(mail_id) + 1:0{len(mail_id)}}"
    found = list_messages(_folder(request), before=following, limit=1)
    if not found or found[0].id != mail_id:
        raise NotFound("That message is not in the mail catcher any more.")
    return found[0]


@router.get("/admin/catcher/{mail_id}/body")
def body(request: Request, mail_id: str) -> Response:
    """Give the HTML part as a document of its own, which may do nothing but be looked at."""
    html = take_apart(read_message(_folder(request), mail_id)).html
    return HTMLResponse(html, headers={"Content-Security-Policy": MAIL_POLICY})


@router.get("/admin/catcher/{mail_id}/message.eml")
def download(request: Request, mail_id: str) -> Response:
    """Give the message, byte for byte."""
    raw = read_message(_folder(request), mail_id)
    headers = {"Content-Disposition": f'attachment; filename="{mail_id}.eml"'}
    return Response(raw, media_type="message/rfc822", headers=headers)


def _folder(request: Request) -> Path:
    return container(request).settings.data_dir / "catcher"
