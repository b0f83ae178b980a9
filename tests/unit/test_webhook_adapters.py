"""What every adapter must stand: forged, replayed, cut, bent, old keys, floods and rubbish (W1-W3). One list for all."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newsletter.feedback.webhooks.news import News
from newsletter.feedback.webhooks.provider import read_all, verify
from newsletter.feedback.webhooks.providers import PROVIDERS
from newsletter.feedback.webhooks.request import MOST_BYTES, MOST_EVENTS, Refused, WebhookRequest
from newsletter.feedback.webhooks.secrets import Secrets
from tests.support.provider_requests import ADA, BY_NAME, NOW, SAMPLES, Sample, with_headers

every_adapter = pytest.mark.parametrize("sample", SAMPLES, ids=lambda each: each.provider)
WINDOWS = {"sendgrid": 600, "resend": 300, "mailgun": 9 * 3600}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def decoded(sample: Sample, request: WebhookRequest, secrets: Secrets | None = None) -> list[News]:
    """Verify and read a request as the door and the worker do."""
    provider = PROVIDERS[sample.provider]
    verify(provider, request, secrets or sample.secrets("first"), NOW)
    return read_all(provider, request)


def refusal(sample: Sample, request: WebhookRequest, secrets: Secrets | None = None) -> int:
    with pytest.raises(Refused) as caught:
        decoded(sample, request, secrets)
    return caught.value.status


def test_there_is_a_sample_of_every_provider() -> None:
    assert {*BY_NAME, "amazon_ses"} == set(PROVIDERS)


@every_adapter
def test_each_word_is_understood(sample: Sample) -> None:
    for word in sample.words:
        (news,) = decoded(sample, sample.request(word))
        assert news.word == ("bounced" if word == "soft" else word)
        assert news.recipient == ADA
        if word == "soft":
            assert news.kind == "soft"
        if word == "bounced" and sample.provider != "postal":
            assert (news.kind, news.reason) == ("hard", "dead")


@every_adapter
def test_the_time_is_the_event_s_own_and_aware(sample: Sample) -> None:
    (news,) = decoded(sample, sample.request("delivered" if "delivered" in sample.words else "opened"))
    assert news.at is not None
    assert abs(news.at - NOW) < timedelta(seconds=2)


@every_adapter
def test_our_token_comes_back(sample: Sample) -> None:
    token = "a" * 39
    (news,) = decoded(sample, sample.request("bounced", token=token))
    assert any(token in each for each in news.references)


@every_adapter
def test_a_forged_request_is_refused(sample: Sample) -> None:
    assert refusal(sample, sample.request(key="second")) == 401


@every_adapter
def test_an_unsigned_request_is_refused(sample: Sample) -> None:
    request = sample.request()
    bare = replace(request, headers={"content-type": request.header("content-type")})
    if sample.provider in ("mailgun", "unisender_go"):  # theirs stands in the body
        bare = replace(bare, body=bare.body.replace(b'"signature"', b'"no"').replace(b'"auth"', b'"no"'))
    assert refusal(sample, bare) == 401


@every_adapter
def test_without_a_secret_nothing_is_taken(sample: Sample) -> None:
    assert refusal(sample, sample.request(), Secrets()) == 503


@every_adapter
def test_two_secrets_are_valid_while_one_is_replaced(sample: Sample) -> None:
    both = sample.secrets("second", "first")
    assert decoded(sample, sample.request(key="first"), both)
    assert decoded(sample, sample.request(key="second"), both)
    assert refusal(sample, sample.request(key="first"), sample.secrets("second")) == 401


@every_adapter
def test_a_replay_a_thousand_times_is_one_event(sample: Sample) -> None:
    provider, request = PROVIDERS[sample.provider], sample.request("bounced")
    assert len({news.digest for _ in range(1000) for news in read_all(provider, request)}) == 1


@every_adapter
def test_different_events_differ(sample: Sample) -> None:
    digests = [decoded(sample, sample.request(word))[0].digest for word in sample.words]
    assert (
        len(set(digests)) == len(digests) or sample.provider == "resend"
    )  # there the id of the request tells


@every_adapter
def test_each_byte_that_is_changed_is_noticed(sample: Sample) -> None:
    request = sample.request()
    provider, secrets = PROVIDERS[sample.provider], sample.secrets("first")
    for place in range(len(request.body)):
        bent = bytes([request.body[place] ^ 1])
        changed = replace(request, body=request.body[:place] + bent + request.body[place + 1 :])
        try:
            verify(provider, changed, secrets, NOW)
            read_all(provider, changed)
        except Refused:
            continue
        assert not (sample.signs_body and sample.sign), f"byte {place} may be changed"


@every_adapter
def test_a_request_that_is_cut_off_is_refused(sample: Sample) -> None:
    whole = sample.request()
    for length in range(0, len(whole.body) - 1, 7):
        cut = sample.signed(replace(whole, body=whole.body[:length]))
        with pytest.raises(Refused):
            decoded(sample, cut)


@pytest.mark.parametrize("sample", [each for each in SAMPLES if each.many], ids=lambda each: each.provider)
def test_too_many_events_are_refused(sample: Sample) -> None:
    event: Any = {"msys": {"message_event": {}}} if sample.provider == "sparkpost" else {}
    if sample.provider == "unisender_go":
        event = {"event_name": "transactional_email_status"}
    for count, is_taken in ((MOST_EVENTS, True), (MOST_EVENTS + 1, False)):
        raw = json.dumps(sample.wrap([event] * count), separators=(",", ":")).encode()
        body = b"mandrill_events=" + raw if sample.provider == "mandrill" else raw
        request = sample.signed(replace(sample.request(), body=body))
        if is_taken:
            assert len(decoded(sample, request)) == MOST_EVENTS
        else:
            assert refusal(sample, request) == 413


@every_adapter
def test_what_is_too_large_or_packed_or_of_another_kind_is_refused(sample: Sample) -> None:
    request = sample.request()
    assert refusal(sample, replace(request, body=b" " * (MOST_BYTES + 1))) == 413
    assert refusal(sample, with_headers(request, content_encoding="gzip")) == 415
    assert refusal(sample, with_headers(request, content_type="text/html")) == 415
    assert refusal(sample, replace(request, method="PUT")) == 405
    assert refusal(sample, replace(request, method="GET")) == 405


RUBBISH = {
    "empty": b"",
    "no UTF-8": b'{"a": "\xff\xfe"}',
    "deep": b"[" * 200_000,
    "deep objects": b'{"a":' * 100_000,
    "a huge number": b'{"ts_epoch": ' + b"9" * 5000 + b"}",
    "not a number": b'[{"timestamp": NaN}]',
    "a word": b'"events"',
    "null": b"null",
    "NUL": b"\0" * 50,
}


@every_adapter
@pytest.mark.parametrize("rubbish", RUBBISH)
def test_rubbish_is_refused_also_when_it_is_signed(sample: Sample, rubbish: str) -> None:
    body = RUBBISH[rubbish]
    if sample.provider == "mandrill":
        body = b"mandrill_events=" + body.replace(b"\0", b"%00")
    request = sample.signed(replace(sample.request(), body=body))
    with pytest.raises(Refused):
        decoded(sample, request)


@every_adapter
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_stands_in_an_event_is_read_without_an_error(sample: Sample, data: st.DataObject) -> None:
    event = sample.event(sample.words["bounced"], "")
    _bend(event, data)
    provider = PROVIDERS[sample.provider]
    request = sample.request("bounced")
    try:
        documents = provider.split(json.loads(json.dumps(sample.wrap([event]))))
    except Refused:
        return
    for document in documents:
        for news in provider.read(document, request):
            assert "\0" not in f"{news.recipient}{news.diagnostic}{news.message_id}"
            assert len(news.diagnostic) <= 9000


def _bend(event: Any, data: st.DataObject) -> None:
    """Put anything where a member of the event was, at any depth."""
    while isinstance(event, dict) and event:
        name = data.draw(st.sampled_from(sorted(event)))
        if not isinstance(event[name], dict) or data.draw(st.booleans()):
            event[name] = data.draw(JSON)
            return
        event = event[name]


@pytest.mark.parametrize("provider", WINDOWS)
def test_an_old_signature_is_refused(provider: str) -> None:
    sample, known = BY_NAME[provider], PROVIDERS[provider]
    request, secrets = sample.request(), sample.secrets("first")
    for seconds, is_taken in ((WINDOWS[provider] - 1, True), (WINDOWS[provider] + 1, False)):
        for later in (NOW + timedelta(seconds=seconds), NOW - timedelta(seconds=seconds)):
            if is_taken:
                verify(known, request, secrets, later)
                continue
            with pytest.raises(Refused, match="too old"):
                verify(known, request, secrets, later)


def test_secrets_are_in_nothing_that_is_shown() -> None:
    for sample in SAMPLES:
        secrets = sample.secrets("first", "second")
        shown = repr(secrets) + repr(sample.request())
        for each in (*secrets.basic, *secrets.signing):
            assert each not in shown
        with pytest.raises(Refused) as caught:
            decoded(sample, sample.request(key="second"))
        assert not any(each in str(caught.value) for each in (*secrets.basic, *secrets.signing))
