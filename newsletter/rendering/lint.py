"""Checks before sending. Each rule is a small function that yields findings; blocking ones refuse the approval."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from lxml import html as lxml_html

from newsletter.issues.snapshot import IssueSnapshot, ItemSnapshot
from newsletter.rendering.fields import WRITTEN_FIELD, token_pattern
from newsletter.rendering.links import longest, plain
from newsletter.rendering.mime import quoted_printable
from newsletter.rendering.values import RenderedIssue

Severity = Literal["block", "warn", "info"]

CLIP_BYTES = 102 * 1024  # Gmail cuts near 102 kB of HTML
WARN_BYTES = 80 * 1024
_LEFT_OVER = re.compile(
    r"\{\{.{0,60}|\{%.{0,60}|\*\|[A-Z0-9_:]{1,40}\|\*|%%\{?[A-Za-z_]{1,40}|\[\[[A-Z_]{2,40}\]\]|\}\}|%\}"
)
_NUMBER = re.compile(
    r"(?:\bno\.?|\bnr\.?|\bn[º°]|№|#|\bissue|\bnewsletter|\bausgabe|\bnúmero|شماره|شمارهٔ|العدد)\s*(\d{1,5})\b",
    re.IGNORECASE,
)
_DIGITS = {
    ord(digit): str(value) for block in ("٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹") for value, digit in enumerate(block)
}
_GENERIC = frozenset(
    {"click here", "here", "read more", "more", "link", "this", "hier", "mehr", "ici", "aquí"}
)
_PLACEHOLDER = re.compile(r"\bTK\b|\bTODO\b|lorem ipsum", re.IGNORECASE)
_PRIVATE_NAMES = re.compile(
    r"(?:^|\.)(?:localhost|local|internal|intranet|lan|home|corp)$|^[^.]+$", re.IGNORECASE
)
_BACK_OFFICE = re.compile(
    r"/wp-admin\b|/wp-login\.php|[?&]preview=true|/\.well-known/|[?&]preview_id=", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding. `where` is "subject", "preheader", "intro", "outro", "publication", "item:12" or "mail"."""

    rule: str
    severity: Severity
    where: str
    message: str

    def to_json(self) -> dict[str, str]:
        """Return the form of the interface page."""
        return {"rule": self.rule, "severity": self.severity, "where": self.where, "message": self.message}


@dataclass(frozen=True, slots=True)
class Material:
    """What rules look at."""

    snapshot: IssueSnapshot
    rendered: RenderedIssue
    tree: Any
    own_hosts: frozenset[str]
    base_url: str
    #: The HTML part, encoded, of the reader whose mail is the longest.
    encoded_bytes: int


Rule = Callable[[Material], Iterator[Finding]]


def lint_issue(
    snapshot: IssueSnapshot, rendered: RenderedIssue, *, base_url: str, own_hosts: tuple[str, ...] = ()
) -> list[Finding]:
    """Return all findings, blocking ones first."""
    hosts = frozenset(own_hosts) | {urlsplit(base_url).hostname or ""}
    shown = plain(rendered)
    tree = lxml_html.document_fromstring(shown.html)
    encoded = len(quoted_printable(longest(rendered, snapshot.publication, base_url).html))
    material = Material(snapshot, shown, tree, hosts, base_url, encoded)
    order = {"block": 0, "warn": 1, "info": 2}
    found = [finding for rule in RULES for finding in rule(material)]
    return sorted(dict.fromkeys(found), key=lambda finding: order[finding.severity])


def blocking(findings: list[Finding]) -> list[Finding]:
    """Return those that refuse an approval."""
    return [finding for finding in findings if finding.severity == "block"]


def _words(snapshot: IssueSnapshot) -> Iterator[tuple[str, str]]:
    """Yield (where, text) of everything people wrote."""
    for where in ("subject", "preheader", "title", "intro", "outro"):
        yield where, getattr(snapshot, where)
    for item in snapshot.items:
        yield (
            _at(item),
            " ".join((item.title, item.excerpt, re.sub(r"<[^<>]*>", " ", item.html), item.read_more or "")),
        )


def _at(item: ItemSnapshot) -> str:
    return f"item:{item.item_id}" if item.item_id is not None else "mail"


