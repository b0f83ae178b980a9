"""The public archive: issues by number, authors, and feeds of both; every page works without scripts."""

from __future__ import annotations

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import HTMLResponse, Response

from newsletter.errors import NotFound
from newsletter.issues import service as issues
from newsletter.issues.models import Publication
from newsletter.rendering.pipeline import compiled_issue
from newsletter.rendering.values import sample_recipient
from newsletter.web.deps import Reading, back_to, container, render
from newsletter.web.queries import archive
from newsletter.web.queries.authors import authors_by_post
from newsletter.web.routers.public.feeds import atom, json_feed
from newsletter.web.security import MAIL_POLICY

router = APIRouter(include_in_schema=False)
PAGE_SIZE = 20


@router.get("/")
def front(request: Request, session: Reading) -> Response:
    """Show the publications; with one alone, its archive."""
    publications = issues.list_publications(session)
    if len(publications) == 1:
        return back_to(f"/{publications[0].slug}/")
    return render(request, "public/front.html", publications=publications)


@router.get("/n/{number}")
def short(number: int, session: Reading) -> Response:
    """Send on to the issue of the only publication.

    :raises NotFound: when there are several, or none.
    """
    publications = issues.list_publications(session)
    if len(publications) != 1:
        raise NotFound("There are several publications here: choose one on the front page.")
    return back_to(f"/{publications[0].slug}/n/{number}")


@router.get("/{slug}/")
def publication(request: Request, slug: str, session: Reading, page: int = 1) -> Response:
    """List a publication's issues, newest first."""
    found = issues.get_publication(session, slug)
    page = max(1, min(page, 10_000))
    entries = archive.published_issues(session, found.id, limit=PAGE_SIZE + 1, offset=(page - 1) * PAGE_SIZE)
    return render(
        request,
        "public/publication.html",
        publication=found,
        issues=entries[:PAGE_SIZE],
        page=page,
        more=len(entries) > PAGE_SIZE,
        lists=archive.open_lists(session, found.id),
    )


@router.get("/{slug}/n/{number}")
def issue(request: Request, slug: str, number: int, session: Reading) -> Response:
    """Show an issue as a page, with the one before and the one after."""
    found, entry = _entry(session, slug, number)
    before, after = archive.neighbours(session, found.id, number)
    posts = [item.post_id for item in entry.content.items]
    return render(
        request,
        "public/issue.html",
        publication=found,
        entry=entry,
        before=before,
        after=after,
        writers=authors_by_post(session, posts),
        lists=archive.open_lists(session, found.id),
    )


@router.get("/{slug}/n/{number}/mail")
def mail(request: Request, slug: str, number: int, session: Reading) -> Response:
    """Show the mail itself, as a reader got it, with the sample reader's links."""
    found, entry = _entry(session, slug, number)
    if entry.snapshot is None:
        raise NotFound("This issue was never sent from here, so there is no mail to show.")
    settings = container(request).settings
    message = compiled_issue(entry.snapshot, settings.base_url, None, settings.bounce_domain)
    page = message.html_for(sample_recipient(found.from_address))
    return HTMLResponse(page, headers={"Content-Security-Policy": MAIL_POLICY})


@router.get("/{slug}/feed.xml")
def atom_feed(request: Request, slug: str, session: Reading) -> Response:
    """Give the newest issues as Atom (RFC 4287)."""
    found = issues.get_publication(session, slug)
    entries = archive.published_issues(session, found.id, limit=PAGE_SIZE)
    body = atom(found, entries, container(request).settings.base_url)
    return Response(body, media_type="application/atom+xml")


@router.get("/{slug}/feed.json")
def feed_json(request: Request, slug: str, session: Reading) -> Response:
    """Give the newest issues as JSON Feed 1.1."""
    found = issues.get_publication(session, slug)
    entries = archive.published_issues(session, found.id, limit=PAGE_SIZE)
    body = json_feed(found, entries, container(request).settings.base_url)
    return Response(body, media_type="application/feed+json")


def _entry(session: Session, slug: str, number: int) -> tuple[Publication, archive.PublishedIssue]:
    found = issues.get_publication(session, slug)
    return found, archive.published_issue(session, found.id, number)
