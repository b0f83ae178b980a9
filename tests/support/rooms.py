"""Something in every room: a publication, lists, people of all kinds, campaigns in all states, returned mail."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from newsletter.audience.consent import Evidence, record_consent
from newsletter.audience.models import MailingList, Subscriber, Subscription
from newsletter.audience.suppressions import suppress
from newsletter.delivery.events import note
from newsletter.delivery.models import Campaign, Delivery
from newsletter.delivery.states import CampaignState, DeliveryState
from newsletter.feedback.models import FeedbackEntry, ReturnedMail
from newsletter.issues.models import Issue, IssueSnapshotRow, Publication
from newsletter.sample import rows
from tests.support.snapshots import snapshot

NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)
#: A name that would be a script, a formula and a change of direction, were it not treated as text.
HOSTILE = '"><script>alert(1)</script>=1+1\u202e'
_SENT, _FAILED = DeliveryState.SENT, DeliveryState.FAILED


def make_publication(session: Session) -> Publication:
    """Make the publication and an issue that is approved."""
    publication = Publication(
        slug="letter", name="The Harbour Letter", from_name="Harbour", from_address="letter@example.com"
    )
    session.add(publication)
    session.flush()
    return publication


def make_issue(session: Session, publication: Publication, number: int, title: str) -> Issue:
    """Make an issue with its frozen snapshot."""
    issue = Issue(
        publication_id=publication.id, state="approved", number=number, label=f"No. {number}", title=title
    )
    session.add(issue)
    session.flush()
    frozen = IssueSnapshotRow(
        issue_id=issue.id, content_hash=f"hash {number}", document=snapshot(title=title).to_document()
    )
    session.add(frozen)
    session.flush()
    issue.snapshot_id = frozen.id
    return issue


def make_list(session: Session, publication: Publication, slug: str, name: str, optin: str) -> MailingList:
    """Make a list."""
    made = MailingList(slug=slug, name=name, publication_id=publication.id, optin=optin)
    session.add(made)
    session.flush()
    return made


def join(
    session: Session, to: MailingList, email: str, name: str = "", *, state: str = "confirmed"
) -> Subscriber:
    """Put a person on a list, with their consent."""
    person = Subscriber(email=email, address_key=email.lower(), name=name, language="en", created_at=NOW)
    session.add(person)
    session.flush()
    joined = Subscription(list_id=to.id, subscriber_id=person.id, state=state, created_at=NOW)
    joined.confirmed_at = NOW if state == "confirmed" else None
    joined.unsubscribed_at = NOW if state == "unsubscribed" else None
    session.add(joined)
    record_consent(
        session,
        subscriber_id=person.id,
        list_id=to.id,
        action="confirm" if state == "confirmed" else "subscribe",
        evidence=Evidence("form", "Send me the letter.", "192.0.2.7"),
        now=NOW,
    )
    return person


def make_campaign(
    session: Session,
    issue: Issue,
    to: MailingList,
    people: list[Subscriber],
    *,
    state: CampaignState = CampaignState.SENDING,
    results: list[DeliveryState] | None = None,
    begun: datetime = NOW,
) -> Campaign:
    """Make a campaign to these people; who is not named in `results` is still queued."""
    campaign = Campaign(
        issue_id=issue.id, snapshot_id=issue.snapshot_id, state=state.value, lists=[to], audience=len(people),
        created_at=begun, frozen_at=begun, started_at=begun, expires_at=begun + timedelta(hours=3),
    )  # fmt: skip
    if state.is_over:
        campaign.ended_at = begun + timedelta(minutes=5)
    session.add(campaign)
    session.flush()
    note(session, campaign.id, f"Started to {to.name}.", now=begun, actor="editor@example.com")
    wanted = results or []
    queued = [DeliveryState.QUEUED] * (len(people) - len(wanted))
    for place, (person, result) in enumerate(zip(people, wanted + queued, strict=True)):
        session.add(_delivery(campaign, person, result, begun + timedelta(seconds=place / 5)))
    session.flush()
    return campaign


def _delivery(campaign: Campaign, person: Subscriber, state: DeliveryState, at: datetime) -> Delivery:
    made = Delivery(
        campaign_id=campaign.id, subscriber_id=person.id, address=person.email, address_key=person.address_key,
        state=int(state), attempts=1 if state is not DeliveryState.QUEUED else 0,
    )  # fmt: skip
    if state is _SENT:
        made.sent_at, made.smtp_code, made.response = at, 250, "250 2.0.0 Ok: queued as 4F2A1"
    if state is _FAILED:
        made.smtp_code, made.bounce, made.reason = 550, "hard", "no_mailbox"
        made.response = "550 5.1.1 User unknown"
    return made


def fill(session: Session, people: int = 60) -> None:
    """Fill every room."""
    publication = make_publication(session)
    letter = make_list(session, publication, "letter", "Letter", "double")
    make_list(session, publication, "events", "Events at the museum", "single")
    readers = [join(session, letter, email, name) for email, name in rows(people)]
    join(session, letter, "waits@example.com", "Wanda Waits", state="pending")
    left = join(session, letter, "left@example.com", "Lev Left", state="unsubscribed")
    left.attributes = {"city": "Norrhaven"}
    join(session, letter, "hostile@example.com", HOSTILE)
    _stop(session, readers[0], "hard_bounce")
    _stop(session, readers[1], "complaint")
    _campaigns(session, publication, letter, readers)
    session.add(
        ReturnedMail(
            digest="not understood", raw=HOSTILE.encode(), state="unmatched", kind="none", note=HOSTILE,
            envelope_recipient=HOSTILE, came_by="lmtp", received_at=NOW,
        )
    )  # fmt: skip


def _stop(session: Session, person: Subscriber, reason: str) -> None:
    suppress(session, person.address_key, reason=reason, source="feedback", detail=HOSTILE, now=NOW)


def _campaigns(
    session: Session, publication: Publication, letter: MailingList, readers: list[Subscriber]
) -> None:
    share = len(readers) // 6
    ended = [_SENT] * (len(readers) - share) + [_FAILED] * share
    for number, title in enumerate(("Rope, and who walks it", "The ferry that never turned"), 65):
        issue = make_issue(session, publication, number, title)
        begun = NOW - timedelta(days=7 * (67 - number))
        old = make_campaign(
            session, issue, letter, readers, state=CampaignState.FINISHED, results=ended, begun=begun
        )
    _came_back(session, old, readers[2])
    issue = make_issue(session, publication, 67, "What the winter tide brings in")
    going = [_SENT] * (share * 4) + [_FAILED] * 3 + [DeliveryState.AMBIGUOUS, DeliveryState.DEFERRED]
    make_campaign(session, issue, letter, readers, results=going)


def _came_back(session: Session, campaign: Campaign, person: Subscriber) -> None:
    session.add(
        FeedbackEntry(
            key="bounced:1",
            word="bounced",
            at=NOW,
            campaign_id=campaign.id,
            delivery_id=1,
            subscriber_id=person.id,
            address_key=person.address_key,
            kind="soft",
            status="5.2.2",
            reason="mailbox_full",
            diagnostic="mailbox is full <b>",
        )
    )
