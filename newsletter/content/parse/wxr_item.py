"""One item of a WordPress export: its fields by local name, its meta values, its terms."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from newsletter.content.addresses import absolute_url
from newsletter.content.parse.markup import local_name
from newsletter.content.text import one_line
from newsletter.content.values import Picture


@dataclass(slots=True)
class WxrItem:
    """An item flattened; it may be a post, a page, a picture, a menu entry or anything a plug-in keeps."""

    fields: dict[str, str] = field(default_factory=dict)
    meta: dict[str, str] = field(default_factory=dict)
    categories: list[str] = field(default_factory=list)
    co_authors: list[tuple[str, str]] = field(default_factory=list)

    def get(self, name: str) -> str:
        """Return a field, "" when it is missing."""
        return self.fields.get(name, "")

    def why_left_out(self) -> str:
        """Return why this is no post to gather, "" when it is one."""
        kind, status = self.get("post_type") or "post", self.get("status") or "publish"
        if kind != "post":
            return f"type {one_line(kind)}"
        if status != "publish":
            return f"status {one_line(status)}"
        return "has a password" if self.get("post_password") else ""

    def picture(self) -> Picture | None:
        """Return the picture that an attachment is."""
        if self.get("post_type") != "attachment":
            return None
        url = absolute_url(self.get("attachment_url"), "")
        alt = one_line(self.meta.get("_wp_attachment_image_alt", ""))
        return Picture(url, alt or None) if url else None

    def published(self) -> str:
        """Return the date in UTC as written; drafts that were published lack it and have others."""
        gmt = self.get("post_date_gmt")
        usable = gmt and not gmt.startswith("0000")
        return gmt if usable else self.get("pubDate") or self.get("post_date")


def read_item(element: Any) -> WxrItem:
    """Flatten an item; `encoded` is content or excerpt by its namespace."""
    item = WxrItem()
    for child in element:
        name = local_name(child.tag)
        if name == "encoded":
            item.fields["excerpt" if "excerpt" in child.tag else "content"] = child.text or ""
        elif name == "postmeta":
            _meta(item, child)
        elif name == "category":
            _category(item, child)
        elif name:
            item.fields.setdefault(name, (child.text or "").strip())
    return item


def _meta(item: WxrItem, element: Any) -> None:
    values = {local_name(child.tag): child.text or "" for child in element}
    item.meta[values.get("meta_key", "")] = values.get("meta_value", "")


def _category(item: WxrItem, element: Any) -> None:
    label = one_line(element.text or "")
    if element.get("domain") == "author":
        item.co_authors.append((element.get("nicename") or label, label))
    elif label:
        item.categories.append(label)
