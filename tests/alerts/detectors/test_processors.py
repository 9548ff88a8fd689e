"""How busy the processors of one container are: all of the host's, or the few that it is pinned to."""

from __future__ import annotations

import pytest

from alerts.detectors.processors import Crowd, Processors, listed
from model.limits import Limits
from tests.alerts.story import DB, WEB, Story, target

ALL = frozenset(range(8))


def processors_of(
    host: float | None, use: dict[str, float], pins: dict[str, frozenset[int] | None], seconds: int = 20
) -> Processors:
    """So many seconds of a host with eight processors."""
    story = Story()
    story.targets = {key: target(key) for key in use}
    story.limits = {key: Limits(cpus=cpus) for key, cpus in pins.items()}
    if host is not None:
        story.host_values["cpu_usage_cores"] = host
    for _ in range(seconds):
        snapshot = story.tick({key: {"cpu_usage_cores": cores} for key, cores in use.items()})
    return Processors(snapshot, story.recent, 20.0)


@pytest.mark.parametrize(
    ("host", "use", "pins", "expected"),
    [
        (6.0, {WEB: 1.0}, {}, Crowd(0.75)),
        (6.0, {WEB: 1.0}, {WEB: ALL}, Crowd(0.75)),  # it may run anywhere
        (None, {WEB: 1.0}, {}, None),
        (1.0, {WEB: 0.5, DB: 0.25}, {WEB: frozenset({3}), DB: frozenset({3})}, Crowd(0.75, frozenset({3}))),
        (None, {WEB: 0.5}, {WEB: frozenset({3})}, Crowd(0.5, frozenset({3}))),
        # of two processors one is the other's too: half of that use is here
        (1.0, {WEB: 0.25, DB: 1.0}, {WEB: frozenset({3}), DB: frozenset({3, 4})}, Crowd(0.75, frozenset({3}))),
        # elsewhere, or anywhere, of which an eighth is here
        (1.0, {WEB: 0.25, DB: 1.0}, {WEB: frozenset({3}), DB: frozenset({4})}, Crowd(0.25, frozenset({3}))),
        (1.0, {WEB: 0.25, DB: 4.0}, {WEB: frozenset({3})}, Crowd(0.75, frozenset({3}))),
        # the host knows of more than its containers do
        (8.0, {WEB: 0.25}, {WEB: frozenset({3})}, Crowd(1.0)),
    ],
)
def test_around(
    host: float | None, use: dict[str, float], pins: dict[str, frozenset[int] | None], expected: Crowd | None
) -> None:
    assert processors_of(host, use, pins).around(WEB) == expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (None, None, True),
        (frozenset({1}), None, True),
        (frozenset({1}), ALL, True),
        (frozenset({1}), frozenset({1, 2}), True),
        (frozenset({1}), frozenset({2}), False),
    ],
)
def test_meet(one: frozenset[int] | None, other: frozenset[int] | None, expected: bool) -> None:
    processors = processors_of(1.0, {WEB: 0.1, DB: 0.1}, {WEB: one, DB: other}, seconds=1)
    assert processors.meet(WEB, DB) is expected
    assert processors.meet(DB, WEB) is expected


@pytest.mark.parametrize(
    ("cpus", "text"), [({0}, "0"), ({0, 1, 2, 3, 8}, "0-3,8"), ({1, 3}, "1,3"), ({64, 9, 10}, "9-10,64")]
)
def test_listed(cpus: set[int], text: str) -> None:
    assert listed(frozenset(cpus)) == text
