"""The classifier on returned mail as different systems write it, each in the shape its system is known for."""

from __future__ import annotations

import json

import pytest

from newsletter.feedback.classify import Kind, Reason, classify, classify_json
from tests.support.returned_mail import complaint, delivery_report, plain_mail

ADA = "ada@example.org"
RETURNED = "Received: from mail.example.com\nFrom: letter@example.com\nTo: ada@example.org\nSubject: Hello\nMessage-ID: <1@example.com>\n\nHello.\n"

NOTICES = {
    "qmail": f"""Hi. This is the qmail-send program at mx.example.org.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<{ADA}>:
192.0.2.1 does not like recipient.
Remote host said: 550 5.1.1 No such user
Giving up on 192.0.2.1.

--- Below this line is a copy of the message.

{RETURNED}""",
    "Exim": f"""This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  {ADA}
    SMTP error from remote mail server after RCPT TO:<{ADA}>:
    host mx.example.org [192.0.2.1]: 550 unknown user

------ This is a copy of the message, including all the headers. ------

{RETURNED}""",
    "old Sendmail": f"""   ----- Transcript of session follows -----
... while talking to mx.example.org.:
>>> RCPT To:<{ADA}>
<<< 550 <{ADA}>... User unknown
550 {ADA}... User unknown

   ----- Unsent message follows -----
{RETURNED}""",
    "Exchange 2003": f"""Your message

  To:      {ADA}
  Subject: Hello
  Sent:    Thu, 29 Apr 2010 23:00:00 -0400

did not reach the following recipient(s):

{ADA} on Thu, 29 Apr 2010 23:00:05 -0400
    The recipient name is not recognized
    MSEXCH:IMS:EXAMPLE:MX 0 (000C05A6) Unknown Recipient
""",
    "Domino": f"""Your message

  Subject: Hello

was not delivered to:

  {ADA}

because:

  User ada ({ADA}) not listed in public Name & Address Book
""",
    "Gmail": f"""Delivery to the following recipient failed permanently:

     {ADA}

Technical details of permanent failure:
Google tried to deliver your message, but it was rejected by the recipient domain. The error that the other server
returned was: 550 550 5.1.1 <{ADA}>: Recipient address rejected: User unknown (state 14).

----- Original message -----

{RETURNED}""",
    "Yahoo": f"""Message from yahoo.com.
Unable to deliver message to the following address(es).

<{ADA}>:
This user doesn't have a yahoo.com account ({ADA}) [-5]

--- Original message follows.

{RETURNED}""",
    "MailMarshal": f"""Your message:
   From:    letter@example.com
   Subject: Hello
Could not be delivered because of

550 5.1.1 User unknown

The following recipients were affected:
    {ADA}
""",
    "Messaging Server": f"""Your message cannot be delivered to the following recipients:

  Recipient address: {ADA}
  Reason: Remote SMTP server has rejected address
  Diagnostic code: smtp;550 5.1.1 unknown or illegal alias: {ADA}
""",
    "OpenSMTPD": f"""    Hi!

    This is the MAILER-DAEMON, please DO NOT REPLY to this e-mail.

    An error has occurred while attempting to deliver a message for
    the following list of recipients:

{ADA}: 550 5.1.1 <{ADA}>... User Unknown

    Below is a copy of the original message:

{RETURNED}""",
    "SurfControl": f"""Your message could not be sent.
A transcript of the attempts to send the message follows.
The number of attempts made: 1
Addressed To: {ADA}

Failed to send to identified host,
{ADA}: [192.0.2.5], 550 {ADA}... No such user
""",
    "MFC": f"""We had trouble delivering your message. Full details follow:

Subject: 'Hello'

1 error(s):

SMTP Server <mx.example.org> rejected recipient <{ADA}>
  (Error following RCPT command). It responded as follows: [550 5.1.1 <{ADA}>... User Unknown]
""",
    "German": f"""Ihre Nachricht konnte nicht zugestellt werden.

Empfänger: {ADA}
Grund: Benutzer unbekannt
""",
    "French": f"""Votre message n'a pas pu être remis.

Destinataire : {ADA}
L'adresse de messagerie n'existe pas.
""",
    "Spanish": f"""No se pudo entregar su mensaje a:

  {ADA}

El usuario no existe en este servidor.
""",
    "Russian": f"""Ваше письмо не может быть доставлено.

  {ADA}

Такой пользователь не зарегистрирован, адрес не существует.
""",
    "Japanese": f"""次の宛先へのメールが配信できませんでした。

  {ADA}

宛先のユーザは存在しません。
""",
}


