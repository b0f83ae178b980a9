"""The one path from snapshot to mail: preview, test, archive and send all come through here."""

from __future__ import annotations

from functools import lru_cache

from newsletter.issues.snapshot import IssueSnapshot
from newsletter.rendering.fields import TokenBook
from newsletter.rendering.message import CompiledMessage, compile_message
from newsletter.rendering.values import RenderedIssue


@lru_cache(maxsize=16)
def render_issue(snapshot: IssueSnapshot, base_url: str) -> RenderedIssue:
    """Compose and inline an issue once; the same snapshot gives the same bytes.

    The renderer is loaded here: a sender has the rendition and does without (30 MB).
    """
    from newsletter.rendering.compose import compose_html
    from newsletter.rendering.inline import inline
    from newsletter.rendering.textpart import compose_text

    book = TokenBook.avoiding(repr(snapshot) + base_url, snapshot.content_hash())
    subject = book.place(snapshot.subject)
    markup = inline(compose_html(snapshot, book, base_url))
    return RenderedIssue(
        subject=subject,
        preheader=book.place(snapshot.preheader),
        html=markup,
        text=compose_text(snapshot, book, base_url),
        suffix=book.suffix,
        fallbacks=tuple(book.fallbacks),
        language=snapshot.language,
        content_hash=snapshot.content_hash(),
    )


@lru_cache(maxsize=16)
def compiled_issue(
    snapshot: IssueSnapshot,
    base_url: str,
    list_id: str | None = None,
    bounce_domain: str = "",
    rendition: RenderedIssue | None = None,
) -> CompiledMessage:
    """Compile an issue, kept for the next reader; rendered now unless its rendition is given."""
    rendered = rendition or render_issue(snapshot, base_url)
    return compile_message(
        snapshot, rendered, base_url=base_url, list_id=list_id, bounce_domain=bounce_domain
    )
