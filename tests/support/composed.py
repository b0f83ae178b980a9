"""A publication with posts in its tray and a draft on the desk."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from newsletter.audience.models import MailingList
from newsletter.content.models import Author, Post, PostAuthor
from newsletter.issues import service as issues
from newsletter.issues.models import Issue, Publication

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
#: Text that would be a script, a template or another mail header, were it not treated as text.
HOSTILE = '<script>alert("x")</script> {{ 7*7 }} "onload="x'


def compose(session: Session) -> Issue:
    """Make a publication, a list, four posts, and an issue with two of them."""
    publication = issues.create_publication(
        session, slug="letter", name="The Letter", sender="The Letter <letter@example.com>",
        postal_address="1 Hill Road",
    )  # fmt: skip
    session.add(MailingList(slug="readers", name="Readers", publication_id=publication.id, optin="single"))
    author = Author(slug="ada-brandt", name="Ada Brandt", bio="Keeps the lamp.")
    session.add(author)
    titles = ("The lamp is lit", "A rope is spliced", HOSTILE, "Winter hours")
    posts = [add_post(session, title, author, age) for age, title in enumerate(titles)]
    return issues.create_issue(session, publication, post_ids=[post.id for post in posts[:2]])


def add_post(session: Session, title: str, author: Author, age: int) -> Post:
    """Make a post of the author."""
    post = Post(
        title=title, url=f"https://letter.example/{age}", excerpt=f"What is told of: {title}",
        content_html="<p>The whole story.</p>", published_at=NOW - timedelta(days=age), language="en",
        byline=author.name,
    )  # fmt: skip
    session.add(post)
    session.flush()
    session.add(PostAuthor(post_id=post.id, author_id=author.id))
    session.flush()
    return post


def publish(session: Session, issue: Issue) -> Publication:
    """Approve an issue and say that it went out."""
    frozen = issues.approve_issue(session, issue, actor="ada@example.com")
    issues.mark_sent(session, issue.id, NOW, snapshot_id=frozen.id)
    return issue.publication
