"""Real containers, sampled for real: the finding names the right one, in time, and no innocent one."""

from __future__ import annotations

import os
from typing import Any

import pytest

from tests.alerts.watching import Watch, listening

pytestmark = pytest.mark.docker


def test_throttled_and_idle_containers(watch: Watch, docker_engine: Any) -> None:
    label = {"wharfinger.test": "alerts"}
    idle = docker_engine.run("sleep 600", mem_limit="64m", nano_cpus=500_000_000, labels=label)
    watch.until(lambda: any(idle.id in s.samples for s in watch.snapshots), 15, "the idle container to be seen")
    busy = docker_engine.run("sh -c 'while :; do :; done'", nano_cpus=200_000_000, labels=label)
    watch.until(lambda: (busy.id, "cpu_throttled") in watch.findings, 20, "the finding")
    first_ms, finding = watch.findings[busy.id, "cpu_throttled"]
    assert first_ms - watch.first_throttled_ms(busy.id) <= 2000
    assert finding.proposed is not None
    assert finding.proposed > 0.2
    watch.until(lambda: "CpuThrottled" in watch.fired(busy.id), 30, "its alert to fire")
    assert not [key for key in watch.findings if key[0] == idle.id]
    assert watch.fired(idle.id) == set()
    busy.kill()
    watch.until(
        lambda: any(t.alert.reason == "gone" for t in watch.transitions if t.alert.container_id == busy.id),
        20,
        "the alert of a stopped container to be resolved",
    )


def test_a_container_that_fills_its_limit_is_near_it(watch: Watch, docker_engine: Any) -> None:
    """dd touches a buffer of 22 of 24 MiB and keeps it."""
    full = docker_engine.run(
        "dd if=/dev/zero of=/dev/null bs=22M count=1000000",
        mem_limit="24m",
        memswap_limit="24m",
        cpu_shares=2,
        labels={"wharfinger.test": "alerts"},
    )
    watch.until(lambda: "MemoryNearLimit" in watch.fired(full.id), 30, "the alert of a container near its limit")
    finding = watch.findings[full.id, "memory_near_limit"][1]
    assert finding.summary.startswith("Close to its memory limit. Uses 2")
    assert finding.proposed is not None
    assert finding.proposed > 24 * 1024 * 1024
    assert (full.id, "memory_oom_killed") not in watch.findings


def test_a_process_that_outgrows_its_limit_is_found_killed(watch: Watch, docker_engine: Any) -> None:
    """dd wants a buffer of 64 MiB; the shell that started it lives on."""
    killed = docker_engine.run(
        ["sh", "-c", "sleep 3; dd if=/dev/zero of=/dev/null bs=64M count=1; sleep 600"],
        mem_limit="24m",
        memswap_limit="24m",
        labels={"wharfinger.test": "alerts"},
    )
    watch.until(lambda: "MemoryOomKilled" in watch.fired(killed.id), 30, "the OOM kill to be told")
    finding = watch.findings[killed.id, "memory_oom_killed"][1]
    assert "at its limit of 24.0 MiB" in finding.summary


def test_processes_health_and_restarts_each_name_their_own(watch: Watch, docker_engine: Any) -> None:
    """One container a trouble, and an idle one that has none."""
    label = {"wharfinger.test": "alerts"}
    idle = docker_engine.run("sleep 600", labels=label)
    crowded = docker_engine.run(
        ["sh", "-c", "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18; do sleep 600 & done; wait"],
        pids_limit=20,
        labels=label,
    )
    ill = docker_engine.run(
        "sleep 600",
        labels=label,
        healthcheck={"test": ["CMD", "false"], "interval": 1_000_000_000, "retries": 1, "timeout": 1_000_000_000},
    )
    looping = docker_engine.run("sh -c 'sleep 0.3; exit 3'", restart_policy={"Name": "always"}, labels=label)
    expected = {
        (crowded.id, "pids_near_limit"),
        (ill.id, "unhealthy"),
        (looping.id, "restart_loop"),
    }
    with listening(watch.sampler):
        watch.until(lambda: expected <= watch.findings.keys(), 60, "each trouble to be found")
    assert "exit code 3" in watch.findings[looping.id, "restart_loop"][1].summary
    troubled = {crowded.id, ill.id, looping.id}
    mine = {key for key in watch.findings if key[0] in troubled | {idle.id}}
    assert mine == expected


def test_containers_that_crowd_the_processors_are_contended_not_throttled(watch: Watch, docker_engine: Any) -> None:
    """Twice as many that compute as there are processors, each without a quota: more quota would change nothing."""
    label = {"wharfinger.test": "alerts"}
    idle = docker_engine.run("sleep 600", labels=label)
    count = 2 * (os.cpu_count() or 1)
    crowd = [docker_engine.run("sh -c 'while :; do :; done'", labels=label) for _ in range(count)]
    watch.until(
        lambda: all((one.id, "cpu_contended") in watch.findings for one in crowd), 60, "each of the crowd to be found"
    )
    assert not [key for key in watch.findings if key[1] == "cpu_throttled" and key[0] in {one.id for one in crowd}]
    assert not [key for key in watch.findings if key[0] == idle.id]


def test_a_container_that_reads_more_than_its_memory_holds_thrashes(watch: Watch, docker_engine: Any) -> None:
    """A file of 48 MiB, read again and again within 16 MiB: each page has gone when it is wanted again."""
    label = {"wharfinger.test": "alerts"}
    idle = docker_engine.run("sleep 600", mem_limit="16m", labels=label)
    reader = docker_engine.run(
        ["sh", "-c", "dd if=/dev/zero of=/file bs=1M count=48; while :; do cat /file >/dev/null; done"],
        mem_limit="16m",
        memswap_limit="16m",
        labels=label,
    )
    watch.until(lambda: (reader.id, "memory_thrash") in watch.findings, 90, "the thrashing to be found")
    finding = watch.findings[reader.id, "memory_thrash"][1]
    full, faults = finding.evidence
    assert full.value >= 0.1
    assert faults.value >= 50
    assert finding.proposed is not None
    assert finding.proposed > 16 * 1024 * 1024
    assert (reader.id, "memory_oom_killed") not in watch.findings
    assert not [key for key in watch.findings if key[0] == idle.id]
