"""Text from outside made clean: control characters, entities escaped twice, plain text out of HTML, keys to compare by."""

from __future__ import annotations

import html
import re
import unicodedata
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

_C1 = re.compile(r"[\x80-\x9f]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_TAG = re.compile(r"<[^<>]{0,2000}>")
_DROPPED = re.compile(r"<(script|style|noscript)\b[^<>]*>.*?(?:</\1\s*>|\Z)", re.IGNORECASE | re.DOTALL)
_SPACE = re.compile(r"\s+")
_AUTO_EXCERPT = re.compile(
    r"\s*(?:\[(?:…|\.\.\.)\]|(?:…|\.\.\.)?\s*(?:Continue reading|Read more)\b.*)\s*$", re.IGNORECASE
)
_TRACKING = re.compile(r"(?:utm_\w+|fbclid|gclid|mc_cid|mc_eid)$", re.IGNORECASE)
EXCERPT_WORDS = 55


def clean(text: str) -> str:
    """Map C1 controls through cp1252 (a pasted Windows apostrophe makes Gmail clip a mail), drop other controls."""
    return _CONTROL.sub("", _C1.sub(_from_cp1252, text))


def _from_cp1252(match: re.Match[str]) -> str:
    return bytes([ord(match.group())]).decode("cp1252", "ignore")


def one_line(text: str) -> str:
    """Return cleaned text on one line, in NFC."""
    return unicodedata.normalize("NFC", _SPACE.sub(" ", clean(text))).strip()


def plain_title(text: str) -> str:
    """Return a title without tags and with entities resolved, also those escaped twice."""
    for _ in range(3):
        if not _ENTITY.search(text):
            break
        text = html.unescape(text)
    return one_line(_strip_known_tags(text))


_KNOWN_TAG = re.compile(
    r"</?(?:a|abbr|b|bdi|br|cite|code|em|font|i|img|mark|p|s|small|span|strong|sub|sup|u|wbr|div|h[1-6])\b[^<>]{0,1000}>",
    re.IGNORECASE,
)


def _strip_known_tags(text: str) -> str:
    return _KNOWN_TAG.sub(" ", text) if "<" in text else text


def plain_text(markup: str) -> str:
    """Return the words of an HTML fragment on one line."""
    return one_line(html.unescape(_TAG.sub(" ", _DROPPED.sub(" ", markup))))


def excerpt_of(summary: str, content: str) -> tuple[str, bool]:
    """Return (excerpt, made by us). A summary that a blog engine cut by itself is made anew from the content."""
    given = plain_text(summary)
    trimmed = _AUTO_EXCERPT.sub("", given)
    whole = plain_text(content)
    if given and trimmed == given and given != whole:
        return given, False
    source = whole or trimmed
    words = source.split()
    cut = " ".join(words[:EXCERPT_WORDS])
    return (cut.rstrip(",;:–-") + "…" if len(words) > EXCERPT_WORDS else cut), True


def absolute_url(url: str | None, base: str) -> str | None:
    """Return an http(s) address, resolved against `base`; None for anything else (javascript:, data:, …)."""
    if not url:
        return None
    candidate = _SPACE.sub("", clean(html.unescape(url) if "&" in url else url))
    try:
        resolved = urljoin(base, candidate) if base else candidate
        scheme = urlsplit(resolved).scheme.lower()
    except ValueError:
        return None
    return resolved if scheme in ("http", "https") or (not scheme and not base) else None


def url_key(url: str | None) -> str | None:
    """Return what two addresses of the same page share: no scheme, no tracking, no trailing slash."""
    if not url:
        return None
    try:
        parts = urlsplit(url)
        query = urlencode(
            [(k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if not _TRACKING.match(k)]
        )
        return urlunsplit(("", parts.netloc.lower(), parts.path.rstrip("/"), query, ""))[:700]
    except ValueError:
        return None


def title_key(title: str) -> str:
    """Return a title as it is compared."""
    return unicodedata.normalize("NFKC", title).casefold()[:300]


def slugify(text: str) -> str:
    """Return a slug of letters and digits of any script, at most 80 long."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return re.sub(r"[^\w]+", "-", folded, flags=re.UNICODE).strip("-_")[:80].strip("-_") or "untitled"
