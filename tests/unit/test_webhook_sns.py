"""Amazon SES through SNS: signatures by an own CA, hostile addresses, topics, and what nobody may make us fetch (W4)."""

from __future__ import annotations

import socket
from datetime import timedelta
from typing import Any

import pytest

from newsletter.adapters.http_client import SafeHttpClient
from newsletter.adapters.sns_certificates import SnsCertificates, amazons_roots
from newsletter.feedback.webhooks.news import News
from newsletter.feedback.webhooks.provider import read_all, verify
from newsletter.feedback.webhooks.providers import PROVIDERS
from newsletter.feedback.webhooks.request import Refused
from newsletter.feedback.webhooks.secrets import Secrets
from newsletter.feedback.webhooks.sns import certificate_host, confirmation_link, region_of
from tests.servers import free_port
from tests.support import sns_messages as sns
from tests.support.sns_messages import CERTIFICATE, ISSUER, NOW, TOPIC, Web

SES = PROVIDERS["amazon_ses"]
HOSTILE = (
    "http://sns.eu-central-1.amazonaws.com/a.pem",
    "https://sns.eu-central-1.amazonaws.com.example.com/a.pem",
    "https://example.com/sns.eu-central-1.amazonaws.com/a.pem",
    "https://sns.eu-central-1.amazonaws.com@example.com/a.pem",
    "https://user:pass@sns.eu-central-1.amazonaws.com/a.pem",
    "https://sns.eu-central-1.amazonaws.com:8443/a.pem",
    "https://sns.eu-central-1.amazonaws.com/a.pem?x=1",
    "https://sns.eu-central-1.amazonaws.com/a.pem#x",
    "https://sns.eu-central-1.amazonaws.com/../a.pem",
    "https://sns.eu-central-1.amazonaws.com//example.com/a.pem",
    "https://sns.eu-central-1.amazonaws.com/a.txt",
    "https://sns.eu-central-1.amazonaws.com/",
    "https://sns.amazonaws.com.s3.amazonaws.com/a.pem",
    "https://sns.eu-central-1.s3.amazonaws.com/a.pem",
    "https://bucket.s3.eu-central-1.amazonaws.com/a.pem",
    "https://s3.amazonaws.com/sns.eu-central-1/a.pem",
    "https://sns.a.amazonaws.com/a.pem",
    "https://sns.eu_central_1.amazonaws.com/a.pem",
    "https://sns.eu-central-1.amazonaws.org/a.pem",
    "https://xsns.eu-central-1.amazonaws.com/a.pem",
    "https://sns.eu-central-1.amazonaws.com\n.example.com/a.pem",
    "https://sns.eu-central-1.amazonaws.com%2f@example.com/a.pem",
    "https://127.0.0.1/a.pem",
    "https://[::1]/a.pem",
    "file:///etc/passwd.pem",
    "ftp://sns.eu-central-1.amazonaws.com/a.pem",
    "//sns.eu-central-1.amazonaws.com/a.pem",
    "HTTPS://SNS.EU-CENTRAL-1.AMAZONAWS.COM/A.PEM",
    "https://sns.eu-central-1.amazonaws.com/a.pem\n",
    "https://sns.ЕU-central-1.amazonaws.com/a.pem",
)


def secrets(web: Web | None = None, *topics: str) -> Secrets:
    certificates = SnsCertificates((web or sns.web()).fetch, [sns.root().certificate])
    return Secrets(topics=topics or (TOPIC,), certificates=certificates)


def taken(told: dict[str, Any], given: Secrets | None = None) -> list[News]:
    request = sns.request(told)
    verify(SES, request, given or secrets(), NOW)
    return read_all(SES, request)


def refusal(told: dict[str, Any], given: Secrets | None = None) -> Refused:
    with pytest.raises(Refused) as caught:
        taken(told, given)
    return caught.value


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("more", [{}, {"Subject": "Amazon SES Email Event Notification"}])
def test_a_message_that_amazon_signed_is_taken(version: str, more: dict[str, Any]) -> None:
    (news,) = taken(sns.signed(sns.message(sns.bounce("token"), SignatureVersion=version, **more)))
    assert (news.word, news.kind, news.reason, news.status) == ("bounced", "hard", "dead", "5.1.1")
    assert news.recipient == "ada@example.com"
    assert "<token@example.com>" in news.references


def test_every_signed_member_is_covered() -> None:
    told = sns.signed(sns.message(sns.bounce(), Subject="A"))
    for name in ("Message", "MessageId", "Subject", "Timestamp"):
        changed = {**told, name: told[name].replace("0", "1").replace("A", "B")}
        assert refusal(changed).status in (400, 401), name
    assert refusal({name: value for name, value in told.items() if name != "Subject"}).status == 401


