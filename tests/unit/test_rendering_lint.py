"""Checks before sending: what must block does, what is fine does not, and each finding says where."""

from __future__ import annotations

from typing import Any

import pytest

from newsletter.issues.snapshot import IssueSnapshot
from newsletter.rendering.lint import Finding, blocking, link_trouble, lint_issue
from newsletter.rendering.pipeline import render_issue
from tests.support.messages import BASE_URL
from tests.support.snapshots import item, snapshot


def lint(issue: IssueSnapshot) -> list[Finding]:
    return lint_issue(issue, render_issue(issue, BASE_URL), base_url=BASE_URL)


def test_a_good_issue_has_nothing_that_blocks() -> None:
    assert blocking(lint(snapshot(item(1), item(2)))) == []


@pytest.mark.parametrize(
    ("changes", "rule", "where"),
    [
        ({"subject": "  "}, "empty-subject", "subject"),
        ({"subject": "The Harbour Letter No. 66"}, "wrong-number", "subject"),
        ({"title": "Newsletter No. ۶۶"}, "wrong-number", "title"),
        ({"intro": "Dear {{frist_name}},"}, "unresolved-token", "intro"),
        ({"intro": "Dear *|FNAME|*,"}, "unresolved-token", "intro"),
        ({"intro": "Read [this](/about)."}, "bad-link", "intro"),
        ({"publication_postal_address": " "}, "missing-postal-address", "publication"),
    ],
)
def test_words_that_block(changes: dict[str, Any], rule: str, where: str) -> None:
    assert [(found.rule, found.where) for found in blocking(lint(snapshot(**changes)))] == [(rule, where)]


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"image_url": "https://harbour.example/a.jpg", "image_alt": None}, "missing-alt"),
        ({"display": "full", "html": '<p><img src="https://harbour.example/a.jpg"></p>'}, "missing-alt"),
        ({"url": "/2026/11/lamp"}, "bad-link"),
        ({"url": "http://192.168.0.7/lamp"}, "bad-link"),
        ({"display": "full", "html": '<p><a href="http://localhost/x">here</a></p>'}, "bad-link"),
        ({"title": "Dear {{ name"}, "unresolved-token"),
    ],
)
def test_items_that_block(changes: dict[str, Any], rule: str) -> None:
    assert {(found.rule, found.where) for found in blocking(lint(snapshot(item(7, **changes))))} == {
        (rule, "item:7")
    }


def test_the_same_post_twice_blocks() -> None:
    found = blocking(lint(snapshot(item(1), item(2, post_id=1))))
    assert [(each.rule, each.where) for each in found] == [("same-post-twice", "item:2")]


def test_an_empty_alt_is_decoration() -> None:
    assert blocking(lint(snapshot(item(image_url="https://harbour.example/a.jpg", image_alt="")))) == []


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"preheader": ""}, "empty-preheader"),
        ({"preheader": "The Harbour Letter No. 67"}, "preheader-repeats"),
        ({"subject": "No. 67"}, "subject-length"),
        ({"outro": "Lorem ipsum dolor."}, "placeholder"),
    ],
)
def test_words_that_warn(changes: dict[str, Any], rule: str) -> None:
    found = {each.rule: each.severity for each in lint(snapshot(**changes))}
    assert found[rule] == "warn"


def test_a_mail_that_gmail_cuts_warns() -> None:
    long = item(display="full", html="<p>" + "All about the harbour. " * 6000 + "</p>")
    assert {each.rule: each.severity for each in lint(snapshot(long))}["size"] == "warn"


@pytest.mark.parametrize(
    ("address", "trouble"),
    [
        ("https://harbour.example/a", None),
        ("https://sub.harbour.test/a", None),
        ("mailto:desk@example.com", None),
        ("/about", "is relative"),
        ("//harbour.example/a", "is relative"),
        ("http:///a", "has no host"),
        ("javascript:alert(1)", "uses javascript:, which mail programs refuse"),
        ("http://10.1.2.3/", "leads to a private address"),
        ("http://[::1]/", "leads to a private address"),
        ("http://2130706433/", "leads to a private address"),
        ("http://0x7f.1/", "leads to a private address"),
        ("http://printer.local/", "leads to a private address"),
        ("https://harbour.example/wp-admin/post.php?post=7&action=edit", "leads into the back office"),
    ],
)
def test_links_are_judged_by_where_they_lead(address: str, trouble: str | None) -> None:
    assert link_trouble(address) == trouble
