"""Stored HTML: an allow-list by nh3 (ammonia), links made absolute, nothing that runs, embeds turned into links."""

from __future__ import annotations

import html
import re
from urllib.parse import urljoin

import nh3

from newsletter.content.nesting import deepest
from newsletter.content.text import plain_text

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
_DROPPED_WHOLE = {
    "script", "style", "noscript", "template", "svg", "math", "object", "embed", "form", "select", "textarea",
}  # fmt: skip
_ADDRESSES = {("a", "href"), ("img", "src"), ("blockquote", "cite"), ("q", "cite")}
# A tag with its quoted values is taken whole: what looks like a tag inside a value is left alone.
_REWRITTEN_TAG = re.compile(
    r"""<(?P<name>[a-z][a-z0-9]*)(?P<rest>(?:[^"'<>]|"[^"]*"|'[^']*')*+)>""", re.IGNORECASE
)
_MAY_CHANGE = re.compile(r"<(?:iframe|video|audio|img)\b", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""([^\s"'<>/=]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'<>]+))""")
_BARE_AMPERSAND = re.compile(r"&(?![#a-z])", re.IGNORECASE)
_EMBEDS = ("iframe", "video", "audio")
_LAZY_SOURCES = ("data-src", "data-lazy-src", "data-original")

LONGEST = 2_000_000
MOST_ENTITIES = 100_000
MOST_DEPTH = 400


def sanitise(markup: str, base: str = "") -> str:
    """Return safe HTML: allow-listed tags, absolute http(s) and mailto links, no tracking pixels.

    Of markup that is too much to be a post's, the words are kept.
    """
    if not markup:
        return ""
    if _is_absurd(markup):
        return f"<p>{html.escape(plain_text(markup), quote=False)}</p>"

    def absolute(tag: str, attribute: str, value: str) -> str | None:
        return _absolute(value, base) if (tag, attribute) in _ADDRESSES else value

    return nh3.clean(
        _prepared(_BARE_AMPERSAND.sub("&amp;", markup)),
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        clean_content_tags=_DROPPED_WHOLE,
        url_schemes={"http", "https", "mailto"},
        attribute_filter=absolute,
        link_rel=None,
        strip_comments=True,
    )


def _is_absurd(markup: str) -> bool:
    """Say whether cleaning would take quadratic time: too long, too many entities, too deep."""
    if len(markup) > LONGEST or markup.count("&") > MOST_ENTITIES:
        return True
    return markup.count("<") > MOST_DEPTH and deepest(markup) > MOST_DEPTH


def _absolute(value: str, base: str) -> str | None:
    try:
        return urljoin(base, value.strip()) if base else value.strip()
    except ValueError:
        return None


def _prepared(markup: str) -> str:
    return _REWRITTEN_TAG.sub(_rewritten, markup) if _MAY_CHANGE.search(markup) else markup


def _rewritten(match: re.Match[str]) -> str:
    """Change the tags that mail cannot show: embeds, lazy pictures, pixels that only count."""
    name = match["name"].lower()
    if name in _EMBEDS:
        return _link(_attributes(match["rest"]).get("src", ""))
    if name == "img":
        return _picture(match[0], _attributes(match["rest"]))
    return match[0]


def _attributes(rest: str) -> dict[str, str]:
    found = (
        (name.lower(), double or single or bare) for name, double, single, bare in _ATTRIBUTE.findall(rest)
    )
    return {name: html.unescape(value) for name, value in found}


def _link(address: str) -> str:
    if not address.lower().startswith(("http://", "https://", "//")):
        return ""
    shown = address if "://" in address else f"https:{address}"
    return f'<a href="{html.escape(shown)}">{html.escape(shown)}</a>'


def _picture(tag: str, attributes: dict[str, str]) -> str:
    if {attributes.get("width"), attributes.get("height")} <= {"0", "1"}:
        return ""
    source = next((attributes[name] for name in _LAZY_SOURCES if attributes.get(name)), None)
    if source is None:
        return tag
    kept = {name: attributes[name] for name in ("alt", "width", "height") if name in attributes} | {
        "src": source
    }
    return "<img " + " ".join(f'{name}="{html.escape(value)}"' for name, value in kept.items()) + ">"
