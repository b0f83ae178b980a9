"""Addresses and words from outside (M7, M8)."""

from __future__ import annotations

import pytest

from newsletter.audience.addresses import masked, normalise
from newsletter.audience.text import language_tag, one_line
from newsletter.errors import InvalidInput


@pytest.mark.parametrize(
    ("given", "email", "key"),
    [
        ("  Ada.L@Example.COM ", "Ada.L@example.com", "ada.l@example.com"),
        ("a@münchen.example", "a@xn--mnchen-3ya.example", "a@xn--mnchen-3ya.example"),
        ("用户@例子.广告", "用户@xn--fsqu00a.xn--4rr70v", "用户@xn--fsqu00a.xn--4rr70v"),
        ("a+b=c@x.test", "a+b=c@x.test", "a+b=c@x.test"),
        ("o'neil@a-b.example.org", "o'neil@a-b.example.org", "o'neil@a-b.example.org"),
    ],
)
def test_normalise(given: str, email: str, key: str) -> None:
    address = normalise(given)
    assert (address.email, address.key) == (email, key)


HOSTILE = [
    "",
    "a",
    "a@b",
    "@b.de",
    "a@",
    "a@b.",
    "a@b.de.",
    "a..b@c.de",
    ".a@c.de",
    "a.@c.de",
    "a@-b.de",
    "a@b-.de",
    '"a@evil.example"@c.de',
    "a(comment)@c.de",
    "<a@c.de>",
    "Ada <a@c.de>",
    "@route:a@c.de",
    "a@c.de,b@c.de",
    "a@b@c.de",
    "a@[127.0.0.1]",
    "a@127.0.0.1",
    "a b@c.de",
    "a@c.de\nBcc: b@c.de",
    "a\r\n@c.de",
    "a\0@c.de",
    "a\u200b@c.de",
    "a\u202e@c.de",
    "=?utf-8?q?a=40evil.example?=@c.de",
    "a@=?utf-8?q?c?=.de",
    "a" * 65 + "@c.de",
    "a@" + "b" * 64 + ".de",
    "a@" + "b." * 130 + "de",
    "a@localhost",
    "a@exa_mple.com",
]


@pytest.mark.parametrize("given", HOSTILE)
def test_hostile_addresses_are_refused_in_one_sentence(given: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        normalise(given)
    assert str(caught.value).isprintable()


def test_masked_tells_a_stranger_little() -> None:
    assert masked("ada.lovelace@example.com") == "a•••@e•••.com"


@pytest.mark.parametrize(
    ("given", "clean"),
    [
        ("  Ada \t Lovelace ", "Ada Lovelace"),
        ("Ada\r\nBcc: x@example.com", "Ada Bcc: x@example.com"),
        ("Ada\u2028Bcc: x", "Ada Bcc: x"),
        ("\u202eevil\u2066", "evil"),
        ("نام\u200cخانوادگی", "نام\u200cخانوادگی"),
        ("=?UTF-8?Q?=0A?=Bcc: x@example.com", "=0A?=Bcc: x@example.com"),
        ("A\0B", "A B"),
        ("\ud800x", "x"),
        ("=?=?UTF-8?Q?UTF-8?Q?=0A?=", "UTF-8?Q?UTF-8?Q?=0A?="),
    ],
)
def test_one_line(given: str, clean: str) -> None:
    assert one_line(given) == clean


@pytest.mark.parametrize(
    ("given", "tag"),
    [
        ("de", "de"),
        ("pt_BR", "pt-BR"),
        ("EN", "en"),
        ("English", "en"),
        ("zh-hant-TW", "zh-Hant-TW"),
        ("?", None),
        ("", None),
    ],
)
def test_language_tag(given: str, tag: str | None) -> None:
    assert language_tag(given) == tag
