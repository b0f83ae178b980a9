"""The detectors, in the order that was found to be right: the first that answers wins, and bounces beat auto-replies."""

from __future__ import annotations

from newsletter.feedback.classify.addresses import unique
from newsletter.feedback.classify.arf import read_complaint
from newsletter.feedback.classify.dsn import reported_failures
from newsletter.feedback.classify.failures import Action, Failure
from newsletter.feedback.classify.mime import Part, read_mail
from newsletter.feedback.classify.named import named_recipients
from newsletter.feedback.classify.notice import Notice, read_notice
from newsletter.feedback.classify.signs import looks_returned
from newsletter.feedback.classify.values import Classified, Kind, Reason
from newsletter.feedback.classify.verdict import Verdict, judge
from newsletter.feedback.classify.words import DELAY

_LONGEST_DIAGNOSTIC = 1000


def classify(raw: bytes) -> Classified:
    """Return what a mail is; whatever it is, this answers."""
    try:
        return _classify(read_mail(raw))
    except RecursionError:
        return Classified(Kind.NONE)


def _classify(mail: Part) -> Classified:
    complaint = read_complaint(mail)
    if complaint is not None:
        return complaint
    notice = read_notice(mail)
    failures = reported_failures(mail) or _told_failures(mail, notice)
    if failures:
        return _gravest(failures, notice)
    return Classified(Kind.NONE)


def _told_failures(mail: Part, notice: Notice) -> list[Failure]:
    """Return the failures of a notice that is written for people only."""
    if not looks_returned(mail, notice.text):
        return []
    delayed = DELAY.search(" ".join((mail.header("subject") + " " + notice.text).lower().split())[:3000])
    action = Action.DELAYED if delayed else Action.FAILED
    named = named_recipients(mail, notice) or ("",)
    return [Failure(each, action) for each in named]


def _gravest(failures: list[Failure], notice: Notice) -> Classified:
    """Return the gravest verdict over all recipients, and the recipients that it is about."""
    judged = [(failure, judge(failure, notice.text)) for failure in failures]
    for kind in (Kind.HARD, Kind.SOFT):
        of_kind = [(failure, verdict) for failure, verdict in judged if verdict.kind is kind]
        if of_kind:
            return _classified(of_kind, notice)
    return Classified(Kind.NONE)


def _classified(found: list[tuple[Failure, Verdict]], notice: Notice) -> Classified:
    failure, verdict = found[0]
    return Classified(
        kind=verdict.kind,
        recipients=unique([each.recipient for each, _ in found if each.recipient]),
        status=verdict.status,
        reason=verdict.reason,
        diagnostic=(failure.diagnostic or " ".join(notice.text.split()))[:_LONGEST_DIAGNOSTIC],
    )