def unresolved_token(material: Material) -> Iterator[Finding]:
    """A merge field that nothing fills would be read by everybody."""
    for where, text in _words(material.snapshot):
        resolved = where in ("subject", "preheader", "intro", "outro")
        left = _LEFT_OVER.search(WRITTEN_FIELD.sub("", text) if resolved else text)
        if left:
            yield Finding(
                "unresolved-token", "block", where, f"“{left[0].strip()[:40]}” is no field that we fill."
            )


def missing_unsubscribe(material: Material) -> Iterator[Finding]:
    """Every reader must be able to leave with one click (CAN-SPAM, RFC 8058)."""
    pattern = token_pattern(material.rendered.suffix)
    links = [link.get("href") or "" for link in material.tree.iter("a")]
    if not any("/u/" in href and pattern.search(href) for href in links):
        yield Finding("missing-unsubscribe", "block", "mail", "The mail has no unsubscribe link.")


def missing_postal_address(material: Material) -> Iterator[Finding]:
    """Commercial mail must name a postal address."""
    if not material.snapshot.publication.postal_address.strip():
        yield Finding(
            "missing-postal-address",
            "block",
            "publication",
            "The publication has no postal address. Add it in its settings.",
        )


def missing_alt(material: Material) -> Iterator[Finding]:
    """A picture without alt text is nothing to a reader with pictures off; an empty alt says "decoration"."""
    for item in material.snapshot.items:
        if item.image_url and item.image_alt is None and item.display != "title":
            yield Finding(
                "missing-alt", "block", _at(item), f"The picture of “{item.title}” has no alt text."
            )
        if item.display == "full" and any(image.get("alt") is None for image in _pictures(item.html)):
            yield Finding(
                "missing-alt", "block", _at(item), f"A picture inside “{item.title}” has no alt text."
            )


def _pictures(markup: str) -> list[Any]:
    return (
        list(lxml_html.fragment_fromstring(markup, create_parent="div").iter("img"))
        if "<img" in markup
        else []
    )


def empty_subject(material: Material) -> Iterator[Finding]:
    """A mail without subject is not opened."""
    if not material.snapshot.subject.strip():
        yield Finding("empty-subject", "block", "subject", "The subject is empty.")


def bad_links(material: Material) -> Iterator[Finding]:
    """Links must lead every reader somewhere: absolute, public, http(s) or mailto."""
    for item in material.snapshot.items:
        addresses = [item.url] if item.url else []
        addresses += [item.image_url] if item.image_url and item.display != "title" else []
        addresses += _addresses(item.html) if item.display == "full" else []
        for address in addresses:
            yield from _judged(address, _at(item), material)
    for where in ("intro", "outro"):
        for address in re.findall(r"\]\(\s*<?([^)\s>]+)", getattr(material.snapshot, where)):
            yield from _judged(address, where, material)


def _addresses(markup: str) -> list[str]:
    if not markup.strip():
        return []
    root = lxml_html.fragment_fromstring(markup, create_parent="div")
    return [value for _, attribute, value, _ in root.iterlinks() if attribute in ("href", "src")]


def _judged(address: str, where: str, material: Material) -> Iterator[Finding]:
    why = link_trouble(address, material.own_hosts)
    if why:
        yield Finding("bad-link", "block", where, f"The link {address[:120]} {why}.")


def link_trouble(address: str, own_hosts: frozenset[str] = frozenset()) -> str | None:
    """Return why a link cannot be sent, or None. Reserved names such as .example are not private."""
    try:
        parts = urlsplit(address.strip())
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        return "cannot be read"
    if parts.scheme == "mailto":
        return None
    if parts.scheme not in ("http", "https"):
        return "is relative" if not parts.scheme else f"uses {parts.scheme}:, which mail programs refuse"
    if not host:
        return "has no host"
    if host in own_hosts:
        return "leads into the back office" if parts.path.startswith("/admin") else None
    if _is_private(host):
        return "leads to a private address"
    return "leads into the back office" if _BACK_OFFICE.search(address) else None