@pytest.mark.parametrize("system", NOTICES)
def test_a_notice_for_people_names_the_dead_address(system: str) -> None:
    found = classify(plain_mail("MAILER-DAEMON@mx.example.org", "Undelivered mail", NOTICES[system]))
    assert (found.kind, found.recipients, found.reason) == (Kind.HARD, (ADA,), Reason.DEAD)


@pytest.mark.parametrize(
    ("status", "said", "kind", "reason"),
    [
        ("5.1.1", "550 5.1.1 User unknown", "hard", "dead"),
        ("5.1.10", "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found", "hard", "dead"),
        ("5.0.0", "550 <ada@example.org> User not found", "hard", "dead"),
        ("5.0.0", "554 delivery error: dd This user doesn't have an example.org account", "hard", "dead"),
        ("5.4.1", "550 5.4.1 Recipient address rejected: Access denied", "hard", "dead"),
        ("5.7.1", "550 5.7.1 No such user", "hard", "dead"),
        ("5.2.1", "550 5.2.1 The email account that you tried to reach is disabled", "hard", "dead"),
        ("5.4.4", "Host or domain name not found. Name service error for name=example.org", "hard", "dead"),
        ("5.1.1", "550 5.1.1 see https://example.org/policy/spam. Invalid recipient", "hard", "dead"),
        ("5.2.2", "552 5.2.2 Mailbox full", "soft", "full"),
        ("5.1.1", "550 5.1.1 The mailbox is over quota", "soft", "full"),
        ("5.0.0", "552 Recipient's mailbox is full, message returned to sender", "soft", "full"),
        ("5.7.1", "554 5.7.1 Client host [192.0.2.1] blocked using zen.spamhaus.org", "soft", "blocked"),
        ("5.0.0", "550 Your IP has a poor reputation", "soft", "blocked"),
        ("5.7.26", "550 5.7.26 Unauthenticated email is not accepted: DMARC policy", "soft", "auth"),
        ("5.7.1", "550 5.7.1 Message rejected as spam", "soft", "content"),
        ("5.1.8", "553 5.1.8 Domain of sender address does not exist", "soft", "policy"),
        ("5.7.1", "550 5.7.1 Relaying denied", "soft", "policy"),
        ("5.3.4", "552 5.3.4 Message size exceeds fixed limit", "soft", "size"),
        ("4.4.1", "connect to mx.example.org[192.0.2.1]:25: Connection timed out", "soft", "network"),
        ("4.1.1", "450 4.1.1 User unknown, try again later", "soft", "dead"),
        ("5.4.6", "554 5.4.6 Too many hops", "soft", "network"),
        ("5.9.9", "550 Something else", "soft", "unknown"),
    ],
)
def test_words_win_over_codes(status: str, said: str, kind: str, reason: str) -> None:
    found = classify(delivery_report(ADA, status, f"smtp; {said}"))
    assert (found.kind, found.reason, found.recipients) == (kind, reason, (ADA,))


def test_a_precise_status_in_the_diagnostic_beats_a_generic_one() -> None:
    assert classify(delivery_report(ADA, "5.0.0", "smtp; 550 5.1.1 User unknown")).status == "5.1.1"
    assert classify(delivery_report(ADA, "5.2.2", "smtp; 550 5.1.1 full")).status == "5.2.2"


