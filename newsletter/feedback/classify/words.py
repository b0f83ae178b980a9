"""What mail servers say, and what it means: the phrase tables. Order matters only between reasons, see `reason_in_words`.

`hard` is for phrases that say that the mailbox or its domain does not exist (any more). Words about us, about this message or
about a passing state never condemn an address. Everything is matched in lower case, with white space collapsed.
"""

from __future__ import annotations

import re
from typing import Final

from newsletter.feedback.classify.values import Reason

_FULL: Final = (
    r"(?:mail ?box|mail ?folder|inbox|maildir|account|user|recipient|storage)\W.{0,30}\b(?:is|are|was)? ?(?:too )?(?:full|overfull)\b",
    r"\bmailbox.{0,3}full\b", r"\bover ?quota\b", r"quota.{0,30}(?:exceed|full|reached|violation|overdrawn|error)", r"(?:exceed|over|out of|overdrawn|beyond).{0,40}\b(?:disk)?quota",
    r"(?:exceed|over).{0,30}(?:mailbox|storage) (?:size )?limit", r"mailbox size (?:limit )?exceed", r"(?:mailbox|storage|disk space|inbox) .{0,30}(?:exceed|limit reached)",
    r"not enough (?:disk |storage )?space", r"(?:insufficient|out of|no) (?:disk |system |mailbox )?(?:space|storage)", r"too (?:many|much) (?:messages|mail data|mails)",
    r"disc quota", r"disk full", r"user is over", r"account is full", r"over (?:the|its|their|his) (?:storage |disk )?(?:limit|allocation|allotment)",
    r"exceeded .{0,20}(?:mailbox|space|storage) (?:allocation|limit|allotment)", r"overflow",
    r"(?:bo[îi]te|messagerie).{0,40}pleine", r"quota .{0,20}d[ée]pass", r"buz[oó]n .{0,20}lleno", r"cuota .{0,40}(?:excedi|superad|super)", r"excedi.{0,30}cuota", r"caixa .{0,30}cheia",
    r"postfach .{0,30}voll", r"zu ?viele mails", r"speicherplatz", r"casella .{0,30}piena", r"переполнен", r"превышен.{0,30}квот", r"квота.{0,30}превышен",
    r"メールボックス.{0,20}(?:満|いっぱい|一杯|容量)", r"容量.{0,20}(?:超|満|オーバー|一杯)", r"邮箱.{0,10}已满", r"容量.{0,10}已满",
)  # fmt: skip
_BLOCKED: Final = (
    r"black ?list", r"block ?list", r"deny ?list", r"\bdnsbl\b", r"\brbls?\b", r"spamhaus", r"spamcop", r"barracuda ?(?:central|networks)", r"sorbs", r"\bproofpoint.{0,20}(?:block|dnsbl)",
    r"\bblocked\b.{0,30}\b(?:using|by|for|due|because|see|ip|address|list)", r"blocked - see", r"(?:client|host|ip|sender|server|mail server|connection|domain|network).{0,60}\b(?:blocked|banned|refused|rejected)\b",
    r"\bblocked (?:client|host|ip|sender|server|mail|message|email)", r"(?:your|this|sending) (?:ip|host|server|domain|network|mail server).{0,60}(?:reputation|listed|banned)", r"reputation",
    r"reverse dns", r"\bptr\b", r"rdns", r"rate.?limit", r"too many (?:connections|recipients|messages from|concurrent|errors|invalid|bad|unknown|sessions|requests)", r"temporarily (?:deferred|blocked|limited)",
    r"unusual rate", r"receiving mail (?:at a rate|too quickly)", r"client host rejected", r"access denied.{0,20}\bip\b", r"dynamic ip", r"not (?:a )?(?:permitted|allowed) (?:ip|host)",
    r"adresse ip", r"service refus", r"greylist", r"gray ?list", r"\bunusual volume", r"unexpected volume", r"user complaints", r"mismatches client ip", r"ip name lookup failed", r"\(bl\)", r"bloqu(?:e|é).{0,30}(?:spam|ip)",
    r"confirm this mail server", r"requires? (?:confirmation|verification|authori[sz]ation)", r"sender (?:is )?not (?:pre-?)?approved",
)  # fmt: skip
_POLICY: Final = (
    r"\bspam", r"spam\b", r"\bspf\b", r"\bdkim\b", r"\bdmarc\b", r"\bube\b", r"unsolicited", r"bulk (?:e-?)?mail", r"junk (?:e-?)?mail", r"virus", r"malware", r"phish", r"worm\b", r"infected",
    r"polic(?:y|ies)", r"content (?:filter|reject|is not|not|restrict)", r"rejected (?:due to|because of|by) (?:content|filter|security|local)", r"content rejected", r"banned (?:content|attachment|file|word)",
    r"(?:attachment|file type|extension).{0,40}(?:not allowed|blocked|rejected|forbidden|prohibited|removed)", r"message (?:content )?(?:has been |was )?(?:blocked|refused|denied|not allowed|filtered)",
    r"relay(?:ing)? (?:is )?(?:access )?(?:denied|prohibited|not (?:permitted|allowed))", r"(?:unable|not configured|not permitted|refuse|not allowed|denied) to relay", r"\bas a relay\b", r"relaying mail", r"we do not relay", r"no relaying",
    r"sender (?:address |domain |verify |denied|email )?(?:rejected|failed|denied|is not|not|blocked|refused|invalid|unknown)", r"sender denied", r"domain of sender", r"return address", r"(?:not|un)(?: |-)?(?:allowed|authori[sz]ed|permitted|verified) to (?:send|post|mail|submit)",
    r"unauthenticated", r"authentication (?:is )?(?:required|failed|failure)", r"authrequired", r"auth(?:entication|orization)? (?:check )?fail", r"email address is not verified", r"not accept(?:ed|ing)? .{0,40}(?:from this|from your|due to domain|policy|messages from)",
    r"(?:not|only) .{0,30}(?:member|subscriber|subscribed)s?\b.{0,30}(?:list|group|post)", r"you(?:r| are| do).{0,40}not (?:a )?(?:member|subscribed|permission|have permission)", r"is restricted", r"restricted to", r"permission to (?:post|send|deliver|submit)", r"insufficient permission",
    r"does not accept (?:mail|e-?mail|messages?) from", r"(?:refused|rejected|denied) (?:due to|by) recipient(?:'s)? (?:preference|setting|choice)", r"recipient preferences", r"do(?:es)? not want (?:to receive )?(?:mail|your)",
    r"message (?:appears|looks|seems|scored)", r"purported responsible", r"header(?:s)? (?:error|too large|invalid|line)", r"multiple addresses in from", r"improper use of", r"rfc.?\d{4}.{0,20}complian", r"not rfc", r"bare (?:lf|cr)",
    r"(?:prohibited|forbidden|suspicious|suspected|abuse|abusive)", r"white ?list", r"challenge", r"loop alert", r"message rejected", r"dsn.{0,20}not accepted", r"security reasons",
    r"nicht erlaubt", r"abgelehnt.{0,40}(?:spam|richtlinie)", r"спам", r"spam的", r"垃圾邮件", r"迷惑メール", r"受信拒否", r"拒絶", r"ドメイン指定",
)  # fmt: skip
_SIZE: Final = (
    r"(?:message|mail|e-?mail|body|attachment)s?\b.{0,30}(?:too (?:large|big|long)|(?:size|length) (?:limit )?exceed|exceeds?.{0,30}(?:size|limit|maximum))",
    r"exceed.{0,30}(?:size|length) ?(?:limit)?", r"max(?:imum)? (?:message )?size", r"size limit", r"message size", r"size=\d", r"too large", r"larger than",
    r"taille .{0,30}(?:d[ée]pass|trop)", r"zu gro(?:ß|ss)", r"demasiado grande", r"サイズ.{0,20}(?:超|大き)",
)  # fmt: skip
_WHO: Final = r"(?:user|recipient|mail ?box|account|address(?:ee)?|e-?mail|inbox|person|alias|member|customer|subscriber|name|destination)"
_DEAD: Final = (
    rf"\b(?:unknown|no such|invalid|non-?existent|nonexistent|unrecogni[sz]ed|undefined|illegal|bad|bogus|incorrect|inactive|deactivated|disabled|expired|obsolete|closed) (?:(?:local|virtual|to|rcpt|destination|e-?mail|mail|domain|recipient|or|alias|illegal|final|remote|address(?:es)?|user) ){{0,3}}['\"`<(]?(?:{_WHO[3:-1]}|domain|host|recipients|users)\b",
    rf"\b{_WHO}s?\b.{{0,60}}\b(?:unknown|not found|not known|does ?n[o']?t exist|do not exist|does not exist|not exist|doesn.t exist|no longer|not (?:currently )?(?:listed|valid|recogni[sz]ed|active|available here)|invalid|inactive|disabled|deactivated|discontinued|dis(?:continued|abled)|terminated|cancell?ed|deleted|closed|expired|removed|suspended|unavailable|frozen|retired|(?:has|have) (?:moved|left|changed)|isn'?t (?:listed|valid)|non-?exist[ae]nt|is not (?:a )?(?:known|valid|registered)|can(?:not|'t) be found|could not be (?:found|resolved)|bloque)",
    rf"\b(?:does|do|did|could|can) ?n[o']t (?:have|find|know|locate|recogni[sz]e) (?:an?|any|the|this|that|such)? ?(?:\S+ ){{0,2}}(?:{_WHO[3:-1]})\b", r"doesn.t have an? \S{1,60} account", r"does not have an? \S{1,60} account",
    r"no (?:mail ?box|mailbox here|such (?:person|recipient|user|address|account|mailbox|name|local|domain|host|alias|member)|user (?:by|with) (?:that|this)|account by|recipients? (?:found|here)|longer (?:on|at|a valid|valid|available|in use|employed|works?|accept))",
    r"not our (?:customer|user)", r"nosuchuser", r"user_unknown", r"bad_recipient", r"recipnotfound", r"recipientnotfound", r"unrouteable", r"unroutable", r"unrout(?:e)?able mail domain", r"address rejected", r"address unknown", r"account that you tried to reach",
    r"recipient (?:address )?(?:rejected|refused|unknown|invalid)", r"who does not", r"vrfy.{0,40}fail", r"not a valid (?:user|mailbox|recipient|address|account)", r"addressee unknown", r"couldn't find any host", r"cannot find (?:a )?(?:host|mail exchanger)", r"no mx (?:record|host|or a)?",
    r"host (?:or domain name )?(?:not found|unknown)", r"(?:domain|host)(?: name)?\b.{0,60}(?:not found|unknown|does ?n[o']t exist|does not exist|not exist|doesn.t exist|non-?exist[ae]nt|is invalid|no longer)", r"no such (?:domain|host)", r"unknown (?:host|domain)", r"domain name not found",
    r"unknown (?:or illegal )?(?:alias|user|recipient|address|account|mailbox|local)", r"(?:is|are) not (?:listed|known|found) in", r"not listed in", r"mailbox unavailable", r"requested action not taken", r"554 delivery error: dd", r"left the (?:company|organi[sz]ation)", r"no es un usuario", r"has been (?:disabled|discontinued|deactivated|closed)",
    r"(?:utilisateur|destinataire|adresse|bo[îi]te).{0,60}(?:inconnu|n'existe|invalide|introuvable|d[ée]sactiv)", r"(?:empf[äa]nger|benutzer|adresse|postfach|mailbox|teilnehmer).{0,60}(?:unbekannt|existiert nicht|nicht (?:gefunden|bekannt|vorhanden|verf[üu]gbar)|ung[üu]ltig|gesperrt|deaktiviert)",
    r"(?:usuario|destinatario|direcci[oó]n|cuenta|buz[oó]n).{0,60}(?:desconocid|no existe|inv[áa]lid|no v[áa]lid|inexistente|deshabilitad|no encontrad|no pertenece|inactiv)", r"(?:usu[áa]rio|destinat[áa]rio|endere[çc]o|conta).{0,60}(?:desconhecid|n[ãa]o existe|inv[áa]lid|inexistente|desativad)",
    r"(?:utente|destinatario|indirizzo|casella).{0,60}(?:sconosciut|inesistente|non esiste|non valid|disabilitat|disattivat)", r"(?:gebruiker|ontvanger|adres).{0,60}(?:onbekend|bestaat niet)", r"(?:пользовател|адрес|ящик|получател|аккаунт).{0,60}(?:не (?:существ|найден|зарегистр|обслужива)|неизвест|отключ|заблокир|удал)", r"несуществующ", r"нет такого (?:пользовател|адрес)", r"не найден",
    r"(?:użytkownik|adres|skrzynk).{0,60}(?:nie istnieje|nieznan|nieaktywn)", r"(?:ユーザ|宛先|アドレス|メールアドレス|受信者).{0,40}(?:存在し|見つかり|不明|ありません|間違|使われて|見当たり)", r"存在しません", r"用户不存在", r"(?:收件人|地址|邮箱|帐号|账号|用户).{0,20}(?:不存在|无效|未找到|被禁用|已停用|未激活)", r"查無此",
)  # fmt: skip
_NETWORK: Final = (
    r"time[d]?.?out", r"connection (?:refused|lost|reset|closed|dropped|failed|was)", r"lost connection", r"could not (?:connect|establish|contact|be contacted)", r"(?:unable|not able|failed|can(?:not|'t)) (?:to )?(?:connect|contact|establish|reach)", r"no route to host", r"network (?:is )?(?:unreachable|error)", r"unreachable",
    r"name ?server", r"dns (?:error|query|lookup|failure|server)", r"name service error", r"lookup fail", r"mail loop", r"\bloop(?:s|ing)?\b", r"too many hops", r"hop count", r"not respond", r"no answer", r"server (?:is )?(?:down|busy|unavailable|did not|not available)", r"try (?:again )?later",
    r"message expired", r"expired", r"retry (?:timeout|time)", r"retried", r"too (?:old|long)", r"(?:been )?in the queue", r"queue too", r"gave up", r"giving up", r"attempted delivery", r"delivery time", r"not (?:been )?(?:able to )?deliver(?:ed)? .{0,30}(?:hours|days|minutes)", r"tempor(?:ary|arily)", r"service unavailable", r"deferred", r"tls", r"handshake",
    r"internal (?:system |server )?error", r"system error", r"local configuration", r"configuration error", r"lock failure", r"i/o error", r"タイムアウト", r"時間内に", r"истекло", r"не отвечает",
)  # fmt: skip
#: A phrase that is about a person although it has words of policy in it; looked for first.
_DEAD_FIRST: Final = (
    r"recipient address rejected: (?:access denied|user unknown|unknown|no such|undeliverable|nonexistent|does not exist|unverified|mailbox)", r"\buser unknown\b", r"unknown user\b", r"no such user", r"user does not exist", r"user not found", r"address does not exist", r"account has been (?:disabled|deactivated|closed)",
    r"(?:no longer (?:an? )?(?:active|employed|valid|in use|accepts?|with|works?|available|monitored))", r"recipient (?:not found|unknown)", r"mailbox (?:not found|does not exist|unknown)", r"disabled recipient", r"invalid (?:recipient|mailbox|user)",
)  # fmt: skip
_DELAY: Final = (
    r"will (?:be |continue to |keep |still |attempt |retry |try )+(?:retr|try|attempt|being|for|until)", r"continue (?:to )?(?:try|attempt|retry)", r"(?:not|no).{0,40}(?:action|need|have).{0,40}(?:required|resend|retry|send)", r"message (?:has|is|was) (?:been )?(?:delayed|not yet)", r"not yet been delivered", r"has not been delivered (?:yet|after)", r"warning[: ].{0,80}(?:delay|not (?:yet )?(?:been )?deliver|could not)", r"delivery (?:status notification \()?delay", r"this is (?:a|only a) warning", r"delayed \d", r"still being retried", r"will be retried",
)  # fmt: skip


def _any(*tables: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(phrase for table in tables for phrase in table))


PATTERNS: Final[tuple[tuple[Reason, re.Pattern[str]], ...]] = (
    (Reason.FULL, _any(_FULL)),
    (Reason.DEAD, _any(_DEAD_FIRST)),
    (Reason.BLOCKED, _any(_BLOCKED)),
    (Reason.POLICY, _any(_POLICY)),
    (Reason.SIZE, _any(_SIZE)),
    (Reason.DEAD, _any(_DEAD)),
    (Reason.NETWORK, _any(_NETWORK)),
)
DELAY: Final = _any(_DELAY)
