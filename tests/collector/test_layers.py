"""Sizes of writable layers: asked seldom, beside everything else, and only where it is wished."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.discovery.layers import RETRY_S, Layers, layer_sizes
from collector.sampler import Sampler
from config.schema import DiscoverySettings, HostSettings
from tests.support.wait import wait_until
from tools.servers.docker import DockerEngine


def test_sizes_of_an_answer() -> None:
    answer = [{"Id": "a", "SizeRw": 5, "SizeRootFs": 9}, {"Id": "b"}, {"Id": "c", "SizeRw": -1}, {"SizeRw": 7}, "x"]
    assert layer_sizes(answer) == {"a": 5, "b": 0}


@given(st.recursive(st.none() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)))
def test_no_answer_brings_it_down(answer: object) -> None:
    assert all(size >= 0 for size in layer_sizes(answer).values())


def test_off_and_away(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert Layers("docker", "auto", {}, 0).jobs() == ()
    assert Layers("docker", "off", {}, 300).jobs() == ()
    away = Layers("docker", f"unix://{tmp_path}/none.sock", {}, 300)
    assert (away.look(0), away.sizes()) == (RETRY_S, {})
    (tmp_path / "no.sock").write_text("")
    broken = Layers("docker", f"unix://{tmp_path}/no.sock", {}, 300)
    assert [broken.look(0), broken.look(0)] == [300, 300]
    assert (broken.sizes(), len(caplog.records)) == ({}, 1), "told once"


def test_a_real_container_writes(docker_engine: DockerEngine) -> None:
    writes = ["sh", "-c", "dd if=/dev/zero of=/f bs=1M count=5; exec sleep 1000"]
    container, idle = docker_engine.run(writes), docker_engine.run(["sleep", "1000"])
    settings = DiscoverySettings(docker=docker_engine.address, podman="off", containerd="off", writable_layer_s=60)
    sampler = Sampler(HostSettings(), settings, "h", 1.0)
    (look,) = [job for name, job in sampler.jobs() if name == "docker-layers"]
    assert container.id
    assert idle.id

    def size(key: str) -> float | None:
        assert look(0) == 60
        return sampler.collect(time.time_ns() // 10**6).samples[key].values.get("writable_layer_bytes")

    try:
        assert "writable_layer_bytes" not in sampler.collect(time.time_ns() // 10**6).samples[idle.id].values
        wait_until(lambda: size(container.id) == 5 << 20, 10, "what it wrote")
        assert size(idle.id) == 0
    finally:
        sampler.close()
