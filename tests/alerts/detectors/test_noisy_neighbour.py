"""Who is named when somebody has to wait: the one whose use rose, and nobody who was there all along."""

from __future__ import annotations

import random

import pytest

from alerts.detectors.noisy_neighbour import NoisyNeighbour
from model.finding import Finding
from model.limits import Limits
from tests.alerts.story import DB, WEB, Story, target

HOG, STEADY = "c" * 64, "d" * 64


def story_of(
    hog: tuple[float, float],
    waits: tuple[float, float],
    own: tuple[float, float] = (1.0, 1.0),
    *,
    throttled: float = 0.0,
    steady: float = 3.0,
    pins: dict[str, set[int]] | None = None,
) -> list[Finding]:
    """80 quiet seconds, then 40 in which the hog uses more and the victim waits more."""
    story, draw = Story(), random.Random(1)
    story.limits = {key: Limits(cpus=frozenset(cpus)) for key, cpus in (pins or {}).items()}
    story.targets = {WEB: target(), DB: target(DB, "db"), HOG: target(HOG, "hog"), STEADY: target(STEADY, "steady")}
    found: list[Finding] = []
    for second in range(120):
        late = int(second >= 80)
        use = {WEB: own[late], DB: 0.1, HOG: hog[late], STEADY: steady}
        story.host_values["cpu_usage_cores"] = min(8.0, sum(use.values()))
        values = {key: {"cpu_usage_cores": max(0.0, cores + draw.gauss(0, 0.03))} for key, cores in use.items()}
        values[WEB] |= {"cpu_pressure_some_ratio": waits[late], "cpu_throttled_periods_ratio": throttled}
        for key in (DB, HOG, STEADY):
            values[key]["cpu_pressure_some_ratio"] = 0.02
        found = story.ask(NoisyNeighbour, story.tick(values))
    return found


def test_the_one_whose_use_rose_is_named() -> None:
    (finding,) = story_of(hog=(0.1, 4.0), waits=(0.05, 0.7))
    assert finding.container_id == WEB
    assert finding.summary.startswith("Waits for CPU since hog uses more of it.")
    assert finding.evidence[1].metric == "cpu_usage_cores of hog"
    assert "steady" not in finding.summary


def test_a_neighbour_on_the_same_pinned_processor_of_an_idle_host() -> None:
    (finding,) = story_of(
        hog=(0.0, 0.6), waits=(0.05, 0.7), own=(0.8, 0.4), steady=0.5, pins={WEB: {3}, HOG: {3}, STEADY: {4}}
    )
    assert (finding.container_id, finding.evidence[1].metric) == (WEB, "cpu_usage_cores of hog")


@pytest.mark.parametrize(
    "told",
    [
        {"hog": (4.0, 4.0), "waits": (0.7, 0.7)},  # nothing changed: nobody to blame
        {"hog": (4.0, 4.0), "waits": (0.05, 0.7), "own": (0.5, 4.0)},  # it is its own doing
        {"hog": (0.1, 4.0), "waits": (0.05, 0.7), "throttled": 0.5},  # its quota holds it back
        {"hog": (0.1, 1.0), "waits": (0.05, 0.7)},  # the host has room
        {"hog": (0.1, 4.0), "waits": (0.05, 0.2)},  # hardly waits
    ],
)
def test_nobody_is_blamed_without_evidence(told: dict[str, tuple[float, float]]) -> None:
    assert story_of(**told) == []  # type: ignore[arg-type]


def test_nobody_is_blamed_who_runs_elsewhere() -> None:
    """The host is full, and the hog's use rose with the waiting; but it may not run where the victim does."""
    assert story_of(hog=(0.1, 4.0), waits=(0.05, 0.7), pins={WEB: {0, 1, 2}, HOG: {4, 5, 6, 7}}) == []


def test_io_of_a_neighbour() -> None:
    story = Story()
    story.targets = {WEB: target(), HOG: target(HOG, "hog")}
    for second in range(110):
        late = second >= 80
        values = {
            WEB: {"io_pressure_some_ratio": 0.8 if late else 0.01, "io_read_bytes_per_second": 1e6},
            HOG: {
                "io_pressure_some_ratio": 0.0,
                "io_write_bytes_per_second": 2e8 if late else 0.0,
                "io_read_bytes_per_second": 0.0,
            },
        }
        found = story.ask(NoisyNeighbour, story.tick(values))
    assert [f.summary.startswith("Waits for I/O since hog") for f in found] == [True]
