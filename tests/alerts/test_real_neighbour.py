"""Real containers that share one processor: the finding names the one that took it, and no innocent one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from alerts.detectors.noisy_neighbour import NoisyNeighbour
from collector.cgroupfs.hierarchy import find_hierarchy
from collector.cgroupfs.knobs import MAX_SHARES, MAX_WEIGHT, Knob, knob_path, on_v1
from config.schema import HostSettings
from tests.alerts.watching import Watch

pytestmark = pytest.mark.docker

BURN = "sh -c 'while :; do :; done'"
LABELS = {"wharfinger.test": "alerts"}


@pytest.fixture
def heavy_parent(docker_engine: Any) -> Iterator[str]:
    """Name of a cgroup for containers, made by Docker with the first of them, that goes after them."""
    name, mark = f"wharfinger{uuid4().hex[:8]}.slice", docker_engine.mark()
    yield name
    docker_engine.remove_after(mark)
    root = Path(HostSettings().cgroup)
    for folder in (root / name, *(tree / name for tree in root.iterdir())):
        with suppress(OSError):  # it is not in every tree
            folder.rmdir()


def outweigh(cgroup: str) -> None:
    """Give a cgroup the largest weight, so that other work of this machine is no neighbour of what is in it."""
    hierarchy = find_hierarchy(HostSettings())
    weight = MAX_SHARES if on_v1(hierarchy, Knob.CPU_WEIGHT) else MAX_WEIGHT
    knob_path(hierarchy, cgroup, Knob.CPU_WEIGHT).write_text(str(weight))


def test_a_noisy_neighbour_is_named_by_its_victim(watch: Watch, docker_engine: Any, heavy_parent: str) -> None:
    """The victim computes alone on one processor, then another comes there. Innocent: one that idles beside them, and
    one that is busy in the same way all along."""
    cpu, detector, waiting = str(max(os.sched_getaffinity(0))), NoisyNeighbour(), "cpu_pressure_some_ratio"
    systemd = docker_engine.client.info()["CgroupDriver"] == "systemd"
    parent = heavy_parent if systemd else f"/{heavy_parent}"
    beside = {"cpuset_cpus": cpu, "cgroup_parent": parent, "labels": LABELS}
    victim = docker_engine.run(BURN, **beside)
    outweigh(f"/{heavy_parent}")
    idle = docker_engine.run("sleep 600", **beside)
    steady = docker_engine.run(BURN, nano_cpus=100_000_000, labels=LABELS)
    watch.until(lambda: watch.seconds(victim.id, waiting) > 12, 40, "the victim's quiet time")
    mine = {victim.id, idle.id, steady.id}
    assert not [key for key in watch.findings if key[1] == detector.name and key[0] in mine]
    culprit = docker_engine.run(["sh", "-c", "while :; do :; done & while :; do :; done & wait"], **beside)
    watch.until(lambda: (victim.id, detector.name) in watch.findings, 90, "the neighbour to be found")
    finding = watch.findings[victim.id, detector.name][1]
    waits, use = finding.evidence
    assert finding.summary.startswith(f"Waits for CPU since {culprit.name} uses more of it.")
    assert waits.metric == waiting
    assert waits.value >= detector.waits_ratio
    assert use.metric == f"cpu_usage_cores of {culprit.name}"
    assert use.value > 0.2
    blamed = {container for container, name in watch.findings if name == detector.name}
    assert blamed & (mine | {culprit.id}) == {victim.id}
    assert not [key for key in watch.findings if key[0] == idle.id]
