"""Public pages of the people and organisations who write for a publication."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from newsletter.issues import service as issues
from newsletter.web.deps import Reading, render
from newsletter.web.queries import authors as queries

router = APIRouter(include_in_schema=False)
PAGE_SIZE = 20


@router.get("/{slug}/authors/")
def authors(request: Request, slug: str, session: Reading) -> Response:
    """List everybody who writes here, by name."""
    found = issues.get_publication(session, slug)
    rows = queries.authors_of(session, found.id)
    return render(request, "public/authors.html", publication=found, rows=rows)


@router.get("/{slug}/authors/{author}")
def one(request: Request, slug: str, author: str, session: Reading, page: int = 1) -> Response:
    """Show what an author wrote, newest first, and which issue carried it.

    :raises NotFound: when nobody of that name wrote here.
    """
    found = issues.get_publication(session, slug)
    person = queries.find_author(session, author)
    page = max(1, min(page, 10_000))
    posts = queries.posts_of(session, found.id, person.id, limit=PAGE_SIZE, offset=(page - 1) * PAGE_SIZE)
    total = queries.count_posts_of(session, found.id, person.id)
    return render(
        request,
        "public/author.html",
        publication=found,
        author=person,
        posts=posts,
        sent=queries.sent_in(session, found.id, [post.id for post in posts]),
        total=total,
        page=page,
        more=total > page * PAGE_SIZE,
    )
