"""The signature, checked by the reference library."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from alerts.notify.webhook import keys_of, write
from alerts.telling import notification
from model.outside import rfc3339
from tests.alerts.story import START_MS, a_receiver, an_alert, bundle_of

SECRETS = (
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
)


def now_ms() -> int:
    """The reference library refuses what is older than five minutes by its own clock."""
    return int(datetime.now(UTC).timestamp() * 1000)


@pytest.mark.parametrize("secret", SECRETS)
def test_the_reference_library_accepts_ours(secret: str) -> None:
    message = write(
        a_receiver(secret=secret), bundle_of(notification(an_alert(), "ops", "firing", START_MS)), "", now_ms()
    )
    body = Webhook(secret).verify(message.body, dict(message.headers))
    assert body["version"] == "4"
    assert body["alerts"][0]["startsAt"] == rfc3339(START_MS)


@pytest.mark.parametrize("part", ["body", "webhook-id", "webhook-timestamp", "webhook-signature"])
def test_it_rejects_what_was_tampered_with(part: str) -> None:
    secret = SECRETS[0]
    message = write(
        a_receiver(secret=secret), bundle_of(notification(an_alert(), "ops", "firing", START_MS)), "", now_ms()
    )
    headers, body = dict(message.headers), message.body
    if part == "body":
        body = body.replace(b"warning", b"nothing")
    elif part == "webhook-timestamp":
        headers[part] = str(int(headers[part]) - 1)
    else:
        headers[part] = headers[part][:-3] + "AAA"
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body, headers)


def test_a_plain_text_is_a_key_as_it_stands() -> None:
    message = write(
        a_receiver(secret="my secret!"), bundle_of(notification(an_alert(), "ops", "firing", 0)), "", START_MS
    )
    signed = f"{message.headers['webhook-id']}.{message.headers['webhook-timestamp']}.".encode() + message.body
    digest = hmac.new(b"my secret!", signed, hashlib.sha256).digest()
    assert message.headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"


def test_a_text_that_is_base64_by_chance_verifies_either_way() -> None:
    assert keys_of("passwords") == (b"passwords",)
    assert keys_of("password") == (base64.b64decode("password"), b"password")
    message = write(
        a_receiver(secret="password"), bundle_of(notification(an_alert(), "ops", "firing", 0)), "", START_MS
    )
    assert len(message.headers["webhook-signature"].split(" ")) == 2


def test_without_a_secret_there_is_no_signature_but_an_id() -> None:
    message = write(a_receiver(), bundle_of(notification(an_alert(), "ops", "firing", 0)), "", START_MS)
    assert "webhook-signature" not in message.headers
    assert message.headers["webhook-id"].startswith("msg_")
    assert message.headers["webhook-timestamp"] == str(START_MS // 1000)
