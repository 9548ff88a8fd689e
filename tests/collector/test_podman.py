"""Against a real Podman: the same source class, another socket."""

from __future__ import annotations

from tests.collector.running import Running
from tests.support.wait import wait_until
from tools.servers.podman import Podman


def test_podmans_containers_have_their_names_and_leave_their_records(podman: Podman) -> None:
    with Running(podman=podman.address) as host:
        wait_until(lambda: host.sampler.part()[0] == "ok", 10, "Podman answers")
        host.tick()
        container = podman.run("sleep", "1000", options=("--name", "wharfinger-podman", "--memory", "64m"))
        try:
            wait_until(lambda: host.name(container) == "wharfinger-podman", 10, "its name")
            snapshot = wait_until(
                lambda: (s := host.tick()) and s.targets[container].pid and s, 10, "what is known of it once it runs"
            )
            target = snapshot.targets[container]
            assert target.id.runtime == "podman"
            assert target.pid == podman.pid_of(container)
            assert snapshot.limits[container].memory_bytes == 64 << 20
            assert snapshot.samples[container].values["memory_usage_bytes"] > 0
            assert wait_until(lambda: host.told(container, "start"), 10, "its start")
        finally:
            podman.remove(container)
        (stop,) = wait_until(lambda: host.told(container, "stop"), 10, "its stop")
        assert stop.detail["exit_code"] == 137
        assert stop.detail["cpu_seconds"] is not None
