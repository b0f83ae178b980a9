"""What news leads to: the table of the policy, and the rule about soft bounces."""

from __future__ import annotations

from datetime import timedelta

import pytest

from newsletter.errors import InvalidInput
from newsletter.feedback.policy import Consequence, SoftRule, check_rule, consequence_of
from tests.support.ledger import NOW

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("word", "kind", "reason", "status", "consequence"),
    [
        ("bounced", "hard", "dead", "5.1.1", Consequence.SUPPRESS),
        ("rejected", "hard", "dead", None, Consequence.SUPPRESS),
        ("failed", "hard", "unknown", "5.0.0", Consequence.SUPPRESS),
        ("bounced", "hard", "dead", "5.7.1", Consequence.SUPPRESS),  # "5.7.1 No such user"
        ("bounced", "hard", "policy", "5.7.26", Consequence.NOTHING),
        ("bounced", "hard", "unknown", "5.7.515", Consequence.NOTHING),
        ("bounced", "hard", "auth", "5.7.9", Consequence.NOTHING),
        ("bounced", "soft", "blocked", "5.7.1", Consequence.NOTHING),
        ("bounced", "soft", "unknown", "4.7.0", Consequence.NOTHING),
        ("bounced", "soft", "content", "5.6.0", Consequence.NOTHING),
        ("bounced", "soft", "size", "5.3.4", Consequence.NOTHING),
        ("bounced", "soft", "full", "5.2.2", Consequence.COUNT),
        ("bounced", "soft", "network", "4.4.7", Consequence.COUNT),
        ("rejected", "soft", "unknown", None, Consequence.COUNT),
        ("deferred", None, "delayed", "4.4.1", Consequence.NOTHING),
        ("complained", None, "unknown", None, Consequence.SUPPRESS),
        ("unsubscribed", None, "unknown", None, Consequence.NOTHING),
        ("autoresponded", None, "unknown", None, Consequence.NOTHING),
        ("delivered", None, "unknown", None, Consequence.NOTHING),
    ],
)
def test_what_follows(
    word: str, kind: str | None, reason: str, status: str | None, consequence: Consequence
) -> None:
    assert consequence_of(word, kind, reason, status) is consequence


@pytest.mark.parametrize(
    ("ages", "since", "met"),
    [
        ((28, 21, 14, 7, 0), None, True),
        ((28, 21, 14, 7), None, False),  # four
        ((4, 3, 2, 1, 0), None, False),  # within a week
        ((13, 3, 2, 1, 0), None, False),
        ((14, 3, 2, 1, 0), None, True),
        ((28, 21, 14, 7, 0), 20, False),  # a success in between
        ((200, 190, 14, 7, 0), None, False),  # two are forgotten
        ((), None, False),
    ],
)
def test_five_over_two_weeks(ages: tuple[int, ...], since: int | None, met: bool) -> None:
    rule = SoftRule()
    success = None if since is None else NOW - since * DAY
    assert rule.is_met(rule.counted([NOW - age * DAY for age in ages], success, NOW)) is met


@pytest.mark.parametrize(
    "rule", [SoftRule(1), SoftRule(101), SoftRule(5, 0), SoftRule(5, 30, 30), SoftRule(5, 14, 731)]
)
def test_a_rule_that_makes_no_sense_is_refused(rule: SoftRule) -> None:
    with pytest.raises(InvalidInput):
        check_rule(rule)
