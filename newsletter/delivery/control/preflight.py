"""The gate before sending: checks first, then the freeze. Web, command line and demo all come through here."""

from __future__ import annotations

from sqlalchemy.orm import Session

from newsletter.delivery.dkim.findings import signing_findings
from newsletter.errors import Conflict
from newsletter.issues.models import Issue, IssueSnapshotRow
from newsletter.issues.service import approve_issue, take_snapshot
from newsletter.issues.snapshot import IssueSnapshot
from newsletter.rendering.lint import Finding, blocking, lint_issue
from newsletter.rendering.pipeline import render_issue


def check_issue(session: Session, issue: Issue, *, base_url: str) -> list[Finding]:
    """Return what the checks find in the issue as it is now."""
    return check_snapshot(session, take_snapshot(session, issue), base_url=base_url)


def check_snapshot(session: Session, snapshot: IssueSnapshot, *, base_url: str) -> list[Finding]:
    """Return what the checks find in the words, the mail, and the keys that sign it."""
    found = lint_issue(snapshot, render_issue(snapshot, base_url), base_url=base_url)
    return found + signing_findings(session, snapshot.publication.from_domain)


def approve_checked(session: Session, issue: Issue, *, actor: str, base_url: str) -> IssueSnapshotRow:
    """Approve an issue in which nothing blocks.

    :raises Conflict: naming the first of what blocks.
    """
    blocks = blocking(check_issue(session, issue, base_url=base_url))
    if blocks:
        more = f" ({len(blocks) - 1} more)" if len(blocks) > 1 else ""
        raise Conflict(f"{blocks[0].message}{more} See the checks: newsletter issue lint.")
    row = approve_issue(session, issue, actor=actor)
    if row.rendition is None:
        snapshot = IssueSnapshot.from_document(row.document)
        row.rendition = render_issue(snapshot, base_url).to_document(base_url)
    return row
