"""Article HTML made fit for mail: headings below the item's, figures as blocks, pictures in width, classes for the theme."""

from __future__ import annotations

from typing import Any

from lxml import etree
from lxml import html as lxml_html

WIDTH = 536
_CLASSES = {
    "p": "ex",
    "li": "ex",
    "blockquote": "bq",
    "figcaption": "by",
    "h4": "h4",
    "h5": "h4",
    "h6": "h4",
    "pre": "code",
}
_DEMOTED = {"h1": "h4", "h2": "h4", "h3": "h4", "h4": "h5", "h5": "h6"}
_BLOCKS = {"figure": "div", "figcaption": "p"}
_DROPPED = ("srcset", "sizes", "loading", "decoding", "style", "class", "id")


def mail_html(markup: str, direction: str) -> str:
    """Return sanitised article HTML as a mail can carry it."""
    if not markup.strip():
        return ""
    try:
        root = lxml_html.fragment_fromstring(markup, create_parent="div")
    except (etree.ParserError, ValueError):
        return ""
    for element in list(root.iter()):
        if isinstance(element.tag, str):
            _fit(element, direction)
    inner = (
        root.text or ""
    ) and f'<p class="ex">{lxml_html.tostring(_text(root.text or ""), encoding="unicode")[3:-4]}</p>'
    return inner + "".join(lxml_html.tostring(child, encoding="unicode") for child in root)


def _text(text: str) -> Any:
    paragraph = lxml_html.Element("p")
    paragraph.text = text
    return paragraph


def _fit(element: Any, direction: str) -> None:
    for name in _DROPPED:
        element.attrib.pop(name, None)
    tag = element.tag
    element.tag = _BLOCKS.get(_DEMOTED.get(tag, tag), _DEMOTED.get(tag, tag))
    css = _CLASSES.get(tag if tag in _CLASSES and tag not in _DEMOTED else element.tag)
    if css:
        element.set("class", css)
    if tag == "img":
        _fit_picture(element)
    elif tag == "table":
        element.set("role", "table")
        element.set("width", "100%")
    elif tag in ("ul", "ol"):
        element.set("style", f"margin:12px 0;padding-{'right' if direction == 'rtl' else 'left'}:24px")


def _fit_picture(image: Any) -> None:
    image.set("class", "im")
    width, height = _number(image.get("width")), _number(image.get("height"))
    if width and width > WIDTH:
        height = round(height * WIDTH / width) if height else None
        width = WIDTH
    image.set("width", str(width or WIDTH))
    if height:
        image.set("height", str(height))
    else:
        image.attrib.pop("height", None)


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() and 0 < int(text) < 20_000 else None
