"""Any receiver made for Alertmanager's webhook, signed as Standard Webhooks says.

Specification: github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Sequence

from alerts.messages import webhook_body
from alerts.notify.notifier import Bundle, Message, Notifier
from model.alert import Receiver
from model.errors import Fault

PREFIX = "whsec_"
LEAST_KEY_BYTES = 16


def write(receiver: Receiver, bundle: Bundle, public_url: str, now_ms: int) -> Message:
    """Body and headers; ``webhook-id`` is the same over every retry, the timestamp is the attempt's."""
    said = webhook_body(bundle.notifications, public_url, others_fire=bundle.others_fire)
    body = json.dumps(said, ensure_ascii=False, allow_nan=False).encode()
    at_s = str(now_ms // 1000)
    headers = {"Content-Type": "application/json", "webhook-id": bundle.id, "webhook-timestamp": at_s}
    if receiver.secret:
        headers["webhook-signature"] = signature(receiver.secret, bundle.id, at_s, body)
    return Message(receiver.url, body, headers)


def signature(secret: str, message_id: str, at_s: str, body: bytes) -> str:
    """``v1,<base64>`` of HMAC-SHA256 over ``id.timestamp.body``; more than one, with spaces, where the secret can be
    read in more than one way."""
    signed = b".".join((message_id.encode(), at_s.encode(), body))
    digests = [hmac.new(key, signed, hashlib.sha256).digest() for key in keys_of(secret)]
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)


def keys_of(secret: str) -> tuple[bytes, ...]:
    """The keys that a secret may mean, the specification's first.

    ``whsec_…`` is Base64. Another text that is Base64 is read as such by the reference libraries and as it stands by
    hand-made verifiers: a signature of each is sent, and either is enough to verify.
    """
    text = secret.removeprefix(PREFIX)
    decoded = decode(text)
    if secret.startswith(PREFIX) and decoded is not None:
        return (decoded,)
    return (secret.encode(),) if not decoded else (decoded, secret.encode())


def decode(text: str) -> bytes | None:
    """Bytes of a Base64 text; None where it is none."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def faults_of(receiver: Receiver) -> Sequence[Fault]:
    """A secret that says it is Base64 must be, and be long enough to be one."""
    if not receiver.secret.startswith(PREFIX):
        return ()
    key = decode(receiver.secret.removeprefix(PREFIX))
    if key is None:
        return (Fault("secret", "begins with whsec_ but is no Base64 after it: copy it again, or leave whsec_ out"),)
    if len(key) < LEAST_KEY_BYTES:
        return (Fault("secret", f"is too short: whsec_ wants at least {LEAST_KEY_BYTES} bytes in Base64"),)
    return ()


WEBHOOK = Notifier(write, faults_of)