def _is_private(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        pass
    if re.fullmatch(r"(?:0x[0-9a-f]+|\d+)(?:\.(?:0x[0-9a-f]+|\d+)){0,3}", host, re.IGNORECASE):
        return True  # decimal, octal and hexadecimal forms of an IPv4 address
    return bool(_PRIVATE_NAMES.search(host))


def same_post_twice(material: Material) -> Iterator[Finding]:
    """A reader should not get the same post twice in one mail."""
    seen: set[object] = set()
    for item in material.snapshot.items:
        identity = item.post_id or item.url
        if identity is not None and identity in seen:
            yield Finding("same-post-twice", "block", _at(item), f"“{item.title}” is in this issue twice.")
        seen.add(identity)


def wrong_number(material: Material) -> Iterator[Finding]:
    """A subject copied from the last issue names the wrong number."""
    number = material.snapshot.number
    if number is None:
        return
    for where in ("subject", "title"):
        text = getattr(material.snapshot, where).translate(_DIGITS)
        named = [int(match[1]) for match in _NUMBER.finditer(text)]
        if named and number not in named:
            yield Finding(
                "wrong-number", "block", where, f"The {where} says “No. {named[0]}”, this is No. {number}."
            )


def size(material: Material) -> Iterator[Finding]:
    """Gmail cuts near 102 kB and hides the rest, the footer included."""
    encoded = material.encoded_bytes
    if encoded > CLIP_BYTES:
        yield Finding(
            "size",
            "warn",
            "mail",
            f"The HTML is {encoded / 1024:.0f} kB; Gmail cuts at 102 kB. Show some items as excerpts.",
        )
    elif encoded > WARN_BYTES:
        yield Finding(
            "size", "info", "mail", f"The HTML is {encoded / 1024:.0f} kB of the 102 kB that Gmail shows."
        )


def subject_length(material: Material) -> Iterator[Finding]:
    """Phones show about 40 characters of a subject."""
    length = len(material.snapshot.subject.strip())
    if 0 < length < 10 or length > 78:
        yield Finding(
            "subject-length", "warn", "subject", f"The subject has {length} characters; 10 to 78 read well."
        )


def preheader(material: Material) -> Iterator[Finding]:
    """The line beside the subject in the inbox."""
    text = material.snapshot.preheader.strip()
    if not text:
        yield Finding(
            "empty-preheader",
            "warn",
            "preheader",
            "The preheader is empty; inboxes will show whatever comes first.",
        )
    elif text == material.snapshot.subject.strip():
        yield Finding("preheader-repeats", "warn", "preheader", "The preheader repeats the subject.")
    elif not 30 <= len(text) <= 130:
        yield Finding(
            "preheader-length",
            "info",
            "preheader",
            f"The preheader has {len(text)} characters; 30 to 130 read well.",
        )


def placeholders(material: Material) -> Iterator[Finding]:
    """Words that somebody meant to replace."""
    for where, text in _words(material.snapshot):
        match = _PLACEHOLDER.search(text)
        if match and (match[0].isupper() or match[0].lower().startswith("lorem")):
            yield Finding("placeholder", "warn", where, f"“{match[0]}” looks unfinished.")


def generic_link_text(material: Material) -> Iterator[Finding]:
    """Link text should say where it goes."""
    for link in material.tree.iter("a"):
        text = " ".join(link.text_content().split()).strip(" .…»→").casefold()
        if text in _GENERIC:
            yield Finding("generic-link-text", "warn", "mail", f"A link says only “{text}”.")


def picture_formats(material: Material) -> Iterator[Finding]:
    """Outlook shows neither WebP nor AVIF nor SVG."""
    for image in material.tree.iter("img"):
        match = re.search(r"\.(webp|avif|svg)(?:$|\?)", image.get("src") or "", re.IGNORECASE)
        if match:
            yield Finding(
                "picture-format",
                "warn",
                "mail",
                f"A picture is {match[1].upper()}, which Outlook does not show.",
            )


def empty_issue(material: Material) -> Iterator[Finding]:
    """An issue without items is rarely meant."""
    if not material.snapshot.items:
        yield Finding("no-items", "warn", "mail", "The issue has no items.")


RULES: tuple[Rule, ...] = (
    unresolved_token, missing_unsubscribe, missing_postal_address, missing_alt, empty_subject, bad_links, same_post_twice,
    wrong_number, size, subject_length, preheader, placeholders, generic_link_text, picture_formats, empty_issue,
)  # fmt: skip
