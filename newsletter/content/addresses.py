"""Web addresses as sources write them: made absolute, and as they are compared."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

from newsletter.content.text import clean

_LINE_BREAK = re.compile(r"[\r\n\t]+")
_AMPERSAND = re.compile(r"&(?:amp|#0*38|#x26);", re.IGNORECASE)
_TRACKING = re.compile(r"(?:utm_\w+|fbclid|gclid|mc_cid|mc_eid)$", re.IGNORECASE)
#: Places inside a page; any other fragment may be a post of its own ("/2026/11/25.html#a0806").
_PLACE = re.compile(r"(?:comments?\b|respond$|more-\d|content$|top$|utm_|xtor|:~:)", re.IGNORECASE)


def absolute_url(url: str | None, base: str) -> str | None:
    """Return an http(s) address, resolved against `base`; None for anything else (javascript:, data:, …)."""
    if not url:
        return None
    candidate = _AMPERSAND.sub("&", _LINE_BREAK.sub("", clean(url)).strip()).replace(" ", "%20")
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
    except ValueError:
        return None
    fragment = "" if _PLACE.match(parts.fragment) else parts.fragment
    return urlunsplit(("", parts.netloc.lower(), parts.path.rstrip("/"), query, fragment))[:700]


def web_base(link: str | None, location: str) -> str:
    """Return the address that relative links of a document are resolved against; "" when there is none."""
    own = location if "://" in location else ""
    found = absolute_url(link, own) or ""
    return found if "://" in found else own
