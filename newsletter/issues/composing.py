"""Composing: sections and items added, moved, reworded and removed. Each is one edit that can be undone."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from newsletter.content.models import Post
from newsletter.errors import Conflict, InvalidInput, NotFound
from newsletter.issues.assemble import placed_values
from newsletter.issues.models import Issue, Item, Section
from newsletter.issues.revisions import edited, undo
from newsletter.issues.wording import clean_item_changes, line, lines, link

__all__ = [
    "add_link", "add_note", "add_post", "add_section", "edit_item", "find_item", "find_section", "keep_ours", "move_item",
    "move_section", "remove_item", "remove_section", "rename_section", "take_over", "undo",
]  # fmt: skip

DISPLAYS = ("full", "excerpt", "title")
MOST_ITEMS = 500


def find_section(issue: Issue, section_id: int | None) -> Section:
    """Return a section of this issue; without id the last one, made when there is none."""
    if section_id is None:
        if not issue.sections:
            issue.sections.append(Section(title="", position=0))
        return issue.sections[-1]
    for section in issue.sections:
        if section.id == section_id:
            return section
    raise NotFound("That section is not in this issue any more.")


def find_item(issue: Issue, item_id: int) -> Item:
    """Return an item of this issue.

    :raises NotFound: when it is not in it (any more).
    """
    for section in issue.sections:
        for item in section.items:
            if item.id == item_id:
                return item
    raise NotFound("That item is not in this issue any more.")


def add_post(
    session: Session,
    issue: Issue,
    post: Post,
    *,
    section_id: int | None = None,
    display: str = "excerpt",
    actor: str = "",
) -> Item:
    """Place a post at the end of a section.

    :raises Conflict: when the post is in this issue already.
    """
    if any(item.post_id == post.id for section in issue.sections for item in section.items):
        raise Conflict(f"“{post.title[:80]}” is in this issue already.")
    item = post_item(post, display)
    _append(session, issue, item, section_id, f"add “{post.title[:80]}”", actor)
    return item


def post_item(post: Post, display: str) -> Item:
    """Return an unplaced item that keeps the post as it is now."""
    check_display(display)
    return Item(
        kind="post",
        post_id=post.id,
        display=display,
        placed=placed_values(post),
        placed_hash=post.content_hash,
    )


def add_note(
    session: Session,
    issue: Issue,
    *,
    title: str = "",
    text: str,
    section_id: int | None = None,
    actor: str = "",
) -> Item:
    """Add a note of the editor's own words."""
    item = Item(kind="note", display="excerpt", title=line(title, "title"), blurb=lines(text, "text"))
    _append(session, issue, item, section_id, "add a note", actor)
    return item


def add_link(
    session: Session,
    issue: Issue,
    *,
    title: str,
    url: str,
    text: str = "",
    section_id: int | None = None,
    actor: str = "",
) -> Item:
    """Add a link that is no post of ours."""
    if not title.strip() or not url.strip():
        raise InvalidInput("A link needs a title and an address.")
    item = Item(
        kind="link",
        display="excerpt",
        title=line(title, "title"),
        url=link(url, "link"),
        blurb=lines(text, "text"),
    )
    _append(session, issue, item, section_id, f"add the link “{title[:80]}”", actor)
    return item


def _append(
    session: Session, issue: Issue, item: Item, section_id: int | None, what: str, actor: str
) -> None:
    if sum(len(section.items) for section in issue.sections) >= MOST_ITEMS:
        raise Conflict(f"An issue holds at most {MOST_ITEMS} items.")
    if section_id is not None:
        find_section(issue, section_id)
    with edited(session, issue, what, actor=actor):
        section = find_section(issue, section_id)
        item.position = len(section.items)
        section.items.append(item)


