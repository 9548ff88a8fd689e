"""How the daemon is: since when each part is as it is, whoever asks."""

from __future__ import annotations

import threading

from daemon.health import Health


def test_since_is_when_a_state_last_changed() -> None:
    state = ("ok", "")
    health = Health({"store": lambda: state})
    assert health.parts(1000)[0].since_ms == 1000
    assert health.parts(2000)[0].since_ms == 1000
    state = ("degraded", "disk full")
    (part,) = health.parts(3000)
    assert (part.state, part.detail, part.since_ms) == ("degraded", "disk full", 3000)
    assert health.parts(4000)[0].since_ms == 3000


def test_two_may_ask_at_once() -> None:
    inside: list[None] = []
    together: list[int] = []

    def state() -> tuple[str, str]:
        inside.append(None)
        together.append(len(inside))
        inside.pop()
        return "ok", ""

    health = Health({f"part{i}": state for i in range(50)})
    threads = [threading.Thread(target=health.parts, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(together) == 1, "one at a time"
    assert len({p.since_ms for p in health.parts(99)}) == 1
