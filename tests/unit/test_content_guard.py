"""Which addresses are fetched: the public internet and nothing behind it."""

from __future__ import annotations

import pytest

from newsletter.adapters.http_guard import check_target, is_public, resolve_host
from newsletter.errors import InvalidInput, Unavailable

PUBLIC = "93.184.216.34"


@pytest.mark.parametrize("ip", [PUBLIC, "2606:2800:220:1::1", "::ffff:93.184.216.34", "64:ff9b::5db8:d822"])
def test_public(ip: str) -> None:
    assert is_public(ip)


@pytest.mark.parametrize(
    "ip",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1%eth0",
        "fc00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "localhost",
    ],
)
def test_private(ip: str) -> None:
    assert not is_public(ip)


def test_one_private_answer_is_enough_to_refuse() -> None:
    with pytest.raises(InvalidInput, match="not on the public internet"):
        check_target("https://example.com/", lambda host, port: [PUBLIC, "10.0.0.1"], allow_private=False)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "gopher://example.com/",
        "http://",
        "http://user@example.com/",
        "http://[::1",
        "http://example.com:22/",
        "http://example.com:99999/",
    ],
)
def test_refused_addresses(url: str) -> None:
    with pytest.raises(InvalidInput):
        check_target(url, lambda host, port: [PUBLIC], allow_private=False)


@pytest.mark.parametrize(
    ("url", "header"),
    [
        ("http://example.com/a", "example.com"),
        ("http://example.com:8080/a", "example.com:8080"),
        ("https://[2606::1]/", "[2606::1]"),
    ],
)
def test_the_connection_goes_to_the_checked_address(url: str, header: str) -> None:
    target = check_target(url, lambda host, port: [PUBLIC], allow_private=True)
    assert (target.ip, target.host_header) == (PUBLIC, header)


def test_a_host_that_does_not_exist() -> None:
    with pytest.raises(Unavailable, match="cannot be found"):
        resolve_host("nowhere.invalid", 80)
