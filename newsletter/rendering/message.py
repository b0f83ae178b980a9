"""A whole message compiled once per issue into byte segments, joined per reader (RFC 5322, 2045, 2369, 2919, 8058)."""

from __future__ import annotations

import hashlib
import html
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from newsletter.issues.snapshot import IssueSnapshot
from newsletter.rendering.carriers import Carrier
from newsletter.rendering.dkim import Signer, Signing
from newsletter.rendering.fields import token_pattern, value_of
from newsletter.rendering.head import Head, fixed_lines
from newsletter.rendering.links import written_for
from newsletter.rendering.mime import SegmentedText, cut
from newsletter.rendering.skeleton import Skeleton, multipart
from newsletter.rendering.tokens import LinkKeys
from newsletter.rendering.values import (
    UNTRACKED,
    PlacedLink,
    Recipient,
    RenderedIssue,
    Tracking,
    ways_of,
)


@dataclass(frozen=True, slots=True)
class Variant:
    """The two parts for the readers that are counted alike, as text to be looked at and as the body that is sent."""

    html: SegmentedText
    text: SegmentedText
    body: Skeleton


class CountedLink(NamedTuple):
    """A link and the id under which mails carry it."""

    key: str
    link: PlacedLink


@dataclass(frozen=True, slots=True)
class CompiledMessage:
    """One issue ready to be merged. `merge` costs microseconds; everything dear was done once."""

    subject: SegmentedText
    variants: Mapping[Tracking, Variant]
    head: Head
    links: tuple[CountedLink, ...] = ()
    signing: Signing | None = None
    carriers: tuple[Carrier, ...] = ()

    def signed_with(self, signers: tuple[Signer, ...]) -> CompiledMessage:
        """Return the message that carries a DKIM signature of each signer, in their order."""
        return replace(self, signing=Signing(signers, self.head.fixed) if signers else None)

    def carrying(self, carriers: tuple[Carrier, ...]) -> CompiledMessage:
        """Return the message with the headers by which providers give its token back."""
        return replace(self, carriers=carriers) if carriers else self

    @property
    def names_since(self) -> bool:
        """True when it tells each reader since when they are subscribed."""
        plain = self.variants[UNTRACKED]
        slots = {*self.subject.slots, *plain.html.slots, *plain.text.slots}
        return any(slot.word == "subscribedon" for slot in slots)

    @property
    def has_choices(self) -> bool:
        """True when it depends on what a reader chose about being counted."""
        return len(self.variants) > 1

    def merge(self, recipient: Recipient) -> bytes:
        """Return the whole message for one reader: CRLF, 7-bit, lines of at most 998.

        :raises InvalidInput: when the address cannot be written in a header.
        """
        own = self.head.own_lines(recipient, "" if self.head.subject_line else self.subject_for(recipient))
        filled = self.variant_for(recipient).body.filled(recipient)
        carried = [each.line(recipient.message_id) for each in self.carriers]
        if self.signing is None:
            return b"".join([*carried, *self.head.ordered(own), *filled])
        body = b"".join(filled)
        signed = self.signing.lines(own, body, recipient.date)
        return b"".join([*carried, *signed, *self.head.ordered(own), body])

    def variant_for(self, recipient: Recipient) -> Variant:
        """Return what this reader gets; whatever is not known is not counted."""
        return self.variants.get(recipient.tracking) or self.variants[UNTRACKED]

    def subject_for(self, recipient: Recipient) -> str:
        """Return the subject as this reader sees it."""
        return _joined(self.subject, recipient, escapes=False)

    def html_for(self, recipient: Recipient) -> str:
        """Return the HTML part as this reader sees it, decoded."""
        return _joined(self.variant_for(recipient).html, recipient, escapes=True)

    def text_for(self, recipient: Recipient) -> str:
        """Return the text part as this reader sees it, decoded."""
        return _joined(self.variant_for(recipient).text, recipient, escapes=False)


def _joined(text: SegmentedText, recipient: Recipient, *, escapes: bool) -> str:
    out = [text.pieces[0]]
    for slot, piece in zip(text.slots, text.pieces[1:], strict=True):
        value = value_of(slot.word, slot.fallback, recipient)
        out += (html.escape(value) if escapes else value, piece)
    return "".join(out)


def compile_message(
    snapshot: IssueSnapshot,
    rendered: RenderedIssue,
    *,
    base_url: str,
    list_id: str | None = None,
    bounce_domain: str = "",
    link_keys: LinkKeys | None = None,
) -> CompiledMessage:
    """Compile a rendered issue; without `link_keys` all its links are plain.

    :raises InvalidInput: when the publication's sender cannot be written in a header.
    """
    subject = cut(rendered.subject, token_pattern(rendered.suffix), rendered.fallbacks)
    domain = bounce_domain or snapshot.publication.from_address.rpartition("@")[2]
    boundary = b"=_" + hashlib.sha256(rendered.content_hash.encode()).hexdigest()[:32].encode()
    links = _counted_links(snapshot, rendered, link_keys)
    return CompiledMessage(
        subject=subject,
        variants=_variants(snapshot, rendered, base_url, boundary, links if link_keys else None),
        head=Head.of(
            snapshot.publication,
            fixed_lines(snapshot, list_id, boundary),
            subject=None if subject.slots else subject.pieces[0],
            base_url=base_url,
            unsubscribe_domain=domain,
        ),
        links=links,
    )


def _counted_links(
    snapshot: IssueSnapshot, rendered: RenderedIssue, keys: LinkKeys | None
) -> tuple[CountedLink, ...]:
    if keys is None:
        return ()
    issue_id = snapshot.issue_id or 0
    return tuple(
        CountedLink(keys.key_of(issue_id, each.place, each.item_id, each.target), each)
        for each in rendered.links
    )


def _variants(
    snapshot: IssueSnapshot,
    rendered: RenderedIssue,
    base_url: str,
    boundary: bytes,
    links: tuple[CountedLink, ...] | None,
) -> dict[Tracking, Variant]:
    """Return one variant for each way in which readers of the publication can be counted; without links only the plain."""
    ways = {UNTRACKED} if links is None else ways_of(snapshot.publication)
    keys = [each.key for each in links or ()]
    token = f"mergetoken{rendered.suffix}00z"
    return {
        way: _variant(written_for(rendered, way, base_url, token, keys), boundary) for way in sorted(ways)
    }


def _variant(rendered: RenderedIssue, boundary: bytes) -> Variant:
    pattern = token_pattern(rendered.suffix)
    markup = cut(rendered.html, pattern, rendered.fallbacks)
    text = cut(rendered.text, pattern, rendered.fallbacks)
    return Variant(markup, text, multipart(text, markup, boundary))