def test_the_address_that_was_written_to_comes_before_what_an_alias_made_of_it() -> None:
    report = delivery_report(ADA, "5.1.1", "smtp; 550 5.1.1 User unknown").replace(
        b"Final-Recipient", b"Original-Recipient: rfc822; alias@example.org\r\nFinal-Recipient"
    )
    assert classify(report).recipients == ("alias@example.org",)


def test_a_report_of_success_is_no_bounce() -> None:
    assert classify(delivery_report(ADA, "2.0.0", "smtp; 250 Ok", action="delivered")).kind is Kind.NONE


def test_a_warning_is_soft_and_says_that_it_is_only_late() -> None:
    found = classify(delivery_report(ADA, "4.4.1", "smtp; timed out", action="delayed"))
    assert (found.kind, found.reason) == (Kind.SOFT, Reason.DELAYED)
    body = f"This is a warning message only. Your message has not yet been delivered to\n\n  {ADA}\n\nWe will keep trying.\n"
    found = classify(plain_mail("MAILER-DAEMON@mx.example.org", "Warning: message 1 delayed 24 hours", body))
    assert (found.kind, found.reason, found.recipients) == (Kind.SOFT, Reason.DELAYED, (ADA,))


def test_of_several_recipients_all_are_named_and_the_gravest_decides() -> None:
    report = delivery_report("full@example.org", "5.2.2", "smtp; 552 Mailbox full").replace(
        b"\r\n--=b\r\nContent-Type: text/rfc822-headers",
        b"\r\nFinal-Recipient: rfc822; ada@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\n"
        b"\r\n--=b\r\nContent-Type: text/rfc822-headers",
    )
    found = classify(report)
    assert (found.kind, found.status, set(found.recipients)) == ("hard", "5.1.1", {ADA, "full@example.org"})
    assert [(each.recipient, each.kind, each.reason) for each in found.outcomes] == [
        ("full@example.org", "soft", "full"),
        (ADA, "hard", "dead"),
    ]
    assert (found.about("Full@example.org").kind, found.about("FULL@example.org").status) == ("soft", "5.2.2")
    assert found.about("somebody.else@example.org") == found


def test_in_a_notice_for_people_each_recipient_has_its_own_words() -> None:
    body = f"<bob@example.org>:\nRemote host said: 552 Mailbox is over quota\n\n<{ADA}>:\nRemote host said: 550 No such user\n"
    found = classify(plain_mail("MAILER-DAEMON@mx.example.org", "failure notice", body))
    assert {each.recipient: each.kind for each in found.outcomes} == {ADA: "hard", "bob@example.org": "soft"}


@pytest.mark.parametrize(
    ("feedback_type", "kind"),
    [("abuse", "complaint"), ("fraud", "complaint"), ("opt-out", "unsubscribe"), ("auth-failure", "none")],
)
def test_feedback_reports(feedback_type: str, kind: str) -> None:
    assert classify(complaint(ADA, feedback_type)).kind == kind


@pytest.mark.parametrize(
    ("subject", "header"),
    [
        ("Automatic reply: Hello", "X-Anything: 1"),
        ("Automatische Antwort: Hello", "Return-Path: <>"),
        ("Réponse automatique : Hello", "X-Anything: 1"),
        ("Re: Hello", "Auto-Submitted: auto-replied"),
        ("Re: Hello", "Precedence: auto_reply"),
        ("Re: Hello", "X-Autoreply: yes"),
        ("Out of office", "X-Anything: 1"),
    ],
)
def test_auto_replies_are_no_bounces(subject: str, header: str) -> None:
    body = "I am away until Monday and cannot read my mailbox. Write to info@example.org.\n"
    assert classify(plain_mail("Ada <ada@example.org>", subject, body, header)).kind is Kind.AUTOREPLY


