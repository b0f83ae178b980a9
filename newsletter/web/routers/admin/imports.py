"""People from a file: upload it, see what its columns are taken for and what the first rows give, then import."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.datastructures import UploadFile
from starlette.responses import FileResponse, Response

from newsletter.accounts import audit
from newsletter.audience import service as audience
from newsletter.audience.csv_import import import_csv
from newsletter.audience.csv_mapping import (
    FIELDS,
    recognised,
    write_with_titles,
)
from newsletter.audience.csv_reading import open_csv
from newsletter.bootstrap import Container
from newsletter.db.session import unit_of_work
from newsletter.errors import InvalidInput, NotFound
from newsletter.web.deps import (
    Admin,
    AdminOnly,
    Form,
    Reading,
    back_to,
    container,
    field,
    is_fragment,
    render,
)
from newsletter.web.queries.people import recent_imports
from newsletter.web.security import hold_form_token
from newsletter.web.views import import_run
from newsletter.web.views.import_look import chosen_meanings, dry_run, other_titles
from newsletter.web.views.uploads import Upload, find_upload, keep_upload

router = APIRouter(include_in_schema=False, dependencies=[AdminOnly, Depends(hold_form_token)])


@router.get("/admin/subscribers/imports")
def start(request: Request, session: Reading) -> Response:
    """Show the form and what was imported before."""
    lists = audience.list_lists(session)
    return render(
        request,
        "admin/subscribers/import_start.html",
        lists=lists,
        names={one.id: one.name for one in lists},
        imports=recent_imports(session),
    )


@router.post("/admin/subscribers/imports")
def upload(request: Request, form: Form, session: Reading) -> Response:
    """Keep the file; nobody is imported yet."""
    mailing_list = audience.find_list(session, field(form, "list", most=80))
    file = form.get("file")
    if not isinstance(file, UploadFile) or not file.filename:
        raise InvalidInput("Choose a file first.")
    token = keep_upload(_root(container(request)), file.file, file.filename, mailing_list.slug)
    return back_to(f"/admin/subscribers/imports/{token}")


@router.get("/admin/subscribers/imports/{token}")
def look(request: Request, session: Reading, token: str) -> Response:
    """Show what the import would do, or what it did."""
    root = _root(container(request))
    read = import_run.position(find_upload(root, token))
    kept = find_upload(root, token)  # read after the position: work that ended in between has left its result
    mailing_list = audience.find_list(session, kept.list_slug)
    if kept.result is not None:
        done = render(request, "admin/subscribers/import_done.html", upload=kept, list=mailing_list)
        return _renewed(request, done)
    if read is not None:
        percent = min(100, read * 100 // max(1, kept.path.stat().st_size))
        return render(
            request, "admin/subscribers/import_running.html", upload=kept, list=mailing_list, percent=percent
        )
    with open_csv(kept.path) as file:
        header = file.header
    meanings = chosen_meanings(request.query_params, recognised(header))
    return render(
        request,
        "admin/subscribers/import_look.html",
        upload=kept,
        list=mailing_list,
        columns=list(zip(header, meanings, strict=True)),
        fields=FIELDS,
        **dry_run(session, container(request), kept, mailing_list, header, meanings),
    )


def _renewed(request: Request, answer: Response) -> Response:
    """Have a page that polls load anew, now that there is another one to see."""
    if is_fragment(request):
        answer.headers["HX-Refresh"] = "true"
    return answer


@router.post("/admin/subscribers/imports/{token}")
def run(request: Request, user: Admin, form: Form, token: str) -> Response:
    """Import the file."""
    parts = container(request)
    kept = find_upload(_root(parts), token)
    consent = field(form, "consent", most=2000).strip()
    if kept.result is not None:
        return back_to(f"/admin/subscribers/imports/{token}")
    if not consent:
        raise InvalidInput("Say how and when these people agreed: it is kept as proof with each of them.")
    chosen = other_titles(kept, form)
    is_confirmed = field(form, "confirmed") == "yes"
    import_run.begin(kept, lambda tell: _import(parts, kept, chosen, consent, is_confirmed, user.email, tell))
    return back_to(f"/admin/subscribers/imports/{token}")


def _import(
    parts: Container,
    kept: Upload,
    chosen: list[str] | None,
    consent: str,
    is_confirmed: bool,
    actor: str,
    on_progress: Callable[[int], None],
) -> dict[str, Any]:
    if chosen is not None:
        part = kept.path.with_suffix(".part")
        write_with_titles(kept.path, part, chosen)
        part.replace(kept.path)
    result = import_csv(
        parts.sessions,
        kept.path,
        list_slug=kept.list_slug,
        consent=consent,
        confirmed=is_confirmed,
        actor=actor,
        clock=parts.clock,
        secret=lambda: parts.settings.secret,
        on_progress=on_progress,
    )
    details = {"file": kept.name, "rows": result.rows, "created": result.created}
    with unit_of_work(parts.sessions) as session:
        audit.record(
            session,
            actor=actor,
            action="subscribers.import",
            object=f"list {kept.list_slug}",
            details=details,
        )
    return result.to_json()


@router.get("/admin/subscribers/imports/{token}/errors.csv")
def bad_rows(request: Request, token: str) -> Response:
    """Give the rows that could not be used, with their reasons."""
    kept = find_upload(_root(container(request)), token)
    if not kept.errors.is_file():
        raise NotFound("This import has no bad rows.")
    return FileResponse(kept.errors, media_type="text/csv", filename=kept.errors.name)


def _root(parts: Container) -> Path:
    return parts.settings.data_dir / "uploads"