def edit_item(
    session: Session, issue: Issue, item_id: int, changes: dict[str, str | None], *, actor: str = ""
) -> Item:
    """Change an item's own words; None gives the post's words back.

    :raises InvalidInput: for an unknown field or display.
    """
    wanted = clean_item_changes(changes)
    if "display" in wanted:
        check_display(wanted["display"])
    item = find_item(issue, item_id)
    if all(getattr(item, name) == value for name, value in wanted.items()):
        return item
    with edited(session, issue, "change an item", actor=actor):
        for name, value in wanted.items():
            setattr(item, name, value)
    return item


def check_display(display: str | None) -> None:
    """Refuse a word that says nothing about how much of a post is shown.

    :raises InvalidInput: naming the words that do.
    """
    if display not in DISPLAYS:
        raise InvalidInput(f"Display is one of {', '.join(DISPLAYS)}, not {display!r}.")


def remove_item(session: Session, issue: Issue, item_id: int, *, actor: str = "") -> None:
    """Take an item out; its post goes back to the tray."""
    item = find_item(issue, item_id)
    with edited(session, issue, "remove an item", actor=actor):
        section = item.section
        section.items.remove(item)
        _renumber(section.items)


def move_item(
    session: Session,
    issue: Issue,
    item_id: int,
    *,
    position: int,
    section_id: int | None = None,
    actor: str = "",
) -> Item:
    """Put an item at `position` (0 is first) of a section; out of range means the nearest end."""
    item = find_item(issue, item_id)
    target = find_section(issue, section_id if section_id is not None else item.section_id)
    with edited(session, issue, "move an item", actor=actor):
        left = item.section
        remaining = [one for one in target.items if one is not item]
        remaining.insert(max(0, min(position, len(remaining))), item)
        item.section = target
        _renumber(remaining)
        _renumber([one for one in left.items if one is not item] if left is not target else remaining)
    session.expire(target, ["items"])
    session.expire(left, ["items"])
    return item


def _renumber(rows: Sequence[Item | Section]) -> None:
    for position, row in enumerate(rows):
        row.position = position


def add_section(session: Session, issue: Issue, *, title: str, actor: str = "") -> Section:
    """Add a section at the end."""
    section = Section(title=line(title, "title"), position=len(issue.sections))
    with edited(session, issue, f"add the section “{title[:80]}”", actor=actor):
        issue.sections.append(section)
    return section


def rename_section(session: Session, issue: Issue, section_id: int, *, title: str, actor: str = "") -> None:
    """Give a section another title."""
    section, wanted = find_section(issue, section_id), line(title, "title")
    with edited(session, issue, "rename a section", actor=actor):
        section.title = wanted


def move_section(session: Session, issue: Issue, section_id: int, *, position: int, actor: str = "") -> None:
    """Put a section at `position`."""
    section = find_section(issue, section_id)
    with edited(session, issue, "move a section", actor=actor):
        rest = [one for one in issue.sections if one is not section]
        rest.insert(max(0, min(position, len(rest))), section)
        _renumber(rest)


def remove_section(session: Session, issue: Issue, section_id: int, *, actor: str = "") -> None:
    """Remove a section with its items; the posts go back to the tray."""
    section = find_section(issue, section_id)
    with edited(session, issue, "remove a section", actor=actor):
        issue.sections.remove(section)
        _renumber(issue.sections)


def take_over(session: Session, issue: Issue, item_id: int, *, actor: str = "") -> None:
    """Take the post's newest words from its source."""
    item = find_item(issue, item_id)
    if item.post is None:
        raise Conflict("This item has no post behind it.")
    with edited(session, issue, "take over the source's change", actor=actor):
        item.placed, item.placed_hash = placed_values(item.post), item.post.content_hash


def keep_ours(session: Session, issue: Issue, item_id: int, *, actor: str = "") -> None:
    """Keep the words as placed and stop showing that the source changed."""
    item = find_item(issue, item_id)
    if item.post is None:
        raise Conflict("This item has no post behind it.")
    with edited(session, issue, "keep our words", actor=actor):
        item.placed_hash = item.post.content_hash
