"""The mail catcher's room: caught mail is shown as it is and can do nothing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.adapters.caught_mail import CaughtMailWriter
from newsletter.bootstrap import Container
from newsletter.web.routers.admin.catcher import PER_PAGE
from newsletter.web.views.mail_parts import take_apart
from tests.support.signed_in import Browser

MAIL = (
    b"From: Harbour <letter@example.com>\r\nTo: ada@example.com\r\nSubject: =?utf-8?q?No=2E_68=3A_Tide_=E2=9C=93?=\r\n"
    b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nX-Odd: <script>alert(1)</script>\r\n"
    b'MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="b"\r\n\r\n'
    b"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHello in text <b>\r\n"
    b"--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Hello in HTML</p><script>alert(1)</script>\r\n--b--\r\n"
)
FIRST = "/admin/catcher/000000001"


@pytest.fixture
def viewer(container: Container) -> Browser:
    """A viewer; one mail was caught."""
    catch(container, MAIL)
    return Browser(container, "viewer")


def catch(parts: Container, raw: bytes, to: str = "ada@example.com") -> None:
    """Put a mail into the catcher."""
    writer = CaughtMailWriter(parts.settings.data_dir / "catcher", 1000)
    writer.add("b+1@example.com", [to], raw, datetime(2026, 11, 25, 14, tzinfo=UTC))


def test_the_newest_is_shown_beside_the_list(viewer: Browser, container: Container) -> None:
    catch(container, MAIL.replace(b"ada@", b"bo@"), "bo@example.com")
    page = viewer.page("/admin/catcher")
    assert page.index("bo@example.com") < page.index("ada@example.com")
    assert 'src="/admin/catcher/000000002/body" sandbox' in page
    assert "No. 68: Tide ✓" in page


def test_the_mail_is_rendered_in_a_sandbox_with_its_own_policy(viewer: Browser) -> None:
    body = viewer.get(f"{FIRST}/body")
    assert "<p>Hello in HTML</p>" in body.text
    policy = body.headers["content-security-policy"]
    assert "sandbox" in policy
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "allow-scripts" not in policy + viewer.page(FIRST)


def test_text_source_and_headers_are_text(viewer: Browser) -> None:
    assert "Hello in text &lt;b&gt;" in viewer.page(f"{FIRST}?part=text")
    for part in ("text", "source", "headers"):
        assert "<script>alert" not in viewer.page(f"{FIRST}?part={part}")
    assert "One click is enough" in viewer.page(f"{FIRST}?part=headers")
    assert "X-Odd" in viewer.page(f"{FIRST}?part=headers")


def test_the_message_is_given_byte_for_byte(viewer: Browser) -> None:
    assert viewer.get(f"{FIRST}/message.eml").content == MAIL


def test_search_and_pages_by_url(viewer: Browser, container: Container) -> None:
    for number in range(PER_PAGE + 5):
        catch(container, b"Subject: Other\r\n\r\nx", f"r{number}@example.com")
    page = viewer.page("/admin/catcher")
    assert "before=000000007" in page
    assert "ada@example.com" in viewer.page("/admin/catcher?before=000000007")
    assert "ada@example.com" in viewer.page("/admin/catcher?query=TIDE")
    assert "Nothing fits." in viewer.page("/admin/catcher?query=nowhere")
    assert "No. 68: Tide ✓" in viewer.page(FIRST)  # not on this page of the list


@given(st.binary(max_size=600))
def test_any_bytes_can_be_looked_at(raw: bytes) -> None:
    parts = take_apart(raw)
    assert isinstance(parts.html + parts.text + parts.subject, str)


@given(st.binary(max_size=80), st.sampled_from([b"utf-8", b"nonsense", b"utf-16", b"rot13", b"\xff"]))
def test_any_charset_can_be_looked_at(content: bytes, charset: bytes) -> None:
    raw = (
        b"Subject: =?"
        + charset
        + b"?b?//8=?=\r\nContent-Type: text/html; charset="
        + charset
        + b"\r\n\r\n"
        + content
    )
    assert isinstance(take_apart(raw).html, str)
