"""`decode_json`: recorded requests as they come from anywhere; nothing makes it raise."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.errors import NotFound
from newsletter.feedback.webhooks import decode_json
from newsletter.feedback.webhooks.providers import PROVIDERS
from tests.support.provider_requests import BY_NAME, KEY, NOW, OTHER_KEY, SAMPLES, Sample


def recorded(sample: Sample, word: str = "bounced") -> dict[str, Any]:
    request = sample.request(word, url="http://testserver/hook")
    return {
        "method": "POST", "path": "/hook", "query": "", "headers": dict(request.headers), "body": request.body.decode()
    }  # fmt: skip


def secrets(sample: Sample, which: str = "first") -> dict[str, str]:
    if sample.sign is None:
        return {"WEBHOOK_SECRET": "newsletter:open sesame" if which == "first" else "newsletter:another one"}
    return {f"ANYMAIL_{sample.provider.upper()}_WEBHOOK_KEY": sample.secret(which)}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda each: each.provider)
def test_a_recorded_request_is_verified_and_read(sample: Sample) -> None:
    found = decode_json(sample.provider, recorded(sample), secrets(sample))
    assert (found["ok"], found["verified"]) == (True, True)
    assert found["events"][0]["kind"] == "bounce"
    assert not decode_json(sample.provider, recorded(sample), secrets(sample, "second"))["ok"]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda each: each.provider)
def test_without_secrets_it_is_read_and_says_so(sample: Sample) -> None:
    found = decode_json(sample.provider, recorded(sample), {})
    assert (found["ok"], found["verified"]) == (True, False)


def test_several_secrets_and_other_names() -> None:
    sample = BY_NAME["mailgun"]
    for names in (
        {"MAILGUN_API_KEY": KEY},
        {"mailgun_webhook_signing_key": f"['{OTHER_KEY}', '{KEY}']"},
        {"KEY": [OTHER_KEY, KEY], "MAILGUN_SENDER_DOMAIN": "example.com"},
    ):
        assert decode_json("mailgun", recorded(sample), names)["ok"]
    assert decode_json("resend", recorded(BY_NAME["resend"]), {"RESEND_API_KEY": "re_x"})["ok"]
    assert not decode_json("mailgun", recorded(sample), {"KEY": "['unclosed"})["ok"]


def test_the_body_may_be_base64_and_the_clock_given() -> None:
    sample = BY_NAME["sendgrid"]
    request = recorded(sample)
    request |= {"body": base64.b64encode(request["body"].encode()).decode(), "body_base64": True}
    assert decode_json("sendgrid", request, secrets(sample), now=NOW)["ok"]
    assert not decode_json("sendgrid", request | {"body": "no base64!"}, secrets(sample))["ok"]
    assert not decode_json("sendgrid", request, secrets(sample), now=NOW.replace(hour=13))["ok"]


def test_a_subscription_that_nobody_vouches_for_is_refused() -> None:
    body = '{"Type": "SubscriptionConfirmation", "MessageId": "1", "TopicArn": "arn:aws:sns:eu-west-1:123456789012:x", "Token": "a"}'
    headers = {"X-Amz-Sns-Message-Type": "SubscriptionConfirmation", "X-Amz-Sns-Message-Id": "1"}
    request = {"headers": headers, "body": body}
    assert not decode_json("amazon_ses", request, {})["ok"]
    headers["Authorization"] = "Basic " + base64.b64encode(b"a:b").decode()
    assert decode_json("amazon_ses", request, {"WEBHOOK_SECRET": "a:b"})["ok"]


def test_an_unknown_provider_is_named() -> None:
    with pytest.raises(NotFound, match="pigeon"):
        decode_json("pigeon", {}, {})


@given(
    provider=st.sampled_from(sorted(PROVIDERS)),
    body=st.text(max_size=60)
    | st.sampled_from(["{}", "[]", "[{}]", '{"events": [{}]}', '{"msys": {}}', "null"]),
    headers=st.dictionaries(
        st.sampled_from(["Authorization", "Content-Type", "Host", "Svix-Timestamp", "Svix-Signature", "X"]),
        st.text(max_size=30) | st.floats() | st.none(),
        max_size=4,
    ),
    keys=st.dictionaries(st.sampled_from(["WEBHOOK_SECRET", "KEY", "URL"]), st.text(max_size=20), max_size=2),
)
def test_nothing_makes_it_raise(
    provider: str, body: str, headers: dict[str, Any], keys: dict[str, str]
) -> None:
    found = decode_json(provider, {"headers": headers, "body": body}, keys)
    assert found["ok"] in (True, False)
    assert found["ok"] or found["error"]
