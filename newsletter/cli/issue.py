"""`newsletter issue`: compose, show and steer issues; what mails them is in `issue_mail`."""

from __future__ import annotations

from typing import Any

import typer

from newsletter.cli import issue_mail
from newsletter.cli.issue_words import issue_document, parse_ids, parse_moment, summary
from newsletter.cli.support import container, fail, print_json, say

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Compose, check, approve and send issues."
)
AS_JSON = typer.Option(False, "--json", help="Print JSON alone.")
REF = typer.Argument(..., metavar="REF", help="PUBLICATION/NUMBER, like letter/67, or an id.")


@app.command(epilog="Example: newsletter issue create --publication letter --unsent --limit 6 --json")
def create(
    publication: str = typer.Option(..., help="The publication's short name."),
    posts: str = typer.Option("", help="Ids of posts in the wanted order, like 3,1,2."),
    since: str = typer.Option("", metavar="DATE", help="Posts published since then."),
    unsent: bool = typer.Option(False, "--unsent", help="Posts in no issue yet."),
    limit: int | None = typer.Option(None, min=1, help="At most this many posts, the newest first."),
    display: str = typer.Option("excerpt", help="full, excerpt or title."),
    title: str | None = typer.Option(None, help='Default: "PUBLICATION No. N".'),
    subject: str | None = typer.Option(None, help='Default: "PUBLICATION No. N".'),
    preheader: str | None = typer.Option(None, help="Default: the first item's excerpt."),
    as_json: bool = AS_JSON,
) -> None:
    """Create the next issue. Its number comes from a counter and can be changed while it is a draft."""
    from newsletter.db.session import unit_of_work
    from newsletter.issues import service

    with unit_of_work(container().sessions) as session:
        owner = service.get_publication(session, publication)
        issue = service.create_issue(
            session,
            owner,
            post_ids=parse_ids(posts) if posts else None,
            since=parse_moment(since, owner.time_zone) if since else None,
            unsent=unsent,
            limit=limit,
            display=display,
            title=title,
            subject=subject,
            preheader=preheader,
        )
        _tell(summary(issue), as_json, "Created")


@app.command(
    epilog='Example: newsletter issue edit letter/67 --subject "The harbour freezes" --add-posts 12,14'
)
def edit(
    ref: str = REF,
    title: str | None = typer.Option(None),
    subject: str | None = typer.Option(None),
    preheader: str | None = typer.Option(None, help="Empty: the first item's excerpt."),
    intro: str | None = typer.Option(None, help="Markdown; {{first_name|reader}} is filled in per reader."),
    outro: str | None = typer.Option(None, help="Markdown."),
    label: str | None = typer.Option(None, help="A short word beside the number."),
    language: str | None = typer.Option(None, help="Empty: the publication's own."),
    number: int | None = typer.Option(None, help="Another number; only before the first approval."),
    add_posts: str = typer.Option("", help="Ids of posts to add at the end, like 3,1,2."),
    remove_posts: str = typer.Option("", help="Ids of posts to take out."),
    display: str = typer.Option("excerpt", help="How added posts look: full, excerpt or title."),
    expected_version: int | None = typer.Option(None, help="Refuse when the issue is not at this version."),
    as_json: bool = AS_JSON,
) -> None:
    """Change an issue. An approval is dropped; every step can be undone."""
    from newsletter.db.session import unit_of_work
    from newsletter.issues import service

    words = {
        "title": title, "subject": subject, "preheader": preheader, "intro": intro, "outro": outro,
        "label": label, "language": language, "number": number,
    }  # fmt: skip
    changes = {name: value for name, value in words.items() if value is not None}
    if not (changes or add_posts or remove_posts):
        fail("Nothing to change: see newsletter issue edit --help.")
    with unit_of_work(container().sessions) as session:
        issue = service.find_issue(session, ref)
        service.edit_issue(session, issue, changes, expected_version=expected_version, actor=service.SYSTEM)
        _place(session, issue, parse_ids(add_posts), parse_ids(remove_posts), display)
        _tell(summary(issue), as_json, "Changed")


