"""Whom a notice names as not reached. Formats differ; what they share is where an address stands in its line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Final

from newsletter.feedback.classify.addresses import addresses_in, first_address, unique
from newsletter.feedback.classify.mime import Part
from newsletter.feedback.classify.notice import Notice
from newsletter.feedback.classify.signs import tells_of_failure
from newsletter.reasons import reason_in_words

Finder = Callable[[Part, Notice], Iterable[str]]

_ADDRESS: Final = r"[^\s<>()\[\]:;,\"']{1,64}@[\w.-]{1,253}"
#: `<ada@example.com>:` as qmail and Postfix begin a paragraph, `550 <ada@example.com>... User unknown` of Sendmail.
_AT_START: Final = re.compile(
    rf"^[ \t*>-]{{0,8}}(?:[45]\d\d[ -](?:[45]\.\d\.\d )?)?[\"'<(\[]{{0,2}}({_ADDRESS})[\"'>)\]]{{0,2}}[ \t]*(?::(?!//)|\.\.\.)"
)
#: A line that is nothing but an address, as Exim and many others write.
_ALONE: Final = re.compile(
    rf"^[ \t*>-]{{0,40}}(?:SMTP:|rfc822;|mailto:)?[ \t]*[\"'<(\[]{{0,2}}({_ADDRESS})[\"'>)\]]{{0,2}}[ \t.,;:]*(?:\(.{{0,80}}\))?[ \t]*$",
    re.IGNORECASE,
)
#: A line that begins with an address: `ada@example.com on Monday`, `<ada@example.com>... User unknown`.
_BEGINS: Final = re.compile(rf"^[ \t*>-]{{0,20}}[\"'<(\[]{{0,2}}({_ADDRESS})[\"'>)\]]{{0,2}}(?:[ \t;,.]|$)")
_COMMAND: Final = re.compile(rf"\b(?:RCPT[ _]TO:?|SMTP[=:])[ \t]*<?({_ADDRESS})>?", re.IGNORECASE)
_FROM_WHOM: Final = re.compile(
    r"(?:(?<!generated )(?<!expanded )from|by|contact|to your|mailto|reply to|e-?mail (?:us|me)|write to|visit|assistance|help)[: ]*[\"'<(]*$",
    re.IGNORECASE,
)
#: The address that we wrote to, before an alias turned it into the one that failed.
_EXPANDED: Final = re.compile(
    rf"\b(?:expanded|generated|forwarded) (?:from|by):?\s{{0,8}}<?({_ADDRESS})>?", re.IGNORECASE
)
_FOLLOWING: Final = re.compile(
    r"(?:following|these|ce|los?|folgende\w*)\b.{0,160}:[ \t]*$|not delivered to.{0,40}:[ \t]*$",
    re.IGNORECASE,
)
_BARE: Final = re.compile(r"^[ \t<]{1,20}([A-Za-z0-9][A-Za-z0-9._-]{1,40})>?(?:[ \t]{2,}.{0,100})?$")
_LABELLED: Final = re.compile(
    r"^[ \t*>|-]{0,8}(?:(?:failed|intended|final|original|undeliverable|bad|invalid|unknown)[ -])?(?:recipients?|addressee|to|user|e?-?mail|address(?:es)?|mailbox|account|message to|delivery to|sent to|for|"
    r"destinatario|destinataire|empf[äa]nger|ontvanger|odbiorca|отримувач|одержувач|получатель|宛先|送信先|收件人|받는 사람|수신자)(?: address(?:es)?| name)?s?[ \t]*(?:\([^()]{0,40}\))?[ \t]*[:：=][ \t]*(.{3,200})$",
    re.IGNORECASE,
)  # fmt: skip
_MOST_RECIPIENTS: Final = 50
#: How much is looked at word by word.
_MOST_LINES: Final = 40
_LONGEST_LINE: Final = 500
_REPORTING: Final = ("from", "reply-to", "sender", "return-path", "errors-to")
_DAEMONS: Final = re.compile(
    r"(?:mailer-?daemon|post-?master|mail-?admin|abuse|noc|support|help(?:desk)?|hostmaster|root|no-?reply|double-bounce|mdaemon|administrator|webmaster)@",
    re.IGNORECASE,
)


def named_recipients(mail: Part, notice: Notice) -> tuple[str, ...]:
    """Return the addresses that could not be reached; the surest kind of evidence that there is decides alone."""
    stated = [address for value in mail.all_headers("x-failed-recipients") for address in addresses_in(value)]
    if stated:
        return unique(stated)[:_MOST_RECIPIENTS]
    own, senders = _strangers(mail, notice)
    for find, may_be_own in _EVIDENCE:
        strangers = senders if may_be_own else senders | own
        found = [each for each in find(mail, notice) if each and each.lower() not in strangers]
        if people := [each for each in found if not _DAEMONS.match(each)]:
            return unique(people)[:_MOST_RECIPIENTS]
    return unique(list(_returned_and_named(mail, notice)))


def _strangers(mail: Part, notice: Notice) -> tuple[frozenset[str], frozenset[str]]:
    """Return who is hardly ever the recipient: who reports, and who never is: to whom it is reported."""
    wanted = _in_headers(notice.returned("to", "cc"))
    reporters = _in_headers(*(value for name in _REPORTING for value in mail.all_headers(name)))
    sent_by = _in_headers(notice.returned("from", "return-path", "sender", "reply-to", "errors-to"))
    told = _in_headers(*mail.all_headers("to")) | sent_by
    return reporters - wanted, told - wanted


def _in_headers(*values: str) -> frozenset[str]:
    return frozenset(each.lower() for value in values for each in addresses_in(value))


def _by_lines(*patterns: re.Pattern[str]) -> Finder:
    def find(_: Part, notice: Notice) -> Iterable[str]:
        for line in notice.text.splitlines():
            for pattern in patterns:
                match = pattern.match(line[:400])
                if match:
                    yield from addresses_in(match[1])
                    break

    return find


def _expanded_from(_: Part, notice: Notice) -> Iterable[str]:
    return (first_address(match[1]) for match in _EXPANDED.finditer(notice.text))


def _in_commands(_: Part, notice: Notice) -> Iterable[str]:
    return (first_address(match[1]) for match in _COMMAND.finditer(notice.text))


def _beside_failure_words(_: Part, notice: Notice) -> Iterable[str]:
    """Addresses in lines that tell of a failure, apart from those that somebody should write to."""
    lines = (line[:_LONGEST_LINE] for line in notice.text.splitlines() if "@" in line)
    for line in islice(lines, _MOST_LINES):
        if tells_of_failure(line) or reason_in_words(line) is not None:
            yield from list(_unasked(line))[:1]


def _unasked(line: str) -> Iterable[str]:
    return (each for each in addresses_in(line) if not _FROM_WHOM.search(line[: line.find(each)]))


def _returned_and_named(_: Part, notice: Notice) -> Iterable[str]:
    """Whoever the returned message went to and the notice names too."""
    text = notice.text.lower()
    went_to = addresses_in(notice.returned("to", "cc", "bcc", "x-original-to", "delivered-to"))
    return [each for each in went_to if each.lower() in text]


def _only_returned(_: Part, notice: Notice) -> Iterable[str]:
    found = unique(list(addresses_in(notice.returned("to"))))
    return found if len(found) == 1 else ()


def _anywhere(_: Part, notice: Notice) -> Iterable[str]:
    return [each for line in notice.text.splitlines() if "@" in line for each in _unasked(line)][:1]


def _bare_names(mail: Part, notice: Notice) -> Iterable[str]:
    """Mailbox names without a domain under "the following recipients:" belong to the domain that reports."""
    domain = first_address(mail.header("from")).partition("@")[2]
    lines = iter(notice.text.splitlines())
    if not domain or not any(_FOLLOWING.search(line) for line in lines):
        return ()
    below = [line for line in lines if line.strip()][:1]
    return [f"{match[1]}@{domain}" for match in map(_BARE.match, below) if match]


def _in_subject(mail: Part, _: Notice) -> Iterable[str]:
    return addresses_in(mail.header("subject")[:300])


#: From the surest to the weakest: how to find, and whether even the one who reports may be meant.
_EVIDENCE: Final[tuple[tuple[Finder, bool], ...]] = (
    (_expanded_from, False),
    (_by_lines(_AT_START, _ALONE), False),
    (_bare_names, False),
    (_by_lines(_BEGINS), False),
    (_returned_and_named, False),
    (_in_commands, False),
    (_by_lines(_LABELLED), False),
    (_beside_failure_words, False),
    (_only_returned, False),
    (_anywhere, False),
    (_in_subject, False),
    (_beside_failure_words, True),
)
