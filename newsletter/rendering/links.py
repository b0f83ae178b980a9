"""Links that can be counted: opaque words in the rendered issue, addresses of ours or plain targets once it is compiled.

The issue is rendered once. From it two mails are compiled: one whose links are plain, for readers who are not counted,
and one whose links lead through us. What a word stands for is found without looking at markup again. Never counted:
links of ours (unsubscribe, preferences, archive), links that hold a reader's value, and links whose words are an
address themselves, because an address that leads elsewhere than it says looks like fraud.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import urlsplit

from newsletter.issues.snapshot import PublicationProfile
from newsletter.rendering.tokens import KEY_LENGTH, TOKEN_LENGTH
from newsletter.rendering.values import PlacedLink, RenderedIssue, Tracking, ways_of

MOST_LINKS: Final = 1000
LONGEST_TARGET: Final = 4000
#: The place of the link that nobody sees.
TRAP: Final = "canary"
_ANCHOR: Final = re.compile(r'(<a\b[^>]*?\bhref=")([^"]*)("[^>]*>)(.*?)</a>', re.DOTALL)
_TAG: Final = re.compile(r"<[^<>]*>")
#: First parts of our own addresses that a mail may hold; the publication's name is another.
_OWN: Final = frozenset({"", "u", "p", "c", "o", "confirm", "subscribe"})


@dataclass
class LinkBook:
    """Gives the links of one issue their words. Without `is_on` every link stays as it is."""

    suffix: str
    base_url: str
    slug: str
    is_on: bool
    placed: list[PlacedLink] = field(default_factory=list)
    _numbers: dict[tuple[str, str, int | None], int] = field(default_factory=dict)

    def place(self, target: str, place: str, item_id: int | None = None, words: str = "") -> str:
        """Return the word of a link, or the target when it is not to be counted."""
        if not (self.is_on and self._can_count(target)) or says_address(words, target):
            return target
        identity = (target, place, item_id)
        number = self._numbers.setdefault(identity, len(self.placed))
        if number >= MOST_LINKS:
            return target
        if number == len(self.placed):
            self.placed.append(PlacedLink(target, place, item_id, " ".join(words.split())[:200]))
        return f"mergelink{self.suffix}{number:03d}z"

    def place_all(self, markup: str, place: str, item_id: int | None = None) -> str:
        """Return markup with the words of its links in their place."""

        def placed(anchor: re.Match[str]) -> str:
            target, words = html.unescape(anchor[2]), html.unescape(_TAG.sub("", anchor[4]))
            word = self.place(target, place, item_id, words)
            return anchor[0] if word == target else f"{anchor[1]}{word}{anchor[3]}{anchor[4]}</a>"

        return _ANCHOR.sub(placed, markup) if self.is_on else markup

    def in_text(self, place: str, item_id: int | None = None) -> Callable[[str, str], str]:
        """Return what gives the links of a text part, target and words, what the same links have in the HTML part."""
        return lambda target, words: self.place(target, place, item_id, words)

    @classmethod
    def closed(cls) -> LinkBook:
        """Return a book in which nothing is counted."""
        return cls("", "", "", is_on=False)

    def trap(self, target: str) -> str:
        """Return the word where the link that nobody sees goes; it leads where the mail can be read online."""
        if not self.is_on:
            return ""
        self.placed.append(PlacedLink(target, TRAP, None, ""))
        return f"mergetrap{self.suffix}z"

    def _can_count(self, target: str) -> bool:
        if not is_web_address(target) or self.suffix in target:
            return False
        return not is_own(target, self.base_url, self.slug)


def is_web_address(target: str) -> bool:
    """Say whether a target is an absolute http or https address that a Location header can carry."""
    if len(target) > LONGEST_TARGET or not target.isprintable() or any(each in target for each in ' "<>\\'):
        return False
    try:
        parts = urlsplit(target)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        return False


def says_address(words: str, target: str) -> bool:
    """Say whether a link's words are its address, whole or only the host."""
    said, host = words.strip().lower(), (urlsplit(target).hostname or "").removeprefix("www.")
    return said.startswith(("http://", "https://", "www.")) or said.split("/")[0] == host


def is_own(target: str, base_url: str, slug: str) -> bool:
    """Say whether a target is one of our own pages: how to leave, what one gets, what was sent."""
    if not (target + "/").startswith(base_url + "/"):
        return False
    first = re.split(r"[/?#]", target[len(base_url) + 1 :], maxsplit=1)[0]
    return first in _OWN or first == slug


def plain(rendered: RenderedIssue) -> RenderedIssue:
    """Return the issue as readers get it who are not counted."""
    targets = [each.target for each in rendered.links]
    return _filled(rendered, targets, "", "", rendered.text)


def written_for(
    rendered: RenderedIssue, tracking: Tracking, base_url: str, token: str, keys: Sequence[str]
) -> RenderedIssue:
    """Return the issue for readers who are counted so; `token` is the merge word of the recipient's token."""
    addresses, trap, picture = [each.target for each in rendered.links], "", ""
    text = rendered.text
    if tracking.clicks:
        text = rendered.linked_text
        addresses = [f"{base_url}/c/{key}/{token}" for key in keys]
        trap = "".join(
            f'<a href="{address}" tabindex="-1" aria-hidden="true"></a>'
            for address, each in zip(addresses, rendered.links, strict=True)
            if each.place == TRAP
        )
    if tracking.opens:
        picture = f'<img src="{base_url}/o/{token}" width="1" height="1" alt="" style="border:0">'
    return _filled(rendered, addresses, trap, picture, text)


def longest(rendered: RenderedIssue, publication: PublicationProfile, base_url: str) -> RenderedIssue:
    """Return the issue as long as it can be for any reader, for measuring: keys and tokens have their length."""
    keys = ["k" * KEY_LENGTH] * len(rendered.links)
    return written_for(rendered, max(ways_of(publication)), base_url, "t" * TOKEN_LENGTH, keys)


def _filled(
    rendered: RenderedIssue, addresses: Sequence[str], trap: str, picture: str, text: str
) -> RenderedIssue:
    """Return the issue with an address for each link, and what the trap and the picture are."""
    link = re.compile(rf"mergelink{rendered.suffix}(\d{{3}})z")
    markup = link.sub(lambda found: html.escape(addresses[int(found[1])]), rendered.html)
    markup = markup.replace(f"mergetrap{rendered.suffix}z", trap)
    markup = markup.replace(f"mergepicture{rendered.suffix}z", picture)
    text = link.sub(lambda found: addresses[int(found[1])], text)
    return replace(rendered, html=markup, text=text, linked_text="", links=())
