"""Shortcodes of WordPress exports, found by index (no backtracking): captions become figures, the rest loses its brackets."""

from __future__ import annotations

import html
import re

_NAME = re.compile(r"/?([a-z][a-z0-9_-]{1,40})(?=[\s\]/])", re.IGNORECASE)
_URL = re.compile(r"https?://[^\s\"'\]<>]{3,1000}")
_ATTRIBUTE = re.compile(r"([a-z_]{1,30})\s*=\s*[\"']([^\"']{0,1000})[\"']", re.IGNORECASE)
_PARAGRAPH = re.compile(r"\n\s*\n")
_BLOCK = re.compile(r"<(?:p|div|h[1-6]|ul|ol|table|figure|blockquote|pre|!--)\b|<!--", re.IGNORECASE)
_PAGE_BUILDERS = ("vc_", "et_pb_", "fusion_", "av_", "elementor")
_KNOWN = frozenset(
    {
        "audio",
        "caption",
        "column",
        "columns",
        "embed",
        "gallery",
        "playlist",
        "row",
        "video",
        "youtube",
        "vimeo",
    }
)
LONGEST_TAG = 3000


def render_shortcodes(text: str) -> str:
    """Return the text with shortcodes resolved and bare line breaks made paragraphs, as WordPress does on its pages."""
    return paragraphs(_without_tags(text))


def _without_tags(text: str) -> str:
    out, place = [], 0
    while (start := text.find("[", place)) >= 0:
        end = text.find("]", start, start + LONGEST_TAG)
        replacement = _replacement(text[start + 1 : end + 1]) if end > 0 else None
        if replacement is None:
            out.append(text[place : start + 1])
            place = start + 1
        else:
            out += (text[place:start], replacement)
            place = end + 1
    out.append(text[place:])
    return "".join(out)


def _replacement(tag: str) -> str | None:
    """Return what stands for the tag, or None when it is ordinary text like "[sic]"."""
    match = _NAME.match(tag)
    if match is None:
        return None
    name, closing, has_attributes = match[1].lower(), tag.startswith("/"), "=" in tag
    if name not in _KNOWN and not name.startswith(_PAGE_BUILDERS) and not (has_attributes or closing):
        return None
    if closing:
        return ""
    url = _URL.search(tag)
    if name in ("embed", "youtube", "vimeo", "video", "audio") and url:
        return f'<p><a href="{html.escape(url[0])}">{html.escape(url[0])}</a></p>'
    return ""


def paragraphs(text: str) -> str:
    """Wrap blocks that are separated by blank lines in <p>; leave text that has its own blocks alone."""
    if not text.strip() or _BLOCK.search(text):
        return text
    return "".join(f"<p>{block.strip()}</p>" for block in _PARAGRAPH.split(text) if block.strip())
