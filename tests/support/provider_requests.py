"""Requests as the thirteen providers send and sign them, made up after their descriptions; for tests."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlencode

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from newsletter.feedback.webhooks.request import WebhookRequest
from newsletter.feedback.webhooks.secrets import Secrets

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
STAMP = int(NOW.timestamp())
ADDRESS = "https://news.example.com/webhooks/mandrill/path"
ADA = "ada@example.com"
DEAD = "550 5.1.1 No such user here"
KEY, OTHER_KEY = "a signing key for tests", "another signing key"
BASIC, OTHER_BASIC = "newsletter:open sesame", "newsletter:another one"

Json = dict[str, Any]


@cache
def ec_key(which: str) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@cache
def rsa_key(which: str) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def shown(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    """Return the public key as a provider shows it."""
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()


@dataclass(frozen=True)
class Sample:
    """How one provider writes and signs: `body(word, token)` gives an event, `sign(request, key)` its headers."""

    provider: str
    words: Mapping[str, str]
    event: Callable[[str, str], Any]
    wrap: Callable[[list[Any]], Any] = lambda events: events[0]
    sign: Callable[[WebhookRequest, str], WebhookRequest] | None = None
    secret: Callable[[str], str] = str
    content_type: str = "application/json"
    many: bool = False
    #: False where nothing but the body is signed, or nothing at all is.
    signs_body: bool = True

    def secrets(self, *which: str) -> Secrets:
        """Return what verifies requests signed with these keys: `first`, `second`."""
        if self.sign is None:
            return Secrets(basic=tuple(BASIC if each == "first" else OTHER_BASIC for each in which))
        keys = tuple(self.secret(each) for each in which)
        return Secrets(signing=keys, url=ADDRESS)

    def request(self, *words: str, token: str = "", key: str = "first", url: str = ADDRESS) -> WebhookRequest:
        """Return a signed request that tells of these events, by our words."""
        events = [self.event(self.words[word], token) for word in words or ("bounced",)]
        raw = json.dumps(self.wrap(events)).encode()
        if self.content_type != "application/json":
            raw = urlencode({"mandrill_events": json.dumps(events)}).encode()
        headers = {"content-type": self.content_type}
        return self.signed(WebhookRequest("POST", url, headers, raw), key)

    def signed(self, request: WebhookRequest, key: str = "first") -> WebhookRequest:
        """Return the request with its credentials."""
        if self.sign is not None:
            return self.sign(request, key)
        pair = BASIC if key == "first" else OTHER_BASIC
        return with_headers(request, authorization="Basic " + base64.b64encode(pair.encode()).decode())


def with_headers(request: WebhookRequest, **headers: str) -> WebhookRequest:
    return replace(
        request, headers={**request.headers, **{k.replace("_", "-"): v for k, v in headers.items()}}
    )


def _key(which: str) -> str:
    return KEY if which == "first" else OTHER_KEY


def _hex(header: str) -> Callable[[WebhookRequest, str], WebhookRequest]:
    def sign(request: WebhookRequest, key: str) -> WebhookRequest:
        return with_headers(
            request, **{header: hmac.digest(_key(key).encode(), request.body, "sha256").hex()}
        )

    return sign


def _sendgrid(request: WebhookRequest, key: str) -> WebhookRequest:
    signature = ec_key(key).sign(str(STAMP).encode() + request.body, ec.ECDSA(SHA256()))
    name = "x_twilio_email_event_webhook_"
    return with_headers(
        request, **{name + "signature": base64.b64encode(signature).decode(), name + "timestamp": str(STAMP)}
    )


def _postal(request: WebhookRequest, key: str) -> WebhookRequest:
    signature = rsa_key(key).sign(request.body, padding.PKCS1v15(), SHA1())
    return with_headers(request, x_postal_signature=base64.b64encode(signature).decode())


def _svix(request: WebhookRequest, key: str) -> WebhookRequest:
    signed = f"msg_1.{STAMP}.".encode() + request.body
    digest = base64.b64encode(hmac.digest(_key(key).encode(), signed, "sha256")).decode()
    return with_headers(request, svix_id="msg_1", svix_timestamp=str(STAMP), svix_signature=f"v1,{digest}")


def _mandrill(request: WebhookRequest, key: str) -> WebhookRequest:
    fields = dict(parse_qsl(request.body.decode("utf-8", "replace")))
    signed = request.url + "".join(name + fields[name] for name in sorted(fields))
    digest = hmac.digest(_key(key).encode(), signed.encode("utf-8", "replace"), "sha1")
    return with_headers(request, x_mandrill_signature=base64.b64encode(digest).decode())


def _mailgun(request: WebhookRequest, key: str) -> WebhookRequest:
    if b"SIGNATURE" not in request.body:
        return request
    token = json.loads(request.body)["signature"]["token"]
    digest = hmac.digest(_key(key).encode(), f"{STAMP}{token}".encode(), "sha256").hex()
    return replace(request, body=request.body.replace(b"SIGNATURE", digest.encode()))


def _unisender(request: WebhookRequest, key: str) -> WebhookRequest:
    hashed = hashlib.md5(request.body.replace(b"AUTH", _key(key).encode())).hexdigest()
    return replace(request, body=request.body.replace(b"AUTH", hashed.encode()))


def _whsec(which: str) -> str:
    return "whsec_" + base64.b64encode(_key(which).encode()).decode()


SAMPLES: tuple[Sample, ...] = (
    Sample(
        "brevo",
        {"bounced": "hard_bounce", "soft": "soft_bounce", "complained": "spam", "unsubscribed": "unsubscribe",
         "delivered": "delivered", "deferred": "deferred", "opened": "opened", "unknown": "new thing"},
        lambda word, token: {"event": word, "email": ADA, "ts_epoch": STAMP * 1000, "message-id": "<1@brevo.example>",
                             "reason": DEAD if "hard" in word else "", "X-Mailin-custom": token},
    ),
    Sample(
        "mailersend",
        {"bounced": "hard_bounced", "soft": "soft_bounced", "complained": "spam_complaint",
         "unsubscribed": "unsubscribed", "delivered": "delivered", "deferred": "deferred", "opened": "opened",
         "unknown": "new thing"},
        lambda word, token: {"type": f"activity.{word}", "data": {
            "id": f"id-{word}", "type": word, "created_at": NOW.isoformat(),
            "email": {"message": {"id": "1"}, "recipient": {"email": ADA}, "tags": [token]},
            "morph": {"object": "recipient_bounce", "reason": DEAD if "hard" in word else None}}},
        sign=_hex("signature"), secret=_key,
    ),
    Sample(
        "mailgun",
        {"bounced": "failed", "complained": "complained", "unsubscribed": "unsubscribed", "delivered": "delivered",
         "opened": "opened", "unknown": "new thing"},
        lambda word, token: {
            "signature": {"token": f"token of {word}", "timestamp": str(STAMP), "signature": "SIGNATURE"},
            "event-data": {"event": word, "severity": "permanent", "id": f"id-{word}", "timestamp": STAMP + 0.5,
                           "recipient": ADA, "delivery-status": {"message": DEAD},
                           "message": {"headers": {"message-id": f"{token}@example.com"}}}},
        sign=_mailgun, secret=_key, signs_body=False,
    ),
    Sample(
        "mailjet",
        {"bounced": "bounce", "complained": "spam", "unsubscribed": "unsub", "delivered": "sent", "opened": "open",
         "unknown": "new thing"},
        lambda word, token: {"event": word, "time": STAMP, "MessageID": 1, "email": ADA, "hard_bounce": True,
                             "error": "user unknown", "CustomID": token},
        wrap=lambda events: events, many=True,
    ),
    Sample(
        "mailtrap",
        {"bounced": "bounce", "deferred": "soft bounce", "complained": "spam", "unsubscribed": "unsubscribe",
         "delivered": "delivery", "opened": "open", "unknown": "new thing"},
        lambda word, token: {"event": word, "timestamp": STAMP, "message_id": "1", "email": ADA, "response": DEAD,
                             "event_id": f"id-{word}", "custom_variables": {"newsletter_token": token}},
        wrap=lambda events: {"events": events}, many=True, sign=_hex("mailtrap_signature"), secret=_key,
    ),
    Sample(
        "mandrill",
        {"bounced": "hard_bounce", "soft": "soft_bounce", "complained": "spam", "unsubscribed": "unsub",
         "deferred": "deferral", "opened": "open", "unknown": "new thing"},
        lambda word, token: {"event": word, "ts": STAMP, "_id": "1", "msg": {
            "email": ADA, "diag": DEAD, "metadata": {"newsletter_token": token}}},
        wrap=lambda events: events, many=True, sign=_mandrill, secret=_key, content_type="application/x-www-form-urlencoded",
    ),
    Sample(
        "postal",
        {"delivered": "MessageSent", "deferred": "MessageDelayed", "bounced": "MessageBounced",
         "opened": "MessageLoaded", "unknown": "new thing"},
        lambda word, token: {"event": word, "timestamp": STAMP, "uuid": f"id-{word}", "payload": {
            "message": {"id": 1, "to": ADA, "direction": "outgoing", "message_id": f"{token}@example.com"}}},
        sign=_postal, secret=lambda which: shown(rsa_key(which)),
    ),
    Sample(
        "postmark",
        {"bounced": "Bounce", "complained": "SpamComplaint", "unsubscribed": "SubscriptionChange",
         "delivered": "Delivery", "opened": "Open", "unknown": "New thing"},
        lambda word, token: {"RecordType": word, "Type": "HardBounce" if word == "Bounce" else word, "MessageID": "1",
                             "Email": ADA, "Details": DEAD, "BouncedAt": NOW.isoformat(), "SuppressSending": True,
                             "Metadata": {"newsletter": token}},
    ),
    Sample(
        "resend",
        {"bounced": "email.bounced", "complained": "email.complained", "delivered": "email.delivered",
         "deferred": "email.delivery_delayed", "opened": "email.opened", "unknown": "email.new_thing"},
        lambda word, token: {"type": word, "created_at": NOW.isoformat(), "data": {
            "email_id": "1", "to": [ADA], "bounce": {"type": "Permanent", "message": DEAD},
            "headers": [{"name": "X-Newsletter-Token", "value": token}]}},
        sign=_svix, secret=_whsec,
    ),
    Sample(
        "sendgrid",
        {"bounced": "bounce", "deferred": "deferred", "complained": "spamreport", "unsubscribed": "unsubscribe",
         "delivered": "delivered", "opened": "open", "unknown": "new thing"},
        lambda word, token: {"event": word, "email": ADA, "timestamp": STAMP, "sg_event_id": f"id-{word}",
                             "sg_message_id": "1", "reason": DEAD, "type": "bounce", "newsletter_token": token},
        wrap=lambda events: events, many=True, sign=_sendgrid, secret=lambda which: shown(ec_key(which)),
    ),
    Sample(
        "sparkpost",
        {"bounced": "bounce", "deferred": "delay", "complained": "spam_complaint", "unsubscribed": "list_unsubscribe",
         "delivered": "delivery", "opened": "open", "unknown": "new thing"},
        lambda word, token: {"msys": {"message_event": {
            "type": word, "rcpt_to": ADA, "event_id": f"id-{word}", "timestamp": str(STAMP), "raw_reason": DEAD,
            "rcpt_meta": {"newsletter_token": token}, **({"bounce_class": "10"} if word == "bounce" else {})}}},
        wrap=lambda events: events, many=True,
    ),
    Sample(
        "unisender_go",
        {"bounced": "hard_bounced", "soft": "soft_bounced", "complained": "spam", "unsubscribed": "unsubscribed",
         "delivered": "delivered", "opened": "opened", "unknown": "new thing"},
        lambda word, token: {"event_name": "transactional_email_status", "event_data": {
            "job_id": "1", "email": ADA, "status": word, "event_time": "2026-03-01 12:00:00",
            "delivery_info": {"destination_response": DEAD}, "metadata": {"newsletter_token": token}}},
        wrap=lambda events: {"auth": "AUTH", "events_by_user": [{"user_id": 1, "events": events}]},
        many=True, sign=_unisender, secret=_key,
    ),
)  # fmt: skip
BY_NAME = {each.provider: each for each in SAMPLES}
