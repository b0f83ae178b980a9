"""The one path from snapshot to mail: preview, test, archive and send all come through here."""

from __future__ import annotations

from functools import lru_cache

from newsletter.issues.measuring import Counting
from newsletter.issues.snapshot import IssueSnapshot
from newsletter.rendering.fields import TokenBook
from newsletter.rendering.message import CompiledMessage, compile_message
from newsletter.rendering.tokens import LinkKeys
from newsletter.rendering.values import RenderedIssue


@lru_cache(maxsize=16)
def render_issue(snapshot: IssueSnapshot, base_url: str) -> RenderedIssue:
    """Compose and inline an issue once; the same snapshot gives the same bytes.

    The renderer is loaded here: a sender has the rendition and does without (30 MB).
    """
    from newsletter.rendering.compose import compose_html
    from newsletter.rendering.inline import inline
    from newsletter.rendering.links import LinkBook
    from newsletter.rendering.textpart import compose_text

    book = TokenBook.avoiding(repr(snapshot) + base_url, snapshot.content_hash())
    is_counted = snapshot.publication.click_counting != Counting.OFF
    links = LinkBook(book.suffix, base_url, snapshot.publication.slug, is_counted)
    subject = book.place(snapshot.subject)
    markup = inline(compose_html(snapshot, book, links, base_url))
    linked_text = compose_text(snapshot, book, links, base_url) if is_counted else ""
    return RenderedIssue(
        subject=subject,
        preheader=book.place(snapshot.preheader),
        html=markup,
        text=compose_text(snapshot, book, LinkBook.closed(), base_url),
        suffix=book.suffix,
        fallbacks=tuple(book.fallbacks),
        language=snapshot.language,
        content_hash=snapshot.content_hash(),
        linked_text=linked_text,
        links=tuple(links.placed),
    )


@lru_cache(maxsize=16)
def compiled_issue(
    snapshot: IssueSnapshot,
    base_url: str,
    list_id: str | None = None,
    bounce_domain: str = "",
    rendition: RenderedIssue | None = None,
    link_keys: LinkKeys | None = None,
) -> CompiledMessage:
    """Compile an issue, kept for the next reader; rendered now unless its rendition is given.

    Without `link_keys` nobody is counted: every link is plain.
    """
    rendered = rendition or render_issue(snapshot, base_url)
    return compile_message(
        snapshot,
        rendered,
        base_url=base_url,
        list_id=list_id,
        bounce_domain=bounce_domain,
        link_keys=link_keys,
    )
