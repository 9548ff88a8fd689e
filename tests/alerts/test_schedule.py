"""When a message is tried again."""

from __future__ import annotations

from alerts.schedule import JITTER, jitter, next_try_ms
from alerts.telling import notification
from tests.alerts.story import START_MS, an_alert

SENT = notification(an_alert(), "ops", "firing", START_MS)


def test_the_schedule_is_kept_up_to_a_fifth_of_jitter() -> None:
    now_ms, waits = START_MS, []
    for attempts in range(1, 100):
        again_ms = next_try_ms(SENT, attempts, now_ms, None)
        if again_ms is None:
            break
        waits.append((again_ms - now_ms) / 1000)
        now_ms = again_ms
    wanted = [5, 30, 120, 600, 1800]
    for wait, least in zip(waits[:5], wanted, strict=True):
        assert least <= wait <= least * (1 + JITTER)
    assert all(3600 <= wait <= 3600 * (1 + JITTER) for wait in waits[5:-1])
    assert now_ms == START_MS + 24 * 3600 * 1000
    assert len(waits) > 20


def test_a_later_wish_of_the_receiver_is_followed_and_an_earlier_one_is_not() -> None:
    assert next_try_ms(SENT, 1, START_MS, 100.0) == START_MS + 100_000
    early = next_try_ms(SENT, 3, START_MS, 1.0)
    assert early is not None
    assert early >= START_MS + 120_000
    assert next_try_ms(SENT, 1, START_MS, 1e9) == START_MS + 24 * 3600 * 1000


def test_jitter_is_always_the_same_and_spreads() -> None:
    assert jitter("a", 1) == jitter("a", 1)
    assert len({jitter(f"m{i}", 1) for i in range(50)}) == 50
    assert all(1 <= jitter(f"m{i}", 2) <= 1 + JITTER for i in range(50))
