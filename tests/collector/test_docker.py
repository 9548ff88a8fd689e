"""Against a real Docker engine: names, events, and numbers that agree with what Docker itself says."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from docker.models.containers import Container

from collector.discovery.docker import DockerSource
from collector.discovery.runtime import RuntimeEvent
from model.limits import UNLIMITED
from tests.collector.running import Running
from tests.support.wait import wait_until
from tools.servers.docker import DockerEngine

pytestmark = pytest.mark.docker


def id_of(container: Container) -> str:
    assert container.id is not None
    return container.id


BUSY = ["sh", "-c", "while :; do :; done"]
IDLE = ["sleep", "1000"]


@pytest.fixture
def host(docker_engine: DockerEngine) -> Iterator[Running]:
    with Running(docker=docker_engine.address) as running:
        wait_until(lambda: running.sampler.part()[0] == "ok", 10, "Docker answers")
        running.tick()
        yield running


def test_a_container_is_there_with_all_that_docker_knows(docker_engine: DockerEngine, host: Running) -> None:
    container = docker_engine.run(
        IDLE,
        nano_cpus=200_000_000,
        mem_limit="64m",
        labels={"com.docker.compose.project": "shop", "com.docker.compose.service": "web"},
    )
    snapshot = wait_until(
        lambda: (s := host.tick()) and s.targets[id_of(container)].pid and s, 5, "what is known of it once it runs"
    )
    target, limits = snapshot.targets[id_of(container)], snapshot.limits[id_of(container)]
    assert (target.id.runtime, target.image, target.state) == ("docker", docker_engine.image, "running")
    assert (target.group, target.service) == ("shop", "shop/web")
    assert target.pid == container.attrs["State"]["Pid"]
    assert target.restarts == 0
    assert target.id.started_at_ms is not None
    assert abs(target.id.started_at_ms - snapshot.at_ms) < 10_000
    assert target.own_labels()["com.docker.compose.project"] == "shop"
    assert (limits.cpu_cores, limits.memory_bytes) == (0.2, 64 << 20)
    values = snapshot.samples[id_of(container)].values
    assert values["memory_limit_bytes"] == 64 << 20
    assert values["pids"] >= 1
    (start,) = host.told(id_of(container), "start")
    assert (start.name, start.service) == (container.name, "shop/web")


def test_cpu_agrees_with_the_stats_api_over_the_same_seconds(docker_engine: DockerEngine, host: Running) -> None:
    # a short period, so that the use is smooth whatever the moment of a reading
    container = docker_engine.run(BUSY, cpu_period=10_000, cpu_quota=5_000)
    wait_until(lambda: host.reading(id_of(container)), 5, "the first reading")

    def both() -> tuple[tuple[float, float], tuple[float, float]]:
        """(seconds of CPU, moment): ours in the middle of two readings, and Docker's, taken between them."""
        before = host.reading(id_of(container))
        stats: dict[str, Any] = docker_engine.client.api.stats(id_of(container), stream=False, one_shot=True)
        after = host.reading(id_of(container))
        assert before is not None
        assert after is not None
        total = stats["cpu_stats"]["cpu_usage"]["total_usage"]
        assert before.cpu_usage_ns <= total <= after.cpu_usage_ns, "both are the same counter of the kernel"
        text = stats["read"].rstrip("Z")
        moment = time.mktime(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")) + float(f"0{text[19:]}")
        used = (before.cpu_usage_ns + after.cpu_usage_ns) / 2e9
        return (used, (before.read_at_ns + after.read_at_ns) / 2e9), (total / 1e9, moment)

    first = both()
    last = wait_until(lambda: (now := both())[0][0] - first[0][0] > 1.5 and now, 20, "1.5 s of CPU time")
    ours, theirs = ((now[0] - was[0]) / (now[1] - was[1]) for was, now in zip(first, last, strict=True))
    assert ours == pytest.approx(theirs, rel=0.05)


def test_memory_is_dockers_formula_to_the_byte(docker_engine: DockerEngine, host: Running) -> None:
    container = docker_engine.run(["sh", "-c", "dd if=/dev/zero of=/f bs=1M count=8; exec sleep 1000"])
    wait_until(lambda: host.reading(id_of(container)), 5, "the first reading")

    def equal() -> bool:
        before = host.tick().samples[id_of(container)].values["memory_working_set_bytes"]
        memory = docker_engine.client.api.stats(id_of(container), stream=False, one_shot=True)["memory_stats"]
        after = host.tick().samples[id_of(container)].values["memory_working_set_bytes"]
        stats, usage = memory["stats"], memory["usage"]
        inactive = stats.get("total_inactive_file", stats["inactive_file"])
        return before == after == (usage - inactive if inactive < usage else usage)

    wait_until(equal, 20, "three equal readings in a row")


def test_throttling_is_seen_in_its_first_second(docker_engine: DockerEngine, host: Running) -> None:
    container = docker_engine.run(BUSY, nano_cpus=200_000_000)

    def throttled() -> bool:
        sample = host.tick().samples.get(id_of(container))
        return sample is not None and sample.values.get("cpu_throttled_periods_ratio", 0) > 0.5

    wait_until(throttled, 3, "throttled periods")


def test_a_stop_leaves_a_record(docker_engine: DockerEngine, host: Running) -> None:
    container = docker_engine.run(["sh", "-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; exit 3"])
    (stop,) = wait_until(lambda: host.told(id_of(container), "stop"), 20, "the stop")
    assert stop.detail["exit_code"] == 3
    assert stop.detail["oom_killed"] is False
    assert isinstance(stop.detail["lived_s"], float)
    assert stop.detail["lived_s"] > 0
    if stop.detail["cpu_seconds"] is not None:  # absent where it was gone before the first tick
        assert isinstance(stop.detail["memory_peak_bytes"], int)
    assert id_of(container) not in host.tick().targets
    assert len(host.told(id_of(container), "start")) == 1


def test_rename_update_pause_and_restart(docker_engine: DockerEngine, host: Running) -> None:
    container = docker_engine.run(BUSY, nano_cpus=200_000_000)
    wait_until(lambda: host.name(id_of(container)) == container.name, 5, "its name")
    new_name = f"wharfinger-test-{os.getpid()}"
    container.rename(new_name)
    wait_until(lambda: host.name(id_of(container)) == new_name, 5, "its new name")
    container.update(cpu_shares=512)
    wait_until(lambda: host.tick().limits[id_of(container)].cpu_weight == 50, 5, "its new weight")
    container.pause()
    wait_until(lambda: host.tick().targets[id_of(container)].state == "paused", 5, "the pause")
    container.unpause()
    wait_until(lambda: host.tick().targets[id_of(container)].state == "running", 5, "the end of the pause")
    before = host.tick().targets[id_of(container)].id
    container.restart(timeout=0)
    after = wait_until(
        lambda: (t := host.tick().targets.get(id_of(container))) and t.id != before and t.id, 10, "the restart"
    )
    assert (after.id, after.runtime) == (before.id, before.runtime)
    assert after.inode != before.inode
    (stop,) = wait_until(lambda: host.told(id_of(container), "stop"), 10, "the stop of the first life")
    assert stop.detail["cpu_seconds"] is not None
    assert wait_until(lambda: host.told(id_of(container), "restart"), 10, "the restart")
    rates: list[tuple[float, float]] = []
    read_at_ns = 0

    def second_rate() -> bool:
        """Keeps (cores, seconds that they stand for) of each tick that has a rate."""
        nonlocal read_at_ns
        snapshot = host.tick()
        reading, values = snapshot.readings[id_of(container)], snapshot.samples[id_of(container)].values
        if "cpu_usage_cores" in values and read_at_ns:
            rates.append((values["cpu_usage_cores"], (reading.read_at_ns - read_at_ns) / 1e9))
        read_at_ns = reading.read_at_ns
        return len(rates) >= 2

    wait_until(second_rate, 5, "rates of the new life")
    # These ticks follow each other within milliseconds, in which the kernel's accounting moves by whole clock ticks.
    assert all(0 <= cores * seconds <= 2 * seconds + 0.02 for cores, seconds in rates), "no spike across the restart"


def test_an_oom_kill_is_told(docker_engine: DockerEngine, host: Running) -> None:
    grow = ["sh", "-c", "x=aaaaaaaaaaaaaaaa; while :; do x=$x$x; done"]
    container = docker_engine.run(grow, mem_limit="16m", memswap_limit="16m")
    assert wait_until(lambda: host.told(id_of(container), "oom"), 20, "the OOM kill")
    (stop,) = wait_until(lambda: host.told(id_of(container), "stop"), 10, "the stop")
    assert stop.detail["oom_killed"] is True
    assert stop.detail["exit_code"] == 137


def test_network_of_its_own_and_of_the_host(docker_engine: DockerEngine, host: Running) -> None:
    own = docker_engine.run(["sh", "-c", "while :; do ping -c 1 -W 1 127.0.0.1; sleep 0.1; done"])
    shared = docker_engine.run(IDLE, network_mode="host")
    wait_until(lambda: host.name(id_of(own)) == own.name and host.name(id_of(shared)) == shared.name, 5, "both names")
    readings = wait_until(
        lambda: (r := host.tick().readings) and r[id_of(own)].interfaces is not None and r, 5, "its interfaces"
    )
    assert [i.name for i in readings[id_of(own)].interfaces or ()] == ["eth0"]
    assert readings[id_of(shared)].interfaces is None
    assert shared.name in host.sampler.capabilities()["network_of_host"]


def test_labels_of_the_image_grant_nothing(docker_engine: DockerEngine, host: Running) -> None:
    base = docker_engine.client.containers.create(docker_engine.image, IDLE)
    image = base.commit(
        repository="wharfinger-test/labelled", tag=str(os.getpid()), changes="LABEL wharfinger.limits=auto"
    )
    base.remove()
    try:
        container = docker_engine.run(IDLE, image=image.id, labels={"wharfinger.class": "dense"})
        wait_until(lambda: host.name(id_of(container)) == container.name, 5, "its name")
        target = host.tick().targets[id_of(container)]
        assert target.labels["wharfinger.limits"] == "auto"
        own = target.own_labels()
        assert "wharfinger.limits" not in own
        assert own["wharfinger.class"] == "dense"
        docker_engine.remove_after(docker_engine.mark() - 1)
    finally:
        docker_engine.client.images.remove(image.id, force=True)


def test_an_unlimited_container_is_unlimited(docker_engine: DockerEngine, host: Running) -> None:
    container = docker_engine.run(IDLE)
    wait_until(lambda: host.reading(id_of(container)), 5, "the first reading")
    snapshot = host.tick()
    assert snapshot.limits[id_of(container)].memory_bytes is UNLIMITED
    assert snapshot.limits[id_of(container)].cpu_cores is UNLIMITED
    assert "memory_limit_bytes" not in snapshot.samples[id_of(container)].values


def test_nothing_is_left_open(docker_engine: DockerEngine, host: Running) -> None:
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    first = docker_engine.run(IDLE)
    wait_until(lambda: host.name(id_of(first)) == first.name, 5, "its name")
    before = descriptors()
    for _ in range(3):
        container = docker_engine.run(IDLE)
        wait_until(lambda c=container: host.reading(id_of(c)), 5, "a reading")
        container.remove(force=True)
        wait_until(lambda c=container: id_of(c) not in host.tick().targets, 5, "its end")
    wait_until(lambda: descriptors() <= before + 2, 5, "as few descriptors as before")


def test_questions_are_counted_with_the_time_of_their_answers(docker_engine: DockerEngine) -> None:
    docker_engine.run(IDLE)
    source = DockerSource("docker", docker_engine.address, {})
    assert source.asked_for() == (0, 0.0)
    source.look()
    requests, seconds = source.asked_for()
    assert requests >= 2, "a list, and one inspection at least"
    assert 0 < seconds < 60
    source.look()
    assert source.asked_for()[0] > requests
    source.close()


def test_the_daemon_goes_and_the_samples_go_on(own_docker_engine: DockerEngine) -> None:
    assert own_docker_engine.daemon is not None
    source = DockerSource("docker", own_docker_engine.address, {})
    container = own_docker_engine.run(IDLE)
    assert source.watch(0) == 0.0
    assert source.state()[0] == "ok"
    assert source.described()[id_of(container)].name == container.name
    container.kill()
    events: list[RuntimeEvent] = []

    def died() -> bool:
        source.watch(0)
        events.extend(source.drain())
        return any(event.action == "die" for event in events)

    wait_until(died, 10, "the die event")
    assert not source.described()[id_of(container)].running
    assert source.described()[id_of(container)].exit_code == 137
    own_docker_engine.daemon.stop()
    wait_until(lambda: source.watch(0) > 0 and source.resync(0) > 0 and source.state()[0] == "down", 20, "the loss")
    assert id_of(container) in source.described(), "what is known stays known"
    own_docker_engine.daemon.start()
    wait_until(lambda: source.resync(0) and source.state()[0] == "ok", 20, "the return")
    source.close()


@pytest.mark.parametrize(
    ("setting", "state", "words"),
    [("/nowhere/docker.sock", "down", "discovery.docker"), ("off", "off", "off"), ("auto", "off", "no socket")],
)
def test_a_socket_that_is_not_there(tmp_path: Path, setting: str, state: str, words: str) -> None:
    environ = {"DOCKER_HOST": f"unix://{tmp_path}/docker.sock"} if setting == "auto" else {}
    source = DockerSource("docker", setting, environ)
    source.look()
    got, detail = source.state()
    assert got == state
    assert words in detail
    assert source.asked()
    assert source.described() == {}
    source.close()


def test_a_file_that_is_no_socket(tmp_path: Path) -> None:
    place = tmp_path / "docker.sock"
    place.write_text("")
    source = DockerSource("docker", str(place), {})
    source.look()
    assert source.state()[0] == "down"
    assert "start docker" in source.state()[1]
    source.close()
