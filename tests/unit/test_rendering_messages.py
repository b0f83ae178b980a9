"""The message: its headers, its parts, its links; and that everything is escaped where it must be."""

from __future__ import annotations

import re

import pytest

from newsletter.errors import InvalidInput
from tests.support.messages import BASE_URL, compiled, parsed, part, recipient
from tests.support.snapshots import item, snapshot


def test_headers_are_those_a_list_needs() -> None:
    message = parsed(compiled(snapshot()).merge(recipient()))
    assert message["From"] == "The Harbour Letter <letter@example.com>"
    assert message["To"] == "Ada Brandt <ada@example.com>"
    assert message["Reply-To"] == "desk@example.com"
    assert message["Subject"] == "The Harbour Letter No. 67"
    assert message["Date"] == "Wed, 25 Nov 2026 09:00:00 +0000"
    assert message["Message-ID"] == "<idofada@example.com>"
    assert message["List-Id"] == "The Harbour Letter <readers.example.com>"
    assert message["List-Unsubscribe"] == (
        f"<{BASE_URL}/u/tokenofada>, <mailto:u+tokenofada@example.com?subject=unsubscribe>"
    )
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message.get_content_type() == "multipart/alternative"


def test_text_comes_before_html() -> None:
    message = parsed(compiled(snapshot()).merge(recipient()))
    assert [each.get_content_type() for each in message.iter_parts()] == ["text/plain", "text/html"]


def test_both_parts_carry_the_readers_own_links_and_name() -> None:
    message = parsed(compiled(snapshot()).merge(recipient(name="Ada Brandt")))
    for kind in ("plain", "html"):
        body = part(message, kind)
        assert "Dear Ada, it was a long winter." in body
        assert f"{BASE_URL}/u/tokenofada" in body
        assert f"{BASE_URL}/p/tokenofada" in body
        assert f"{BASE_URL}/letter/n/67" in body
        assert "1 Quay Street, Exampleton" in body


def test_a_reader_without_a_name_gets_the_fallback() -> None:
    message = parsed(compiled(snapshot()).merge(recipient(name="")))
    assert message["To"] == "ada@example.com"
    assert "Dear reader, it was a long winter." in part(message, "plain")


def test_a_name_with_markup_is_text() -> None:
    message = compiled(snapshot())
    reader = recipient(name='<img/src=x onerror="alert(1)"> Brandt')
    assert "<img/src=x" not in message.html_for(reader)
    assert "<img/src=x" in message.text_for(reader)


def test_what_a_feed_says_is_never_executed() -> None:
    issue = snapshot(
        item(title="{{ 7*7 }} {% raw %} <script>alert(1)</script>", excerpt="{{ recipient.email }}")
    )
    body = compiled(issue).html_for(recipient())
    assert "<script" not in body
    assert "49" not in re.sub(r"#[0-9a-f]+|\d+px|\d{3,}", "", body.split("</head>")[1].split("Story")[0])
    assert "{{ recipient.email }}" in body
    assert "{{ 7*7 }} {% raw %} &lt;script&gt;" in body


def test_a_subject_can_address_the_reader() -> None:
    message = compiled(snapshot(subject="{{first_name|Friend}}, No. 67 is here"))
    assert parsed(message.merge(recipient()))["Subject"] == "Ada, No. 67 is here"
    assert parsed(message.merge(recipient(name="")))["Subject"] == "Friend, No. 67 is here"
    assert message.subject_for(recipient(name="Šárka")) == "Šárka, No. 67 is here"


def test_a_right_to_left_issue_says_so() -> None:
    issue = snapshot(
        item(title="چراغ دوباره روشن شد", language="fa", direction="rtl"), language="fa", direction="rtl"
    )
    body = compiled(issue).html_for(recipient())
    assert re.search(r"<html[^>]*\blang=\"fa\"", body)
    assert re.search(r"<(?:html|body|div|table)[^>]*\bdir=\"rtl\"", body)
    assert "چراغ دوباره روشن شد" in body.replace("\xa0", " ")


def test_the_same_issue_gives_the_same_bytes() -> None:
    assert compiled(snapshot(item(5))).merge(recipient()) == compiled(snapshot(item(5))).merge(recipient())


@pytest.mark.parametrize(
    "address",
    [
        "ada",
        "ada@example.com\r\nBcc: x@example.net",
        "a b@example.com",
        "zoë x@example.com",
        "zo\u202eë@example.com",
        "ë>,<x@example.com",
        "ë@exämple.com",
    ],
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(InvalidInput):
        compiled(snapshot()).merge(recipient(email=address))


def test_letters_outside_ascii_stand_as_they_are_before_the_at() -> None:
    message = compiled(snapshot()).merge(recipient(email="用户@xn--fsqu00a.example"))
    line = next(line for line in message.split(b"\r\n") if line.startswith(b"To:"))
    assert line.endswith("<用户@xn--fsqu00a.example>".encode())
    message.replace("用户".encode(), b"").decode("ascii")
