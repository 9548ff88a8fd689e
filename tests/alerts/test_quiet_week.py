"""A quiet host wakes nobody for a week, told in ticks of a minute, each the average of its seconds as the sampler would
see them; and for an hour second by second. ``make quiet`` tells the whole week so.
"""

from __future__ import annotations

import pytest

from tests.alerts.quiet import QuietHost, notified


@pytest.mark.parametrize(("interval_s", "length_s"), [(1, 3600), (60, 7 * 86_400)], ids=["seconds", "week"])
def test_nobody_is_notified(interval_s: int, length_s: int) -> None:
    host = QuietHost(7, interval_s)
    assert len(host.seen) == 20
    assert len(host.host) * interval_s >= 1800
    assert notified(host, length_s) == []