def test_a_message_signed_by_somebody_else_is_refused() -> None:
    assert refusal(sns.signed(sns.message(sns.bounce()), sns.new_key("stranger"))).status == 401
    for signature in (None, 7, "", "no base64", "AAAA"):
        assert refusal({**sns.message(sns.bounce()), "Signature": signature}).status == 401
    for version in ("3", "", None, [2], "1"):
        assert refusal({**sns.signed(sns.message(sns.bounce())), "SignatureVersion": version}).status == 401


def test_only_topics_on_the_list_are_taken() -> None:
    other = TOPIC.replace("bounces", "others")
    assert refusal(sns.signed(sns.message(sns.bounce(), TopicArn=other))).status == 403
    assert (
        refusal(
            sns.signed(sns.message(sns.bounce())), Secrets(topics=(), certificates=secrets().certificates)
        ).status
        == 503
    )
    assert taken(sns.signed(sns.message(sns.bounce(), TopicArn=other)), secrets(None, TOPIC, other))


def test_header_and_body_must_agree() -> None:
    told = sns.signed(sns.message(sns.bounce()))
    request = sns.request(told)
    for name, value in (("type", "SubscriptionConfirmation"), ("type", ""), ("id", "other"), ("id", "")):
        bent = {**request.headers, f"x-amz-sns-message-{name}": value}
        with pytest.raises(Refused):
            verify(SES, type(request)("POST", request.url, bent, request.body), secrets(), NOW)


def test_an_old_message_is_refused() -> None:
    request = sns.request(sns.signed(sns.message(sns.bounce())))
    verify(SES, request, secrets(), NOW + timedelta(minutes=59))
    with pytest.raises(Refused, match="too old"):
        verify(SES, request, secrets(), NOW + timedelta(minutes=61))
    assert refusal(sns.signed(sns.message(sns.bounce(), Timestamp="soon"))).status == 401


def test_a_raw_delivery_has_no_signature_and_is_refused() -> None:
    request = sns.request(sns.message(""))
    raw = type(request)(
        "POST", request.url, {"content-type": "application/json"}, b'{"eventType": "Send", "mail": {}}'
    )
    with pytest.raises(Refused):
        verify(SES, raw, secrets(), NOW)


@pytest.mark.parametrize("url", HOSTILE)
def test_a_certificate_from_elsewhere_is_never_fetched(url: str) -> None:
    assert certificate_host(url) is None
    web = sns.web()
    assert refusal(sns.signed(sns.message(sns.bounce(), SigningCertURL=url)), secrets(web)).status in (
        401,
        403,
    )
    assert web.fetched == []


def test_a_certificate_is_fetched_once_an_hour() -> None:
    web = sns.web()
    given = secrets(web)
    for _ in range(3):
        taken(sns.signed(sns.message(sns.bounce())), given)
    assert web.fetched == [CERTIFICATE, ISSUER]
    assert given.certificates is not None
    given.certificates.public_key(CERTIFICATE, NOW + timedelta(hours=2))
    assert len(web.fetched) == 4


CERTIFICATES = {
    "for another name": lambda: sns.issue("example.com", sns.middle(), issuer_url=ISSUER),
    "for a bucket": lambda: sns.issue("sns.s3.amazonaws.com", sns.middle(), issuer_url=ISSUER),
    "signed by itself": lambda: sns.issue("sns.amazonaws.com"),
    "out of date": lambda: sns.issue("sns.amazonaws.com", sns.middle(), issuer_url=ISSUER, end=NOW - timedelta(days=1)),
    "not valid yet": lambda: sns.issue("sns.amazonaws.com", sns.middle(), issuer_url=ISSUER, start=NOW + timedelta(days=1)),
    "whose issuer is elsewhere": lambda: sns.issue("sns.amazonaws.com", sns.middle(), issuer_url="http://127.0.0.1/ca.cer"),
    "without an issuer": lambda: sns.issue("sns.amazonaws.com", sns.middle()),
}  # fmt: skip


@pytest.mark.parametrize("kind", CERTIFICATES)
def test_a_certificate_that_is_not_amazons_is_refused(kind: str) -> None:
    made = CERTIFICATES[kind]()
    web = Web({CERTIFICATE: made.pem, ISSUER: sns.middle().der})
    told = sns.signed(sns.message(sns.bounce()), made.key)
    assert refusal(told, secrets(web)).status == 403
    assert all(url in (CERTIFICATE, ISSUER) for url in web.fetched)


def test_only_roots_of_amazon_are_trusted() -> None:
    names = sorted(each.subject.rfc4514_string() for each in amazons_roots())
    assert names == [f"CN=Amazon Root CA {number},O=Amazon,C=US" for number in (1, 2, 3, 4)]
    own = Secrets(topics=(TOPIC,), certificates=SnsCertificates(sns.web().fetch))
    assert refusal(sns.signed(sns.message(sns.bounce())), own).status == 403