def _place(session: Any, issue: Any, added: list[int], removed: list[int], display: str) -> None:
    """Add and remove posts."""
    from newsletter.content.service import find_post
    from newsletter.issues import composing
    from newsletter.issues.service import SYSTEM

    for post_id in removed:
        items = [item.id for part in issue.sections for item in part.items if item.post_id == post_id]
        if not items:
            fail(f"Post {post_id} is not in this issue.")
        composing.remove_item(session, issue, items[0], actor=SYSTEM)
    for post_id in added:
        composing.add_post(session, issue, find_post(session, post_id), display=display, actor=SYSTEM)


@app.command(epilog="Example: newsletter issue undo letter/67")
def undo(ref: str = REF) -> None:
    """Take the last change of an issue back."""
    from newsletter.db.session import unit_of_work
    from newsletter.issues import composing, service

    with unit_of_work(container().sessions) as session:
        what = composing.undo(session, service.find_issue(session, ref))
    say(f"Undone: {what}.")


@app.command("list", epilog="Example: newsletter issue list --publication letter --json")
def list_all(
    publication: str = typer.Option("", help="Only of this publication."), as_json: bool = AS_JSON
) -> None:
    """List issues, the newest number first."""
    from newsletter.issues import service

    with container().reading_sessions() as session:
        owner = service.get_publication(session, publication) if publication else None
        rows = [summary(issue) for issue in service.list_issues(session, owner)]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        say(f"{row['ref']:<24} {row['state']:<9} {row['items']:>3} items  {row['title']}")
    if not rows:
        say("No issues yet: newsletter issue create --publication letter --unsent")


@app.command(epilog="Example: newsletter issue show letter/67 --json")
def show(ref: str = REF, as_json: bool = AS_JSON) -> None:
    """Show an issue with its sections and items, and what changed at the source since."""
    from newsletter.issues.service import find_issue

    with container().reading_sessions() as session:
        document = issue_document(find_issue(session, ref))
    if as_json:
        print_json(document)
        return
    say(f"{document['ref']}  {document['state']}  {document['title']}")
    say(f"  subject    {document['subject']}")
    say(f"  preheader  {document['preheader']}")
    for section in document["sections"]:
        say(f"  — {section['title'] or 'first section'}")
        for item in section["items"]:
            badge = "  [changed at the source]" if item["source_changed"] else ""
            say(f"    {item['id']:>6}  {item['display']:<8} {item['title']}{badge}")


@app.command(epilog="Example: newsletter issue approve letter/67")
def approve(ref: str = REF, as_json: bool = AS_JSON) -> None:
    """Check an issue and freeze it for sending; refused only by what the checks block."""
    from newsletter.db.session import unit_of_work
    from newsletter.delivery.control.preflight import approve_checked
    from newsletter.issues.service import SYSTEM, find_issue

    parts = container()
    with unit_of_work(parts.sessions) as session:
        issue = find_issue(session, ref)
        approve_checked(session, issue, actor=SYSTEM, base_url=parts.settings.base_url)
        _tell(summary(issue) | {"content_hash": issue.approved_hash}, as_json, "Approved")


@app.command(epilog="Example: newsletter issue discard letter/67")
def discard(ref: str = REF) -> None:
    """Delete a draft that was never approved; its number is free again only if it is the highest."""
    from newsletter.db.session import unit_of_work
    from newsletter.issues.service import SYSTEM, discard_issue, find_issue, ref_of

    with unit_of_work(container().sessions) as session:
        issue = find_issue(session, ref)
        name = ref_of(issue)
        discard_issue(session, issue, actor=SYSTEM)
    say(f"Discarded {name}; its posts are back in the tray.")


def _tell(values: dict[str, Any], as_json: bool, done: str) -> None:
    if as_json:
        print_json(values)
    else:
        say(f"{done} {values['ref']}: {values['title']} ({values['items']} items, {values['state']}).")


for name, command in issue_mail.COMMANDS.items():
    app.command(name, epilog=issue_mail.EXAMPLES[name])(command)
