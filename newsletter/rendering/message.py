"""A whole message compiled once per issue into byte segments, joined per reader (RFC 5322, 2045, 2369, 2919, 8058)."""

from __future__ import annotations

import hashlib
import html
from dataclasses import dataclass, replace

from newsletter.issues.snapshot import IssueSnapshot
from newsletter.rendering.dkim import Signer, Signing
from newsletter.rendering.fields import token_pattern, value_of
from newsletter.rendering.head import Head, fixed_lines
from newsletter.rendering.mime import SegmentedText, cut
from newsletter.rendering.skeleton import Skeleton, multipart
from newsletter.rendering.values import Recipient, RenderedIssue


@dataclass(frozen=True, slots=True)
class CompiledMessage:
    """One issue ready to be merged. `merge` costs microseconds; everything dear was done once."""

    subject: SegmentedText
    html: SegmentedText
    text: SegmentedText
    head: Head
    body: Skeleton
    signing: Signing | None = None

    def signed_with(self, signers: tuple[Signer, ...]) -> CompiledMessage:
        """Return the message that carries a DKIM signature of each signer, in their order."""
        return replace(self, signing=Signing(signers, self.head.fixed) if signers else None)

    @property
    def names_since(self) -> bool:
        """True when it tells each reader since when they are subscribed."""
        slots = {*self.subject.slots, *self.html.slots, *self.text.slots}
        return any(slot.word == "subscribedon" for slot in slots)

    def merge(self, recipient: Recipient) -> bytes:
        """Return the whole message for one reader: CRLF, 7-bit, lines of at most 998.

        :raises InvalidInput: when the address cannot be written in a header.
        """
        own = self.head.own_lines(recipient, "" if self.head.subject_line else self.subject_for(recipient))
        if self.signing is None:
            return b"".join([*self.head.ordered(own), *self.body.filled(recipient)])
        body = b"".join(self.body.filled(recipient))
        return b"".join([*self.signing.lines(own, body, recipient.date), *self.head.ordered(own), body])

    def subject_for(self, recipient: Recipient) -> str:
        """Return the subject as this reader sees it."""
        return _joined(self.subject, recipient, escapes=False)

    def html_for(self, recipient: Recipient) -> str:
        """Return the HTML part as this reader sees it, decoded."""
        return _joined(self.html, recipient, escapes=True)

    def text_for(self, recipient: Recipient) -> str:
        """Return the text part as this reader sees it, decoded."""
        return _joined(self.text, recipient, escapes=False)


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
) -> CompiledMessage:
    """Compile a rendered issue.

    :raises InvalidInput: when the publication's sender cannot be written in a header.
    """
    pattern = token_pattern(rendered.suffix)
    subject, markup, text = (
        cut(part, pattern, rendered.fallbacks) for part in (rendered.subject, rendered.html, rendered.text)
    )
    domain = bounce_domain or snapshot.publication.from_address.rpartition("@")[2]
    boundary = b"=_" + hashlib.sha256(rendered.content_hash.encode()).hexdigest()[:32].encode()
    return CompiledMessage(
        subject=subject,
        html=markup,
        text=text,
        head=Head.of(
            snapshot.publication,
            fixed_lines(snapshot, list_id, boundary),
            subject=None if subject.slots else subject.pieces[0],
            base_url=base_url,
            unsubscribe_domain=domain,
        ),
        body=multipart(text, markup, boundary),
    )
