"""Old issues found among imported posts ("… Newsletter No. 67") become archived issues with their number."""

from __future__ import annotations

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from newsletter.content.models import Post
from newsletter.issues.composing import post_item
from newsletter.issues.models import Issue, Publication, Section
from newsletter.issues.numbering import HIGHEST_NUMBER, claim_number, lock_publication
from newsletter.issues.states import IssueState
from newsletter.issues.tray import of_publication


def archive_imported_issues(session: Session, publication: Publication) -> list[Issue]:
    """Turn posts of the publication's sources that are old issues into archived issues; the counter moves past them.

    A number that is taken already is left alone: the issue here wins over the one found. Safe to call again.
    """
    session.flush()
    lock_publication(session, publication.id)
    taken = set(session.scalars(select(Issue.number).where(Issue.publication_id == publication.id)))
    made = []
    for post in _old_issues(session, publication.id):
        number = post.issue_number
        if number is None or number in taken:
            continue
        taken.add(claim_number(session, publication.id, number))
        made.append(_archived(publication, post))
    session.add_all(made)
    session.flush()
    return made


def _old_issues(session: Session, publication_id: int) -> list[Post]:
    statement = select(Post).where(
        Post.issue_number.between(0, HIGHEST_NUMBER),
        Post.status == "published",
        of_publication(publication_id),
        ~exists().where(Issue.imported_post_id == Post.id),
    )
    return list(session.scalars(statement.order_by(Post.published_at.nulls_last(), Post.id)))


def _archived(publication: Publication, post: Post) -> Issue:
    item = post_item(post, "full")
    item.position = 0
    return Issue(
        publication=publication,
        number=post.issue_number,
        state=IssueState.ARCHIVED.value,
        title=post.title,
        subject=" ".join(post.title.split()),
        imported_post_id=post.id,
        published_at=post.published_at,
        sections=[Section(title="", position=0, items=[item])],
    )
