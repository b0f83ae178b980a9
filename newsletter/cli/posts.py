"""`newsletter posts`: import and list."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from newsletter.cli.support import container, fail, print_json, say

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from newsletter.content.gather import Earlier, Gathered
    from newsletter.content.models import Post
    from newsletter.content.values import ImportReport

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Import and list posts.")

MOST_FILE_BYTES = 64 * 1024 * 1024


@app.command(
    "import", epilog="Example: newsletter posts import https://example.com/feed --publication letter"
)
def import_posts(
    where: str = typer.Argument(
        ...,
        metavar="URL_OR_FILE",
        help="A feed, a WordPress site, export or REST address, a page, or a file.",
    ),
    publication: str = typer.Option("", help="The publication whose tray these posts fill."),
    format: str = typer.Option("auto", help="auto, rss, atom, json, wxr, wordpress or archive."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON alone."),
) -> None:
    """Gather posts; a second import creates nothing and never overwrites what an editor changed."""
    # A file is read before anything else is loaded: what cannot be read is said at once.
    gathered, earlier = (
        _fetched(where, format, publication) if "://" in where else (_read(where, format), None)
    )
    report = _stored(gathered, earlier, publication)
    if as_json:
        print_json(report.to_json())
    else:
        say(_in_words(report, unchanged=gathered is None))


def _fetched(url: str, format: str, publication: str) -> tuple[Gathered | None, Earlier | None]:
    """Fetch what is new since an earlier import, unless the publication is unknown."""
    from newsletter.adapters.http_client import SafeHttpClient
    from newsletter.content.gather import gather
    from newsletter.content.service import earlier_import
    from newsletter.issues.service import get_publication

    with container().reading_sessions() as session:
        if publication:
            get_publication(session, publication)
        earlier = earlier_import(session, url)
    client = SafeHttpClient(allow_private=container().settings.fetch_private_addresses)
    return gather(client, url, format=format, earlier=earlier), earlier


def _read(where: str, format: str) -> Gathered:
    from newsletter.content.gather import Gathered
    from newsletter.content.parse import check_format, parse
    from newsletter.content.values import Document

    check_format(format)
    document = Document(raw=_bytes_of(where), location=Path(where).name)
    return Gathered(parse(document.raw, format=format, location=document.location), document)


def _bytes_of(where: str) -> bytes:
    """Read a file, or a pipe, no further than what is allowed."""
    try:
        with Path(where).open("rb") as file:
            raw = file.read(MOST_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        fail(f"Cannot read {where!r}: {getattr(error, 'strerror', None) or error}.")
    if len(raw) > MOST_FILE_BYTES:
        fail(f"{where} is larger than {MOST_FILE_BYTES // 2**20} MB: export it in parts.")
    return raw


def _stored(gathered: Gathered | None, earlier: Earlier | None, publication: str) -> ImportReport:
    from newsletter.db.session import unit_of_work

    with unit_of_work(container().sessions) as session:
        report = _store(session, gathered, earlier)
        if publication:
            _link(session, publication, report.source_id)
    return report


def _store(session: Session, gathered: Gathered | None, earlier: Earlier | None) -> ImportReport:
    from newsletter.content.service import import_feed, note_unchanged

    now = container().clock.now()
    if gathered is not None:
        return import_feed(session, gathered.feed, gathered.document, now=now)
    if earlier is None:
        fail("The site says that nothing changed, but nothing was imported from it before.")
    return note_unchanged(session, earlier, now)


def _link(session: Session, slug: str, source_id: int | None) -> None:
    from newsletter.issues.models import PublicationSource
    from newsletter.issues.service import archive_imported_issues, get_publication

    publication = get_publication(session, slug)
    if source_id is not None and session.get(PublicationSource, (publication.id, source_id)) is None:
        session.add(PublicationSource(publication_id=publication.id, source_id=source_id))
        session.flush()
    archive_imported_issues(session, publication)


def _in_words(report: ImportReport, *, unchanged: bool) -> str:
    if unchanged:
        return "Nothing is new: the site says that nothing changed since the last import."
    return (
        f"Found {report.found} posts ({report.format}): {report.created} new, {report.updated} updated, "
        f"{report.unchanged} unchanged, {len(report.skipped)} skipped."
    )


@app.command("list", epilog="Example: newsletter posts list --unsent --json")
def list_posts(
    unsent: bool = typer.Option(False, "--unsent", help="Only posts in no issue yet."),
    limit: int = typer.Option(0, min=0, help="At most this many; 0 means all."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON alone."),
) -> None:
    """List posts, the newest first."""
    from newsletter.content.service import find_posts
    from newsletter.issues.tray import numbers_of

    with container().reading_sessions() as session:
        posts = find_posts(session)
        used = numbers_of(session, [post.id for post in posts])
        chosen = [post for post in posts if not (unsent and post.id in used)][: limit or None]
        if as_json:
            print_json([_document_of(post, used.get(post.id, [])) for post in chosen])
            return
    for post in chosen:
        say(_line(post, used.get(post.id, [])))
    if not chosen:
        say("No posts. Import some: newsletter posts import https://example.com/feed")


def _line(post: Post, in_issues: list[str]) -> str:
    day = post.published_at.date().isoformat() if post.published_at else "no date   "
    where = f"  ({', '.join(in_issues)})" if in_issues else ""
    return f"{post.id:>6}  {day}  {post.title}{where}"


def _document_of(post: Post, in_issues: list[str]) -> dict[str, Any]:
    return {
        "id": post.id,
        "title": post.title,
        "url": post.url,
        "guid": post.guid,
        "author": post.byline or ", ".join(author.name for author in post.authors) or None,
        "byline": post.byline,
        "published_at": post.published_at,
        "excerpt": post.excerpt,
        "language": post.language,
        "status": post.status,
        "in_issues": in_issues,
    }
