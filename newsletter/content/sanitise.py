"""Stored HTML: an allow-list by nh3 (ammonia), links made absolute, nothing that runs."""

from __future__ import annotations

import re
from urllib.parse import urljoin

import nh3

_TAGS = {
    "a", "abbr", "b", "bdi", "bdo", "blockquote", "br", "caption", "cite", "code", "dd", "del", "div", "dl", "dt", "em",
    "figcaption", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "ins", "kbd", "li", "mark", "ol", "p",
    "pre", "q", "s", "small", "span", "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "time", "tr",
    "u", "ul", "var",
}  # fmt: skip
_ATTRIBUTES = {
    "*": {"lang", "dir", "title"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    "ol": {"start", "reversed"},
    "li": {"value"},
    "time": {"datetime"},
    "blockquote": {"cite"},
    "q": {"cite"},
}
_DROP_WITH_CONTENT = {
    "script",
    "style",
    "noscript",
    "template",
    "svg",
    "math",
    "object",
    "embed",
    "form",
    "select",
    "textarea",
}
_EMBED = re.compile(
    r"<(?:iframe|video|audio)\b[^<>]{0,2000}?\bsrc\s*=\s*[\"'](https?://[^\"'<>]{1,1000})[\"'][^<>]{0,2000}>",
    re.IGNORECASE,
)
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_LAZY = re.compile(r"(<img\b[^<>]{0,2000}?)\sdata-(?:lazy-)?src\s*=", re.IGNORECASE)
_URL_ATTRIBUTES = {("a", "href"), ("img", "src"), ("blockquote", "cite"), ("q", "cite")}


def sanitise(markup: str, base: str = "") -> str:
    """Return safe HTML: allow-listed tags, absolute http(s) and mailto links, embeds turned into links."""
    if not markup:
        return ""
    prepared = _EMBED.sub(r'<a href="\1">\1</a>', _COMMENT.sub("", markup))
    prepared = _LAZY.sub(r"\1 src=", prepared)

    def absolute(tag: str, attribute: str, value: str) -> str | None:
        if (tag, attribute) not in _URL_ATTRIBUTES:
            return value
        return _absolute(value, base)

    return nh3.clean(
        prepared,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        clean_content_tags=_DROP_WITH_CONTENT,
        url_schemes={"http", "https", "mailto"},
        attribute_filter=absolute,
        link_rel=None,
        strip_comments=True,
    )


def _absolute(value: str, base: str) -> str | None:
    try:
        return urljoin(base, value.strip()) if base else value.strip()
    except ValueError:
        return None