@pytest.mark.parametrize(
    "subject", ["unsubscribe", "Re: Unsubscribe", "Abmelden", "désinscription", "REMOVE"]
)
def test_a_wish_to_leave(subject: str) -> None:
    found = classify(plain_mail("Ada <ada@example.org>", subject, ""))
    assert (found.kind, found.recipients) == (Kind.UNSUBSCRIBE, (ADA,))


@pytest.mark.parametrize(
    ("sender", "subject", "body"),
    [
        (
            "Ada <ada@example.org>",
            "Lovely issue",
            "My mailbox is full of joy, no such user interface anywhere.\n",
        ),
        ("Ada <ada@example.org>", "Re: Hello", "> the user unknown to us\nWho is ada@example.org?\n"),
        ("Ada <ada@example.org>", "How do I unsubscribe a friend from my list?", "Please tell me.\n"),
        (
            "Shop <shop@example.org>",
            "Your order was not delivered?",
            "Track the delivery of your parcel here.\n",
        ),
    ],
)
def test_ordinary_mail_is_none(sender: str, subject: str, body: str) -> None:
    assert classify(plain_mail(sender, subject, body)).kind is Kind.NONE


def test_an_answer_to_a_bounce_is_none() -> None:
    body = "What is this?\n\n> <bob@example.org>: 550 User unknown\n"
    answer = plain_mail("Ada <ada@example.org>", "Re: Undelivered Mail", body, "In-Reply-To: <1@example.com>")
    assert classify(answer).kind is Kind.NONE


def test_a_read_receipt_is_none() -> None:
    receipt = delivery_report(ADA, "5.1.1", "x").replace(b"delivery-status", b"disposition-notification")
    assert classify(receipt).kind is Kind.NONE


def test_notifications_of_amazon_ses_by_mail() -> None:
    bounced = {"emailAddress": ADA, "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 user unknown"}
    bounce = {"notificationType": "Bounce", "bounce": {"bouncedRecipients": [bounced]}}
    found = classify(plain_mail("no-reply@sns.example.com", "AWS Notification Message", json.dumps(bounce)))
    assert (found.kind, found.recipients, found.status) == (Kind.HARD, (ADA,), "5.1.1")
    complaint = {
        "notificationType": "Complaint",
        "complaint": {"complainedRecipients": [{"emailAddress": ADA}]},
    }
    found = classify(
        plain_mail("no-reply@sns.example.com", "AWS Notification Message", json.dumps(complaint))
    )
    assert (found.kind, found.recipients) == (Kind.COMPLAINT, (ADA,))
    delivery = {"notificationType": "Delivery", "delivery": {"recipients": [ADA]}}
    mail = plain_mail("no-reply@sns.example.com", "AWS Notification Message", json.dumps(delivery))
    assert classify(mail).kind is Kind.NONE


@pytest.mark.parametrize(
    ("types", "kind", "reason"),
    [
        (("Permanent", "NoEmail"), "hard", "dead"),
        (("Transient", "MailboxFull"), "soft", "full"),
        (("Undetermined", "Undetermined"), "soft", "unknown"),
    ],
)
def test_ses_in_the_envelope_of_sns_and_without_a_servers_words(
    types: tuple[str, str], kind: str, reason: str
) -> None:
    bounce = {"bounceType": types[0], "bounceSubType": types[1], "bouncedRecipients": [{"emailAddress": ADA}]}
    envelope = {"Type": "Notification", "Message": json.dumps({"eventType": "Bounce", "bounce": bounce})}
    found = classify(plain_mail("no-reply@sns.example.com", "AWS Notification Message", json.dumps(envelope)))
    assert (found.kind, found.reason, found.recipients) == (kind, reason, (ADA,))


def test_json_has_the_fields_of_the_interface() -> None:
    assert classify_json(delivery_report(ADA, "5.1.1", "smtp; 550 5.1.1 User unknown")) == {
        "kind": "hard",
        "recipients": [ADA],
        "status": "5.1.1",
        "reason": "dead",
        "diagnostic": "smtp; 550 5.1.1 User unknown",
    }
