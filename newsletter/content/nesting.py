"""How deep markup is nested, counted in one pass: parsers take quadratic time over what is nested absurdly."""

from __future__ import annotations

import re

_TAG = re.compile(r"<(/?)([a-z][a-z0-9:._-]*)([^<>]*>)?", re.IGNORECASE)
#: Tags that need no end; they hold nothing, or the next one ends them.
_ENDLESS = frozenset(
    [
        "area",
        "base",
        "br",
        "col",
        "embed",
        "hr",
        "img",
        "input",
        "link",
        "meta",
        "source",
        "track",
        "wbr",
        "p",
        "li",
        "dt",
        "dd",
        "td",
        "th",
        "tr",
        "tbody",
        "thead",
        "tfoot",
        "option",
    ]
)


def deepest(markup: str) -> int:
    """Return the depth of the innermost open tag."""
    depth = most = 0
    for end, name, rest in _TAG.findall(markup):
        if rest and (rest.endswith("/>") or name.lower() in _ENDLESS):
            continue
        depth = max(depth - 1, 0) if end else depth + 1
        most = max(most, depth)
    return most
