"""The detectors, in the order that was found to be right: the first that answers wins, and bounces beat auto-replies."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from newsletter.feedback.classify.addresses import unique
from newsletter.feedback.classify.arf import read_complaint
from newsletter.feedback.classify.autoreply import (
    is_challenge,
    is_read_receipt,
    read_auto_reply,
    read_wish_to_leave,
)
from newsletter.feedback.classify.dsn import reported_failures
from newsletter.feedback.classify.failures import Action, Failure
from newsletter.feedback.classify.mime import Part, read_mail
from newsletter.feedback.classify.named import named_recipients
from newsletter.feedback.classify.notice import Notice
from newsletter.feedback.classify.parting import read_notice
from newsletter.feedback.classify.signs import came_back, is_from_a_mail_system, looks_returned
from newsletter.feedback.classify.sns import notified_complaint, notified_failures, read_notification
from newsletter.feedback.classify.values import Classified, Kind, Outcome
from newsletter.feedback.classify.verdict import judge
from newsletter.reasons import announces_retries

_LONGEST_DIAGNOSTIC = 1000


def classify(raw: bytes) -> Classified:
    """Return what a mail is; whatever it is, this answers."""
    try:
        return _classify(read_mail(raw))
    except RecursionError:
        return Classified(Kind.NONE)


def _classify(mail: Part) -> Classified:
    certain = read_complaint(mail) or read_wish_to_leave(mail)
    if certain is not None:
        return certain
    if is_read_receipt(mail):
        return Classified(Kind.NONE)
    notification = read_notification(mail)
    if notification is not None:
        return _of_notification(notification)
    notice = read_notice(mail)
    return _of_report_or_notice(mail, notice if is_from_a_mail_system(mail) else notice.unquoted())


def _of_notification(notification: dict[str, Any]) -> Classified:
    complaint = notified_complaint(notification)
    return complaint or _gravest(notified_failures(notification), Notice("", ()))


def _of_report_or_notice(mail: Part, notice: Notice) -> Classified:
    failures = reported_failures(mail)
    if is_challenge(" ".join(failure.diagnostic for failure in failures)):
        return Classified(Kind.AUTOREPLY, diagnostic=failures[0].diagnostic[:_LONGEST_DIAGNOSTIC])
    if failures and not any(failure.recipient for failure in failures):
        failures = [
            replace(failures[0], recipient=each) for each in named_recipients(mail, notice)
        ] or failures
    failures = failures or _told_failures(mail, notice)
    if failures:
        return _gravest(failures, notice)
    return read_auto_reply(mail, notice) or Classified(Kind.NONE)


def _told_failures(mail: Part, notice: Notice) -> list[Failure]:
    """Return the failures of a notice that is written for people only."""
    if not looks_returned(mail, notice):
        return []
    delayed = announces_retries(mail.header("subject") + "\n" + notice.text)
    action = Action.DELAYED if delayed else Action.FAILED
    named = named_recipients(mail, notice)
    if not named and not (came_back(mail) or notice.original):
        return []
    if len(named) <= 1:
        return [Failure("".join(named), action, diagnostic=notice.said_by_the_server())]
    told = notice.told_of(named)
    return [Failure(each, action, diagnostic=told[each].said_by_the_server()) for each in named]


def _gravest(failures: list[Failure], notice: Notice) -> Classified:
    """Return the gravest verdict, and what became of each who was not reached."""
    told = notice.told_of([each.recipient for each in failures])
    outcomes = [_outcome(each, notice if len(failures) == 1 else told[each.recipient]) for each in failures]
    failed = [each for each in outcomes if each.kind is not Kind.NONE]
    if not failed:
        return Classified(Kind.NONE)
    gravest = min(failed, key=lambda each: each.kind is not Kind.HARD)
    return Classified(
        kind=gravest.kind,
        recipients=unique([each.recipient for each in failed if each.recipient]),
        status=gravest.status,
        reason=gravest.reason,
        diagnostic=gravest.diagnostic or " ".join(notice.text.split())[:_LONGEST_DIAGNOSTIC],
        outcomes=tuple(failed),
    )


def _outcome(failure: Failure, notice: Notice) -> Outcome:
    verdict = judge(failure, notice.text)
    said = failure.diagnostic[:_LONGEST_DIAGNOSTIC]
    return Outcome(failure.recipient, verdict.kind, verdict.status, verdict.reason, said)
