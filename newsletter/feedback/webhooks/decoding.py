"""One recorded request as JSON, verified and read: for scripts, scorers and the command line. Writes nothing."""

from __future__ import annotations

import ast
import base64
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from newsletter.errors import InvalidInput
from newsletter.feedback.webhooks.news import News
from newsletter.feedback.webhooks.provider import Provider, check_given, is_ping, read_all
from newsletter.feedback.webhooks.providers import provider_named
from newsletter.feedback.webhooks.request import Refused, WebhookRequest
from newsletter.feedback.webhooks.secrets import Secrets, credentials

_KINDS: Final = {
    "bounced": "bounce",
    "rejected": "bounce",
    "failed": "bounce",
    "deferred": "deferred",
    "complained": "complaint",
    "unsubscribed": "unsubscribe",
    "autoresponded": "autoreply",
    "delivered": "delivered",
    "queued": "sent",
    "sent": "sent",
    "opened": "open",
    "clicked": "click",
    "subscribed": "subscribe",
}
#: Recorded by a test client, which writes bytes as Python shows them.
_SHOWN_BYTES: Final = re.compile(r"b'(.*)'", re.DOTALL)
#: The host of Django's test client: a recorded request has a path only, and one provider signs the whole address.
_RECORDED_HOST: Final = "http://testserver"
_BASIC_NAMES: Final = ("WEBHOOK_SECRET", "BASIC", "BASIC_AUTH")
_ADDRESS_NAMES: Final = ("WEBHOOK_URL", "URL")
_NOT_KEYS: Final = ("INBOUND", "API_TOKEN", "API_URL", "USERNAME", "DOMAIN", "SENDER")
#: Their API key signs; that of the others only opens their API.
_SIGN_BY_API_KEY: Final = ("mailgun", "unisender_go")


def decode_json(
    provider: str, request: Mapping[str, Any], secrets: Mapping[str, Any], *, now: datetime | None = None
) -> dict[str, Any]:
    """Return `{"ok", "verified", "events", "error"}` of one request.

    `request` has `method`, `path` or `url`, `query`, `headers`, `body` (base64 with `body_base64`). What `secrets` holds is
    checked; with nothing in it the request is read without being verified. `now` switches the replay window on.
    """
    known = provider_named(provider)
    keys = secrets_from(known, secrets)
    try:
        read = request_from(request, keys)
        news = _decoded(known, read, keys, now)
    except Refused as refusal:
        return _refusal(str(refusal), refusal.status)
    except InvalidInput as error:  # a key that is none
        return _refusal(str(error), 503)
    events = [event_json(each) for each in news]
    return {"ok": True, "verified": not keys.is_empty, "status": 200, "error": "", "events": events}


def _refusal(error: str, status: int) -> dict[str, Any]:
    return {"ok": False, "verified": False, "status": status, "error": error, "events": []}


def _decoded(provider: Provider, request: WebhookRequest, keys: Secrets, now: datetime | None) -> list[News]:
    if is_ping(provider, request):
        return []
    check_given(provider, request, keys, now)
    if keys.is_empty and provider.confirmation(request) is not None:
        raise Refused("Nobody knows who asks for this subscription: set a secret first.")
    return read_all(provider, request)


def event_json(news: News) -> dict[str, Any]:
    """Return one event in the words of the scorer, with ours beside them."""
    return {
        "kind": _KINDS.get(news.word, "other"),
        "word": news.word,
        "told": news.told,
        "recipient": news.recipient,
        "severity": news.kind,
        "reason": news.reason,
        "status": news.status,
        "diagnostic": news.diagnostic,
        "event_id": news.event_id,
        "message_id": news.message_id,
        "at": news.at.isoformat() if news.at else None,
    }


def request_from(document: Mapping[str, Any], secrets: Secrets) -> WebhookRequest:
    """Return a request from its parts as JSON.

    :raises Refused: when the body is not what it says.
    """
    headers = {
        str(name).lower(): _shown(value) for name, value in dict(document.get("headers") or {}).items()
    }
    query = document.get("query") or ""
    url = document.get("url") or _address(document.get("path") or "/", headers, secrets)
    return WebhookRequest(
        method=str(document.get("method") or "POST"),
        url=f"{url}?{query}" if query else str(url),
        headers=headers,
        body=_body(document),
    )


def _shown(value: Any) -> str:
    match = _SHOWN_BYTES.fullmatch(str(value))
    return match[1] if match else str(value)


def _body(document: Mapping[str, Any]) -> bytes:
    body = document.get("body") or ""
    if isinstance(body, bytes):
        return body
    if not document.get("body_base64"):
        return str(body).encode("utf-8", "surrogateescape")
    try:
        return base64.b64decode(body, validate=True)
    except ValueError:
        raise Refused("The body is no base64.") from None


def _address(path: str, headers: Mapping[str, str], secrets: Secrets) -> str:
    """Return the address that was called. A password stands in it when it was given that way: that is what is signed."""
    host = f"https://{headers['host']}" if headers.get("host") else _RECORDED_HOST
    given = credentials(headers.get("authorization", "")).decode("utf-8", "replace")
    if secrets.basic and given:
        host = host.replace("://", f"://{given}@", 1)
    return host + path


def secrets_from(provider: Provider, given: Mapping[str, Any]) -> Secrets:
    """Return secrets from settings by the names that libraries give them: `ANYMAIL_MAILGUN_WEBHOOK_SIGNING_KEY`, …"""
    basic: list[str] = []
    signing: list[str] = []
    address = ""
    for name, value in given.items():
        short = _short(provider, name)
        if short in _BASIC_NAMES:
            basic += _several(value)
        elif short in _ADDRESS_NAMES:
            address = str(value)
        elif _is_key(provider, short):
            signing += _several(value)
    return Secrets(basic=tuple(basic), signing=tuple(signing), url=address)


def _is_key(provider: Provider, short: str) -> bool:
    if not provider.signing or short.startswith(_NOT_KEYS):
        return False
    return short != "API_KEY" or provider.name in _SIGN_BY_API_KEY


def _short(provider: Provider, name: str) -> str:
    upper = name.upper().removeprefix("ANYMAIL_")
    return upper.removeprefix(f"{provider.name.upper()}_").removeprefix(f"{provider.label.upper()}_")


def _several(value: Any) -> list[str]:
    """Return a secret, or the secrets of a list, also of one written as Python shows it."""
    if isinstance(value, str) and value.startswith("[") and value.endswith("]"):
        try:
            value = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            return [value]
    return [str(each) for each in value] if isinstance(value, list | tuple) else [str(value)]
