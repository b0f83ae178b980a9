"""What the checks before sending say of our keys: only a record that is known to be wrong blocks.

They go by what DNS said when it was last asked; nothing is asked here. Without a key nothing is said: the relay may sign.
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from newsletter.delivery.dkim.choosing import keys_for
from newsletter.delivery.dkim.models import DkimKey
from newsletter.delivery.dkim.publishing import RecordState
from newsletter.rendering.lint import Finding, Severity

_SAID = {
    RecordState.WRONG: "is another key's: every signature fails. Publish what 'newsletter dkim show' prints, then 'newsletter dkim check'.",
    RecordState.MISSING: "was not in DNS when it was last asked: publish it, then 'newsletter dkim check'.",
    RecordState.SILENT: "could not be looked up: 'newsletter dkim check' asks again.",
    RecordState.UNASKED: "was never looked up: 'newsletter dkim check' does.",
}


def signing_findings(session: Session, from_domain: str) -> list[Finding]:
    """Return a finding for each key that signs for the domain and whose record is not known to be right."""
    rows = keys_for(session, from_domain)
    return [_finding(row) for row in rows if row.record_state != RecordState.RIGHT]


def _finding(row: DkimKey) -> Finding:
    state = RecordState(row.record_state)
    record = f"The DKIM record {row.selector}._domainkey.{row.domain}"
    severity: Severity = "block" if state is RecordState.WRONG else "warn"
    return Finding("dkim-record", severity, "mail", f"{record} {_SAID[state]}")
