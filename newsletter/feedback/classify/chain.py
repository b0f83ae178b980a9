"""The detectors, in the order that was found to be right: the first that answers wins."""

from __future__ import annotations

from newsletter.feedback.classify.addresses import unique
from newsletter.feedback.classify.arf import read_complaint
from newsletter.feedback.classify.dsn import reported_failures
from newsletter.feedback.classify.failures import Failure
from newsletter.feedback.classify.mime import Part, read_mail
from newsletter.feedback.classify.values import Classified, Kind, Reason
from newsletter.feedback.classify.verdict import judge


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
    failures = reported_failures(mail)
    if failures:
        return _bounce(failures, "")
    return Classified(Kind.NONE)


def _bounce(failures: list[Failure], notice: str) -> Classified:
    """Return the gravest verdict over all recipients, and the recipients that it is about."""
    judged = [(failure, judge(failure, notice)) for failure in failures]
    for kind in (Kind.HARD, Kind.SOFT):
        of_kind = [(failure, verdict) for failure, verdict in judged if verdict.kind is kind]
        if of_kind:
            failure, verdict = of_kind[0]
            return Classified(
                kind=kind,
                recipients=unique([each.recipient for each, _ in of_kind if each.recipient]),
                status=verdict.status,
                reason=verdict.reason,
                diagnostic=failure.diagnostic[:1000],
            )
    return Classified(Kind.NONE, reason=Reason.UNKNOWN)
