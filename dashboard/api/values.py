"""Text forms of the API: moments, steps, lists and cursors. Pure."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import UTC, datetime

import msgspec

from dashboard.errors import invalid

SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000}
DURATION = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)(ms|s|m|h|d|w|y)")
LATEST_MS = 253402300799000
"""The last second of the year 9999: later is no moment that a calendar knows."""


def duration_ms(text: str, path: str) -> int:
    """``1s``, ``10s``, ``1h30m`` → ms. Raises Problem 422."""
    parts = DURATION.findall(text)
    if not parts or "".join(n + u for n, u in parts) != text:
        raise invalid(path, f"{text[:40]!r} is not a duration; write 10s, 5m, 1h or 7d")
    ms = round(sum(float(number) * SECONDS[unit] for number, unit in parts) * 1000)
    if not 0 < ms <= LATEST_MS:
        raise invalid(path, f"{text[:40]!r} is out of range")
    return ms


def moment_ms(text: str | None, now_ms: int, path: str, default: str) -> int:
    """RFC 3339, ms since the epoch, ``now`` or ``-1h`` → ms since the epoch. Raises Problem 422."""
    text = text or default
    if text == "now":
        return now_ms
    if text.startswith("-"):
        return now_ms - duration_ms(text[1:], path)
    if text.isascii() and text.isdigit():
        at_ms = int(text[:20])
    else:
        try:
            moment = datetime.fromisoformat(text.replace(" ", "+"))
        except ValueError as error:
            raise invalid(path, f"{text[:40]!r} is no time; write RFC 3339, ms since 1970, or -1h") from error
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        at_ms = round((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000)
    if not 0 <= at_ms <= LATEST_MS:
        raise invalid(path, f"{text[:40]!r} is out of range")
    return at_ms


def span_ms(since: str | None, until: str | None, now_ms: int, default: str) -> tuple[int, int]:
    """Both ends of a range; the first must come before the last."""
    since_ms = moment_ms(since, now_ms, "since", default)
    until_ms = moment_ms(until, now_ms, "until", "now")
    if since_ms >= until_ms:
        raise invalid("since", "must be before until")
    return since_ms, until_ms


def listed(text: str | None) -> tuple[str, ...]:
    """``a,b`` → (a, b), empty parts left out, each once."""
    return tuple(dict.fromkeys(part for part in (text or "").split(",") if part))


def cursor_of(key: object) -> str:
    """An opaque text that names a place in a sorted list."""
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def key_of(cursor: str) -> list[object]:
    """What :func:`cursor_of` was given, a list. Raises Problem 422."""
    try:
        key = msgspec.json.decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error, msgspec.MsgspecError) as error:
        raise invalid("cursor", "is not one of ours; start again without it") from error
    if not isinstance(key, list):
        raise invalid("cursor", "is not one of ours; start again without it")
    return key
