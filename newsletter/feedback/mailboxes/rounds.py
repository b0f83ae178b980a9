"""A visit from the door to the record: whose turn it is, open, fetch, write down how it went."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from newsletter.db.session import unit_of_work
from newsletter.feedback.mailboxes.box import MailboxGone, OpenMailbox
from newsletter.feedback.mailboxes.fetching import Bounds, Intake, Visit, visit
from newsletter.feedback.mailboxes.place import MailboxPlace
from newsletter.feedback.mailboxes.turns import claim_turn, record_visit


def visit_if_due(
    place: MailboxPlace, open_mailbox: OpenMailbox, intake: Intake, *, every_seconds: int
) -> Visit | None:
    """Visit the mailbox when that is due; None when it is not, or when somebody else has the turn.

    :raises Unavailable: when the database does not answer.
    """
    with unit_of_work(intake.sessions) as session:
        if not claim_turn(session, str(place), intake.clock.now()):
            return None
    return visit_now(place, open_mailbox, intake, every_seconds=every_seconds)


def visit_now(place: MailboxPlace, open_mailbox: OpenMailbox, intake: Intake, *, every_seconds: int) -> Visit:
    """Visit the mailbox whether it is due or not: two visits at once find the same mail and store it once.

    :raises Unavailable: when the database does not answer.
    """
    found = _visit(place, open_mailbox, intake)
    with unit_of_work(intake.sessions) as session:
        record_visit(session, str(place), found, timedelta(seconds=every_seconds), intake.clock.now())
    return found


def _visit(place: MailboxPlace, open_mailbox: OpenMailbox, intake: Intake) -> Visit:
    found = Visit()
    try:
        with open_mailbox(place) as box:
            found = visit(box, intake, Bounds())
    except MailboxGone as gone:
        # A POP3 server deletes at the end of a session: that may fail after everything else went well.
        return replace(found, trouble=found.trouble or str(gone))
    return found