def test_a_certificate_that_cannot_be_had_or_read() -> None:
    told = sns.signed(sns.message(sns.bounce()))
    assert refusal(told, secrets(Web({}))).status == 503
    assert refusal(told, secrets(Web({CERTIFICATE: b"<html>"}))).status == 403
    assert refusal(told, secrets(Web({CERTIFICATE: sns.leaf().pem}))).status == 503
    assert refusal(told, secrets(Web({CERTIFICATE: sns.leaf().pem, ISSUER: b"no DER"}))).status == 403


def test_a_subscription_is_shown_and_never_opened() -> None:
    listener = socket.create_server(("127.0.0.1", free_port()))
    listener.settimeout(0.2)
    port = listener.getsockname()[1]
    asking = sns.message(
        "Please confirm.", Type="SubscriptionConfirmation", Token="0123abcdef",
        SubscribeURL=f"http://127.0.0.1:{port}/steal", SignatureVersion="2",
    )  # fmt: skip
    request = sns.request(sns.signed(asking))
    real = SnsCertificates(SafeHttpClient().fetch_bytes, [sns.root().certificate])
    verify(SES, request, secrets(), NOW)
    assert read_all(SES, request) == []
    found = SES.confirmation(request)
    assert found is not None
    assert found.link == (
        "https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription"
        "&TopicArn=arn%3Aaws%3Asns%3Aeu-central-1%3A123456789012%3Abounces&Token=0123abcdef"
    )
    for url in (f"https://127.0.0.1:{port}/a.pem", f"http://127.0.0.1:{port}/a.pem"):
        hostile = Secrets(topics=(TOPIC,), certificates=real)
        refusal(sns.signed({**asking, "SigningCertURL": url}), hostile)
    with pytest.raises(TimeoutError):
        listener.accept()
    listener.close()


def test_links_are_made_from_what_is_known() -> None:
    assert confirmation_link(TOPIC, "a&b") is None
    assert confirmation_link("arn:aws:sns:evil.example.com/:123456789012:x", "a") is None
    assert region_of("arn:aws-cn:sns:cn-north-1:123456789012:x") == ("cn-north-1", "amazonaws.com.cn")
    assert region_of(TOPIC + "\n") is None


EVENTS = {
    "Send": ("sent", None), "Delivery": ("delivered", None), "Reject": ("rejected", None), "Open": ("opened", None),
    "Click": ("clicked", None), "Rendering Failure": ("failed", None), "Complaint": ("complained", None),
    "DeliveryDelay": ("deferred", None), "Bounce": ("bounced", "hard"), "New Thing": ("unknown", None),
}  # fmt: skip


@pytest.mark.parametrize("event", EVENTS)
def test_each_word_of_ses(event: str) -> None:
    part = {
        "recipients": ["ada@example.com"],
        "complainedRecipients": [{"emailAddress": "ada@example.com"}],
        "delayedRecipients": [{"emailAddress": "ada@example.com"}],
        "bouncedRecipients": [{"emailAddress": "ada@example.com"}],
        "bounceType": "Permanent",
    }
    names = {"Rendering Failure": "failure", "DeliveryDelay": "deliveryDelay"}
    inner = {
        "eventType": event,
        names.get(event, event.lower()): part,
        "mail": {"destination": ["ada@example.com"]},
    }
    (news,) = taken(sns.signed(sns.message(inner)))
    assert (news.word, news.kind) == EVENTS[event]
    assert news.recipient == "ada@example.com"


@pytest.mark.parametrize(("sub_type", "kind", "reason"), [
    ("MailboxFull", "soft", "full"), ("MessageTooLarge", "soft", "size"), ("ContentRejected", "soft", "policy"),
])  # fmt: skip
def test_a_bounce_that_passes(sub_type: str, kind: str, reason: str) -> None:
    part = {
        "bounceType": "Transient",
        "bounceSubType": sub_type,
        "bouncedRecipients": [{"emailAddress": "a@example.com"}],
    }
    (news,) = taken(sns.signed(sns.message({"notificationType": "Bounce", "bounce": part, "mail": {}})))
    assert (news.kind, news.reason) == (kind, reason)


def test_a_report_that_it_was_no_spam_is_no_complaint() -> None:
    part = {"complaintFeedbackType": "not-spam", "complainedRecipients": [{"emailAddress": "a@example.com"}]}
    (news,) = taken(sns.signed(sns.message({"eventType": "Complaint", "complaint": part, "mail": {}})))
    assert news.word == "unknown"


def test_the_greeting_of_a_new_topic_tells_of_nothing() -> None:
    assert (
        taken(sns.signed(sns.message("Successfully validated SNS topic for Amazon SES event publishing.")))
        == []
    )
    assert refusal(sns.signed(sns.message("hello"))).status == 400
    assert refusal(sns.signed(sns.message({"notificationType": "Received"}))).status == 400
