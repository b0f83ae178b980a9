"""Values that rendering takes and gives; delivery fills `Recipient` from the audience."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

from newsletter.issues.measuring import is_counted
from newsletter.issues.snapshot import PublicationProfile


class Tracking(NamedTuple):
    """What is counted of one reader; the mail of a reader who is not counted has plain links and no picture."""

    clicks: bool = False
    opens: bool = False

    @classmethod
    def of(
        cls, publication: PublicationProfile, clicks: bool | None = None, opens: bool | None = None
    ) -> Tracking:
        """Return what a publication counts of a person who chose so, or has not chosen."""
        return cls(
            is_counted(publication.click_counting, clicks), is_counted(publication.open_counting, opens)
        )


UNTRACKED = Tracking()


def ways_of(publication: PublicationProfile) -> set[Tracking]:
    """Return every way in which readers of a publication can be counted."""
    answers = (None, True, False)
    return {Tracking.of(publication, clicks, opens) for clicks in answers for opens in answers} | {UNTRACKED}


@dataclass(frozen=True, slots=True)
class Recipient:
    """One reader as the mail needs to know them.

    `token` is the signed recipient token (links), `return_path` the VERP envelope sender, `message_id` without
    angle brackets, `date` the Date header's time, set once per delivery.
    """

    email: str
    name: str
    token: str
    return_path: str
    message_id: str
    date: datetime
    subscribed_at: datetime | None = None
    tracking: Tracking = UNTRACKED

    @property
    def first_name(self) -> str:
        """The first word of the name, or empty when there is none."""
        words = self.name.split(maxsplit=1)
        return words[0] if words else ""


def sample_recipient(from_address: str) -> Recipient:
    """Return the sample reader of previews, lint and the public archive. Its token unsubscribes nobody."""
    domain = from_address.rpartition("@")[2] or "example.com"
    return Recipient(
        email="sam.reader@example.com",
        name="Sam Reader",
        token="sample",  # noqa: S106 - a fixed word that no signer accepts
        return_path=f"bounces@{domain}",
        message_id=f"sample@{domain}",
        date=datetime(2026, 1, 1, 9, 0, tzinfo=UTC),
        subscribed_at=datetime(2025, 6, 1, tzinfo=UTC),
    )


def sample_reader(publication: PublicationProfile) -> Recipient:
    """Return the sample reader as somebody who has chosen nothing about being counted: previews and test mails."""
    return replace(sample_recipient(publication.from_address), tracking=Tracking.of(publication))


class PlacedLink(NamedTuple):
    """A link of an issue: where it leads, where it stands (intro, item, outro, canary), and its words."""

    target: str
    place: str
    item_id: int | None
    words: str


@dataclass(frozen=True, slots=True)
class RenderedIssue:
    """An issue composed and inlined once, with opaque tokens where each reader's values go.

    With `links` its HTML and `linked_text` have words for those too (see `rendering.links`); `text` is plain.
    `suffix` completes the plain-word tokens (see `rendering.fields`), chosen so that no text of the issue holds them.
    """

    subject: str
    preheader: str
    html: str
    text: str
    suffix: str
    fallbacks: tuple[str, ...]
    language: str
    content_hash: str
    links: tuple[PlacedLink, ...] = ()
    linked_text: str = ""

    def to_document(self, base_url: str) -> dict[str, Any]:
        """Return it as JSON, with the address that its links begin with."""
        return {"base_url": base_url, **asdict(self)}

    @classmethod
    def from_document(cls, document: dict[str, Any] | None, base_url: str) -> RenderedIssue | None:
        """Read it back; None when there is none, or none for this address."""
        if document is None or document.get("base_url") != base_url:
            return None
        values = {name: value for name, value in document.items() if name != "base_url"}
        links = tuple(PlacedLink(*each) for each in values.get("links", ()))
        return cls(**values | {"fallbacks": tuple(values["fallbacks"]), "links": links})
