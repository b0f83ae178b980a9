"""Requests that no browser of ours sends: each gets a plain answer, never a fault."""

from __future__ import annotations

import pytest

from newsletter.bootstrap import Container
from newsletter.db.session import unit_of_work
from tests.support.composed import compose
from tests.support.signed_in import Browser

URLENCODED = {"Content-Type": "application/x-www-form-urlencoded"}
MULTIPART = {"Content-Type": "multipart/form-data; boundary=x"}


@pytest.fixture
def browser(container: Container) -> Browser:
    """An editor who sends strange things."""
    with unit_of_work(container.sessions) as session:
        compose(session)
    return Browser(container, "editor")


@pytest.mark.parametrize(
    "path",
    ["/%00/", "/letter%00/", "/letter/n/%00", "/static/%00", "/static/%2e%2e/app.py", "/admin/issues/%00",
     "/letter/?page=%00", "/admin/posts?q=%00", "/admin/posts?publication=%00", "/sign-in?next=%00", "/%ff%fe/",
     "/admin/issues/1/proof?reader=%00", "/admin/posts?page=1e9", "/sign-in/%00"],
)  # fmt: skip
def test_a_strange_address_is_answered_plainly(browser: Browser, path: str) -> None:
    assert browser.get(path).status_code in (404, 422)


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"\xff\xfe=%ff", URLENCODED),
        (b"a" * 100_000, URLENCODED),
        (b"&".join(b"a%d=1" % number for number in range(2000)), URLENCODED),
        (b"--x\r\nnonsense", MULTIPART),
        (b"", MULTIPART),
        (b"{}", {"Content-Type": "application/json"}),
    ],
)
def test_a_strange_form_is_refused(browser: Browser, body: bytes, headers: dict[str, str]) -> None:
    for path in ("/admin/issues/1/words", "/sign-in", "/admin/posts/import"):
        answer = browser.client.post(path, content=body, headers=headers)
        assert 400 <= answer.status_code < 500, (path, answer.text[:500])


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE"])
def test_other_methods_are_refused(browser: Browser, method: str) -> None:
    assert browser.client.request(method, "/admin/").status_code in (403, 405)


def test_nul_is_left_out_and_too_long_words_are_refused_not_cut(browser: Browser) -> None:
    browser.send("/admin/issues/1/words", intro="a\x00b")
    assert ">ab</textarea>" in browser.page("/admin/issues/1")
    refused = browser.send("/admin/issues/1/words", intro="c" * 30_000)
    assert refused.status_code == 422
    assert "at most 20,000 characters fit" in refused.text
    assert ">ab</textarea>" in browser.page("/admin/issues/1")
