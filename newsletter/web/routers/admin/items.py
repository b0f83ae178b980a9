"""Items on the desk: put in, change, move, take out."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Depends
from sqlalchemy.orm import Session
from starlette.datastructures import FormData
from starlette.responses import Response

from newsletter.content.models import Post
from newsletter.errors import InvalidInput, NotFound
from newsletter.issues import composing
from newsletter.web.deps import Editor, Form, SignedInOnly, Writing, field
from newsletter.web.routers.admin.desk import back_to_desk, find
from newsletter.web.security import hold_form_token

router = APIRouter(
    prefix="/admin/issues/{issue_id}",
    include_in_schema=False,
    dependencies=[SignedInOnly, Depends(hold_form_token)],
)
ITEM_WORDS = ("title", "blurb", "image_alt", "url")
ItemAction = Callable[..., None]
ITEM_ACTIONS: dict[str, ItemAction] = {
    "remove": composing.remove_item,
    "take-over": composing.take_over,
    "keep-ours": composing.keep_ours,
}


@router.post("/posts")
def add_posts(issue_id: int, user: Editor, form: Form, session: Writing) -> Response:
    """Put posts of the tray into a section."""
    issue = find(session, issue_id)
    for given in form.getlist("post"):
        post = _post(session, str(given))
        composing.add_post(session, issue, post, section_id=_number(form, "section"), actor=user.email)
    return back_to_desk(issue_id, form)


@router.post("/notes")
def add_note(issue_id: int, user: Editor, form: Form, session: Writing) -> Response:
    """Write a note into a section."""
    if not field(form, "text").strip():
        raise InvalidInput("The note is empty: write something in it.")
    composing.add_note(
        session,
        find(session, issue_id),
        title=field(form, "title"),
        text=field(form, "text"),
        section_id=_number(form, "section"),
        actor=user.email,
    )
    return back_to_desk(issue_id, form)


@router.post("/links")
def add_link(issue_id: int, user: Editor, form: Form, session: Writing) -> Response:
    """Put a link to another site into a section."""
    composing.add_link(
        session,
        find(session, issue_id),
        title=field(form, "title"),
        url=field(form, "url"),
        text=field(form, "text"),
        section_id=_number(form, "section"),
        actor=user.email,
    )
    return back_to_desk(issue_id, form)


@router.post("/items/{item_id}")
def change_item(issue_id: int, item_id: int, user: Editor, form: Form, session: Writing) -> Response:
    """Change how much of an item is shown, or its own words; an empty word gives the post's back."""
    issue = find(session, issue_id)
    changes: dict[str, str | None] = {word: field(form, word) or None for word in ITEM_WORDS if word in form}
    if "display" in form:
        changes["display"] = field(form, "display")
    composing.edit_item(session, issue, item_id, changes, actor=user.email)
    return back_to_desk(issue_id, form)


@router.post("/items/{item_id}/move")
def move_item(issue_id: int, item_id: int, user: Editor, form: Form, session: Writing) -> Response:
    """Move an item to a place of a section (0 is the first)."""
    composing.move_item(
        session,
        find(session, issue_id),
        item_id,
        position=_number(form, "position") or 0,
        section_id=_number(form, "section"),
        actor=user.email,
    )
    return back_to_desk(issue_id, form)


@router.post("/items/{item_id}/{action}")
def act_on_item(
    issue_id: int, item_id: int, action: str, user: Editor, form: Form, session: Writing
) -> Response:
    """Remove an item, take over what the source changed, or keep our words."""
    act = ITEM_ACTIONS.get(action)
    if act is None:
        raise NotFound("There is no such action.")
    act(session, find(session, issue_id), item_id, actor=user.email)
    return back_to_desk(issue_id, form)


def _post(session: Session, given: str) -> Post:
    post = session.get(Post, int(given)) if given.isdecimal() and len(given) < 18 else None
    if post is None:
        raise NotFound("This post is gone: reload the tray.")
    return post


def _number(form: FormData, name: str) -> int | None:
    given = field(form, name, most=18)
    return int(given) if given.isdecimal() else None
