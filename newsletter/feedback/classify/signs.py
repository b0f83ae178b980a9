"""Signs that a mail comes from a mail system and reports a failure. One alone proves nothing: people quote, lists forward."""

from __future__ import annotations

import re
from typing import Final

from newsletter.feedback.classify.mime import Part
from newsletter.feedback.classify.notice import Notice

_DAEMON: Final = re.compile(
    r"mailer[-_.]?daemon|post[-_.]?master|mail[ ._-]?delivery|delivery[ ._-]?(?:sub)?system|mail[ ._-]?system|system administrator|mdaemon|mail administrator|"
    r"e?smtp[_ -]?mail|mail[ _]?service|antivirus|anti-virus|inter-?office|mta@|\bndr\b|bounce|mail[ -]?router|mail[ -]?gateway|auto(?:matic)?[ -]?mailer|mail notification|interscan|<>",
    re.IGNORECASE,
)  # fmt: skip
_SUBJECT: Final = re.compile(
    r"undeliver|non[- ]?deliver|not? (?:be )?deliver|deliver(?:y|ies)[ :]+(?:status|fail|problem|error|report|notification|subsystem|has failed|delay|unsuccessful)|(?:failed|failure|error|problem|unable|impossible).{0,30}deliver|deliver.{0,30}(?:fail|problem|error|delay|impossible)|"
    r"return(?:ed|ing)? (?:e?-?mail|message|to sender|post)|mail (?:could not|cannot|delivery|failure|system error|error|returned|status)|(?:e-?mail|message|mail).{0,20}(?:fail|returned|bounced|undelivered|rejected|not sent|cannot|could not)|failure (?:notice|delivery)|"
    r"bounce|nondeliverable|warning.{0,40}(?:message|mail|deliver|could not|delayed)|message status|rejected mail|unzustellbar|zustell|nicht (?:zugestellt|zustellbar)|fehler|non remis|non distribu|échec|echec|impossible de remettre|no se pudo entregar|no entregado|devuelto|devolvid|falha|não entregue|mancata consegna|"
    r"не доставлен|недоставлен|возвра|ошибка доставки|エラー|配信|配送|不達|送信できません|届け|退信|退回|无法投递|失败|niedoręcz|onbestelbaar|leverings|kunde inte levereras",
    re.IGNORECASE,
)  # fmt: skip
_BODY: Final = re.compile(
    r"(?:could|can|did|was|has|have|were|will|is|be)(?: ?not|n[o']t)(?: (?:been|be|able to be|successfully))*[ \n]+(?:be )?(?:deliver|sent|send|reach|complet|transmit|forward|relayed|accept)|undeliver|unable to (?:deliver|send|relay|complete|forward)|delivery (?:to|of|for|has|status|fail|attempt|error|problem|unsuccess|notification|was|report|time)|"
    r"(?:failed|failure|error|problem|trouble)s?\b.{0,60}(?:deliver|recipient|address|sending|transmi)|(?:was|been|is being|message|mail|e-?mail) (?:returned|rejected|bounced|refused|blocked|not delivered|not accepted)|user unknown|unknown user|no such user|mailbox|not a valid (?:user|address)|returned (?:mail|message|to sender)|(?:reason|cause) (?:of|for|was)|"
    r"transcript of session|while talking to|sorry.{0,40}(?:wasn't able|couldn't|could not|unable|no mailbox)|permanent (?:fatal )?error|fatal error|(?:host|domain) (?:not found|unknown)|the following (?:address|recipient|e?-?mail|error|user)|message (?:that )?you sent|delivery[- ]?failed|remote (?:host|server|mta)|smtp (?:error|server|module)|"
    r"\b[45]\d\d[ -]#?[45]\.\d{1,3}\.\d{1,3}\b|\b55[0-4][ -]|delayed|still (?:being|try|in (?:the )?queue)|(?:will|continue to) (?:be )?(?:retr|keep|try)|konnte(?:n)? nicht|nicht zugestellt|n'a (?:pas )?pu|non remis|no (?:se )?(?:pudo|ha podido|puede)|não (?:pôde|foi|pode)|impossibile|не (?:удалось|может|доставлен|был)|"
    r"送信できません|届きません|配信できません|配送できません|エラー|存在しません|拒否|拒絶|無法|无法|失败|退回",
    re.IGNORECASE,
)  # fmt: skip
_LONGEST: Final = 6000
ENOUGH: Final = 3


def weight_of_signs(mail: Part, notice: Notice) -> int:
    """Add up what speaks for a report of a failed delivery."""
    signs = (
        (2, _DAEMON.search(mail.header("from")) is not None),
        (1, not mail.header("from")),
        (1, _came_back(mail)),
        (1, mail.content_type == "multipart/report"),
        (2, has_failure_subject(mail)),
        (1, tells_of_failure(notice.text)),
        (1, bool(notice.original)),
    )
    return sum(weight for weight, is_there in signs if is_there)


def _came_back(mail: Part) -> bool:
    path = mail.header("return-path").strip()
    return path == "<>" or _DAEMON.search(path) is not None


def is_from_a_mail_system(mail: Part) -> bool:
    """Say whether sender or return path are those of a mail system."""
    return _came_back(mail) or _DAEMON.search(mail.header("from") or "<>") is not None


def has_failure_subject(mail: Part) -> bool:
    """Say whether the subject announces a failure, in one of a dozen languages."""
    return _SUBJECT.search(mail.header("subject")[:300]) is not None


def tells_of_failure(text: str) -> bool:
    """Say whether a text says that something was not delivered."""
    return _BODY.search(text[:_LONGEST]) is not None


def looks_returned(mail: Part, notice: Notice) -> bool:
    """Say whether a mail reports a failed delivery."""
    if mail.header("x-failed-recipients"):
        return True
    speaks = tells_of_failure(notice.text) or has_failure_subject(mail)
    return speaks and weight_of_signs(mail, notice) >= ENOUGH
