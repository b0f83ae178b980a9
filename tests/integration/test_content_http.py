"""The HTTP client against a real server: conditional, patient, bounded, and never led astray."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from newsletter.adapters.http_client import SafeHttpClient
from newsletter.errors import InvalidInput, Unavailable
from tests.support.other_site import Answer, Asked, OtherSite, running_site


@pytest.fixture
def site() -> Iterator[OtherSite]:
    with running_site() as running:
        yield running


class Waits(list[float]):
    """The waits a client was about to make."""


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture
def client(waits: Waits) -> SafeHttpClient:
    """A client that notes its waits instead of sleeping, and finds every name on this machine."""
    return SafeHttpClient(allow_private=True, resolve=lambda host, port: ["127.0.0.1"], sleep=waits.append)


def in_turn(*answers: Answer) -> Callable[[Asked], Answer]:
    """Answer one after the other; the last one stays."""
    left = list(answers)
    return lambda asked: left.pop(0) if len(left) > 1 else left[0]


def test_a_document_with_what_the_site_says_of_it(site: OtherSite, client: SafeHttpClient) -> None:
    site.pages["/feed"] = Answer(
        b"<rss/>", headers={"ETag": '"1"', "Content-Type": "text/xml", "X-WP-TotalPages": "3"}
    )
    document = client.fetch(f"{site.address}/feed")
    assert document is not None
    assert (document.raw, document.etag, document.content_type, document.pages) == (
        b"<rss/>",
        '"1"',
        "text/xml",
        3,
    )


def test_an_unchanged_document_is_none(site: OtherSite, client: SafeHttpClient) -> None:
    site.pages["/feed"] = Answer(status=304)
    assert (
        client.fetch(f"{site.address}/feed", etag='"1"', last_modified="Tue, 03 Mar 2026 10:00:00 GMT")
        is None
    )
    (asked,) = site.asked
    assert (asked.headers["If-None-Match"], asked.headers["If-Modified-Since"]) == (
        '"1"',
        "Tue, 03 Mar 2026 10:00:00 GMT",
    )


def test_the_name_is_kept_though_the_connection_goes_to_an_address(
    site: OtherSite, client: SafeHttpClient
) -> None:
    site.pages["/"] = Answer(b"hello")
    port = site.address.rpartition(":")[2]
    assert client.fetch(f"http://notes.example.com:{port}/") is not None
    assert site.asked[0].headers["Host"] == f"notes.example.com:{port}"


def test_redirects_are_followed_three_times(site: OtherSite, client: SafeHttpClient) -> None:
    site.pages |= {"/a": Answer(status=301, headers={"Location": "/b"}), "/b": Answer(b"here")}
    document = client.fetch(f"{site.address}/a")
    assert document is not None
    assert (document.location, document.asked) == (f"{site.address}/b", f"{site.address}/a")
    site.pages["/loop"] = Answer(status=302, headers={"Location": "/loop"})
    with pytest.raises(Unavailable, match="redirects more than 3"):
        client.fetch(f"{site.address}/loop")


@pytest.mark.parametrize("target", ["file:///etc/passwd", "http://user@127.0.0.1/", "http://[::1", "//"])
def test_a_redirect_is_checked_again(target: str, site: OtherSite, client: SafeHttpClient) -> None:
    site.pages["/a"] = Answer(status=302, headers={"Location": target})
    with pytest.raises((InvalidInput, Unavailable)) as refusal:
        client.fetch(f"{site.address}/a")
    assert len(str(refusal.value).splitlines()) == 1


def test_this_machine_is_not_fetched_unless_it_is_allowed(site: OtherSite) -> None:
    for name in ("127.0.0.1", "localhost"):
        with pytest.raises(InvalidInput):
            SafeHttpClient().fetch(f"http://{name}/")
    assert site.asked == []


def test_trouble_that_passes_is_waited_for(waits: Waits, site: OtherSite, client: SafeHttpClient) -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=9), usegmt=True)
    busy = [
        Answer(status=503, headers={"Retry-After": "2"}),
        Answer(status=429, headers={"Retry-After": soon}),
    ]
    site.pages["/feed"] = in_turn(*busy, Answer(b"<rss/>"))
    assert client.fetch(f"{site.address}/feed") is not None
    assert waits[0] == 2.0
    assert 5 < waits[1] < 10


@pytest.mark.parametrize("wait", ["3600", "never", ""])
def test_trouble_that_stays_is_said(waits: Waits, wait: str, site: OtherSite, client: SafeHttpClient) -> None:
    site.pages["/feed"] = Answer(status=503, headers={"Retry-After": wait})
    with pytest.raises(Unavailable, match="answered 503"):
        client.fetch(f"{site.address}/feed")
    assert waits == ([] if wait == "3600" else [1.0, 2.0])


def test_a_missing_page_is_asked_for_once(site: OtherSite, client: SafeHttpClient) -> None:
    with pytest.raises(Unavailable, match="answered 404"):
        client.fetch(f"{site.address}/feed")
    assert len(site.asked) == 1


def test_a_closed_port_is_said(waits: Waits, client: SafeHttpClient) -> None:
    with running_site() as gone:
        address = gone.address
    with pytest.raises(Unavailable, match="does not answer"):
        client.fetch(address)
    assert waits == [1.0, 2.0]


def packed(body: bytes, encoding: str = "gzip") -> Answer:
    return Answer(body, headers={"Content-Encoding": encoding})


def test_a_packed_answer_is_unpacked(site: OtherSite, client: SafeHttpClient) -> None:
    site.pages["/"] = packed(gzip.compress(b"hello"))
    document = client.fetch(site.address)
    assert document is not None
    assert document.raw == b"hello"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (packed(gzip.compress(bytes(64 * 2**20))), "larger than 20 MB"),
        (Answer(bytes(21 * 2**20)), "larger than 20 MB"),
        (packed(gzip.compress(b"hello" * 99)[:-9]), "breaks off"),
        (packed(b"nonsense"), "damaged"),
        (packed(b"x", "br"), "not asked for"),
    ],
)
def test_answers_that_are_too_much_or_too_little(
    answer: Answer, reason: str, site: OtherSite, client: SafeHttpClient
) -> None:
    site.pages["/"] = answer
    with pytest.raises((InvalidInput, Unavailable), match=reason):
        client.fetch(site.address)


def test_a_body_that_is_shorter_than_promised_is_tried_again(site: OtherSite, client: SafeHttpClient) -> None:
    def short(asked: Asked) -> Answer:
        return Answer(b"<rss", headers={"Content-Length": "5000"})

    site.pages["/"] = short
    with pytest.raises(Unavailable):
        client.fetch(site.address)
    assert len(site.asked) == 3
