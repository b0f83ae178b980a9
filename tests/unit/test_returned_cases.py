"""The classifier on the cases of tests/returned: servers, providers, answers, complaints, and ordinary mail that looks like them.

No case repeats a mail of anybody: they are written by hand in the shapes that systems are known for.
"""

from __future__ import annotations

import pytest

from newsletter.delivery.smtp.replies import Reply, judge
from newsletter.feedback.classify import Kind, classify
from newsletter.reasons import Reason, enhanced_status
from tests.support.returned_cases import Case, every_case, replies
from tests.support.returned_mail import delivery_report

ADA = "ada@example.org"
#: Nothing in these words tells that they are about the sender: they condemn the recipient wrongly.
TABLES = ("replies", "replies_later", "replies_rarer")
MISUNDERSTOOD = ("517 Domain does not exist: example.com.",)


@pytest.mark.parametrize("case", every_case(), ids=lambda case: case.name)
def test_a_case_is_what_it_is(case: Case) -> None:
    found = classify(case.raw)
    assert found.kind in case.kinds
    if found.kind in (Kind.NONE, Kind.AUTOREPLY):
        return
    assert frozenset(each.lower() for each in found.recipients) in case.recipients
    assert not case.statuses or found.status in case.statuses
    assert not case.reasons or found.reason in case.reasons


@pytest.mark.parametrize(
    ("reply", "reasons"),
    [each for table in TABLES for each in replies(table)],
    ids=lambda value: str(value)[:60],
)
def test_a_reply_means_the_same_at_smtp_time_and_in_a_report(reply: str, reasons: tuple[str, ...]) -> None:
    verdict = judge(Reply(int(reply[:3]), reply[4:]))
    report = classify(delivery_report(ADA, enhanced_status(reply) or f"{reply[0]}.0.0", f"smtp; {reply}"))
    assert verdict.reason == report.reason
    if reply in MISUNDERSTOOD:
        return
    assert verdict.reason in reasons
    is_dead = verdict.reason == Reason.DEAD and reply.startswith("5")
    assert report.kind == ("hard" if is_dead else "soft")
    assert verdict.bounce == (None if reply.startswith("4") else report.kind)


def test_the_table_of_replies_is_long_enough() -> None:
    assert len(replies()) >= 60
    assert {reason for _, reasons in replies() for reason in reasons} >= set(Reason) - {
        Reason.DELAYED,
        Reason.UNKNOWN,
    }
