"""What a reply means: 4xx waits, 5xx ends, and `hard` only where the address is dead."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from newsletter.delivery.sending.retry import FIRST, next_attempt
from newsletter.delivery.smtp.replies import Reply, judge
from newsletter.delivery.smtp.target import SmtpTarget
from newsletter.delivery.states import DeliveryState
from newsletter.reasons import enhanced_status


@pytest.mark.parametrize(
    ("code", "text", "bounce", "reason"),
    [
        (
            550,
            "5.1.1 <ada@example.com>: Recipient address rejected: User unknown in local table",
            "hard",
            "dead",
        ),
        (550, "No such user here", "hard", "dead"),
        (550, "5.2.1 The email account that you tried to reach is disabled", "hard", "dead"),
        (553, "sorry, that domain isn't in my list", "soft", "policy"),
        (550, "5.1.1 Message blocked due to spam content", "soft", "content"),
        (550, "5.7.1 Service unavailable; client host blocked using Spamhaus", "soft", "blocked"),
        (554, "5.7.1 Relay access denied", "soft", "policy"),
        (550, "5.7.26 This mail is unauthenticated (DMARC)", "soft", "auth"),
        (552, "5.2.2 Mailbox full", "soft", "full"),
        (550, "5.1.1 Mailbox is over quota", "soft", "full"),
        (552, "5.3.4 Message size exceeds fixed maximum message size", "soft", "size"),
        (554, "5.4.6 Hop count exceeded - possible mail loop", "soft", "network"),
        (550, "Something nobody has ever said", "soft", "unknown"),
    ],
)
def test_5xx_ends_and_only_a_dead_address_is_hard(code: int, text: str, bounce: str, reason: str) -> None:
    verdict = judge(Reply(code, text))
    assert (verdict.state, verdict.bounce, verdict.reason) == (DeliveryState.FAILED, bounce, reason)


@pytest.mark.parametrize("text", ["4.2.0 Greylisted", "4.7.1 Try again later", "Too many connections", ""])
def test_4xx_waits_and_is_no_bounce(text: str) -> None:
    verdict = judge(Reply(451, text))
    assert (verdict.state, verdict.bounce) == (DeliveryState.DEFERRED, None)


def test_2xx_is_sent_whatever_it_says() -> None:
    assert judge(Reply(250, "5.1.1 looks like a refusal")).state is DeliveryState.SENT


def test_the_ledger_keeps_a_bounded_line() -> None:
    assert len(Reply(550, "x" * 100_000).line) == 1000


def test_enhanced_status() -> None:
    assert enhanced_status("550 5.1.1 No such user") == "5.1.1"
    assert enhanced_status("250 OK at 10.20.30") is None


def test_retries_begin_after_five_minutes_and_spread() -> None:
    now, chance = datetime(2026, 3, 1, tzinfo=UTC), random.Random(1)
    times = [next_attempt(attempts, now, chance) - now for attempts in range(1, 12)]
    assert times[0] >= FIRST
    assert times[-1] <= timedelta(hours=4.4)
    assert len({next_attempt(1, now, chance) for _ in range(20)}) == 20


def test_a_relay_is_read_from_its_url_and_keeps_its_password_to_itself() -> None:
    target = SmtpTarget.from_url("smtp+starttls://ada%40example.com:s%3Acret@relay.example.com")
    assert (target.host, target.port, target.security) == ("relay.example.com", 587, "starttls")
    assert (target.username, target.password) == ("ada@example.com", "s:cret")
    assert "s:cret" not in repr(target)
