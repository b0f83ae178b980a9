"""Posts: what was gathered for a publication, where it is used, and bringing in more."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.responses import Response

from newsletter.accounts import audit
from newsletter.bootstrap import Container
from newsletter.content.values import ImportReport
from newsletter.db.session import unit_of_work
from newsletter.errors import InvalidInput
from newsletter.issues import service as issues
from newsletter.issues.models import Publication
from newsletter.web.deps import Editor, Form, Reading, SignedInOnly, container, field, render
from newsletter.web.queries.posts import count_posts, find_rows, sources_of
from newsletter.web.security import hold_form_token
from newsletter.web.views.importing import MOST_FILE_BYTES, import_address, import_file

router = APIRouter(
    prefix="/admin/posts", include_in_schema=False, dependencies=[SignedInOnly, Depends(hold_form_token)]
)
PAGE_SIZE = 50


@router.get("")
def posts(
    request: Request, session: Reading, publication: str = "", q: str = "", show: str = "", page: int = 1
) -> Response:
    """List a publication's posts, newest first: those that wait, or all."""
    publications = issues.list_publications(session)
    if not publications:
        return render(request, "admin/posts/none.html")
    chosen = _chosen(session, publications, publication)
    everything, search = show == "all", q[:200]
    page = max(1, min(page, 10_000))
    return render(
        request,
        "admin/posts/list.html",
        publications=publications,
        publication=chosen,
        rows=find_rows(
            session,
            chosen,
            search=search,
            everything=everything,
            limit=PAGE_SIZE,
            offset=(page - 1) * PAGE_SIZE,
        ),
        total=count_posts(session, chosen, search=search, everything=everything),
        sources=sources_of(session, chosen),
        search=search,
        show="all" if everything else "",
        page=page,
        page_size=PAGE_SIZE,
    )


def _chosen(session: Session, publications: list[Publication], slug: str) -> Publication:
    return issues.get_publication(session, slug) if slug else publications[0]


@router.post("/import")
async def bring_in(request: Request, user: Editor, form: Form) -> Response:
    """Import from an address or a file; a second import of the same makes nothing twice."""
    parts, slug = container(request), field(form, "publication", most=80)
    file, address = form.get("file"), field(form, "address", most=2000).strip()
    if isinstance(file, UploadFile) and file.filename:
        raw = await file.read(MOST_FILE_BYTES + 1)
        report = await run_in_threadpool(import_file, parts, slug, file.filename[:200], raw)
    elif "://" in address:
        report = await run_in_threadpool(import_address, parts, slug, address)
    else:
        raise InvalidInput("Give the address of a site or feed, beginning with https://, or choose a file.")
    await run_in_threadpool(_note, parts, user.email, slug, report)
    return render(request, "admin/posts/imported.html", report=report, publication=slug)


def _note(parts: Container, actor: str, slug: str, report: ImportReport) -> None:
    with unit_of_work(parts.sessions) as session:
        audit.record(
            session,
            actor=actor,
            action="posts.import",
            object=slug,
            details={"created": report.created, "updated": report.updated},
        )
