"""containerd's and CRI-O's bundles, planted: names, pods, restarts, faults."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.discovery.bundles import Bundles, describe_bundle, number
from collector.discovery.describe import target_of
from collector.sampler import Sampler
from config.schema import DiscoverySettings
from tests.support.trees import host, plant, v2_cgroup, v2_root

ID = "0123456789abcdef" * 4
UID = "12345678-9abc-def0-1234-56789abcdef0"
CRI = {
    "io.kubernetes.cri.container-type": "container",
    "io.kubernetes.cri.container-name": "nginx",
    "io.kubernetes.cri.image-name": "docker.io/library/nginx:1.27",
    "io.kubernetes.cri.sandbox-id": "f" * 64,
    "io.kubernetes.cri.sandbox-name": "web-6f4d",
    "io.kubernetes.cri.sandbox-namespace": "shop",
    "io.kubernetes.cri.sandbox-uid": UID,
}
CRIO = {
    "io.kubernetes.cri-o.ContainerType": "container",
    "io.kubernetes.cri-o.ImageName": "quay.io/app:2",
    "io.kubernetes.container.name": "app",
    "io.kubernetes.pod.name": "api-0",
    "io.kubernetes.pod.namespace": "back",
}
OWN_NETWORK = {"namespaces": [{"type": "pid"}, {"type": "network"}]}


def spec(annotations: Mapping[str, str], linux: Mapping[str, object] = OWN_NETWORK) -> str:
    return json.dumps({"ociVersion": "1.1.0", "annotations": annotations, "linux": linux})


def containerd(root: Path, namespace: str, name: str, text: str, pid: str = "42") -> Path:
    folder = root / f"state/io.containerd.runtime.v2.task/{namespace}/{name}"
    plant(folder, {"config.json": text, "init.pid": pid})
    return folder


def crio(root: Path, name: str, text: str) -> None:
    plant(root / f"crio/{name}/userdata", {"config.json": text, "pidfile": "43"})


def bundles(root: Path) -> Bundles:
    return Bundles("auto", (str(root / "state"), str(root / "nowhere")), str(root / "crio"))


def test_a_pod_of_kubernetes_has_its_names(tmp_path: Path) -> None:
    containerd(tmp_path, "k8s.io", ID, spec(CRI))
    source = bundles(tmp_path)
    assert not source.asked()
    source.look()
    assert (source.asked(), source.state()) == (True, ("ok", "1 containers known by their bundles"))
    known = source.described()[ID]
    assert (known.runtime, known.name, known.image) == ("containerd", "web-6f4d.nginx", "docker.io/library/nginx:1.27")
    assert (known.pid, known.network, known.running) == (42, None, True)
    assert known.started_at_ms is not None
    target = target_of("kubernetes", ID, f"/kubepods/pod{UID}/{ID}", 7, None, UID, known, "wharfinger.", None)
    assert (target.group, target.service, target.managed_by) == ("shop/web-6f4d", "shop/nginx", "kubernetes")
    assert target.labels["io.kubernetes.pod.uid"] == UID
    assert target.own_labels() == {}, "annotations grant nothing"


PODS = "kubepods.slice/kubepods-burstable.slice"


@pytest.mark.parametrize(
    "cgroup",
    [
        f"/{PODS}/kubepods-burstable-pod{UID.replace('-', '_')}.slice/cri-containerd-{ID}.scope",
        f"/kubepods/burstable/pod{UID}/{ID}",
    ],
)
def test_a_node_of_kubernetes_with_either_cgroup_driver(tmp_path: Path, cgroup: str) -> None:
    containerd(tmp_path, "k8s.io", ID, spec(CRI))
    settings = host(tmp_path, {**v2_root(), **v2_cgroup(cgroup)})
    for state, name, group in (
        ("off", ID[:12], f"pod {UID}"),
        (str(tmp_path / "state"), "web-6f4d.nginx", "shop/web-6f4d"),
    ):
        discovery = DiscoverySettings(docker="off", podman="off")
        sampler = Sampler(settings, discovery, "h", 1.0, sources=(Bundles(state),))
        sampler.look()
        snapshot = sampler.collect(1_000)
        sampler.close()
        (target,) = snapshot.targets.values()
        assert (target.name, target.group, target.managed_by) == (name, group, "kubernetes")
        assert snapshot.samples[ID].values["memory_usage_bytes"] == 1_000_000, "names may be missing, never samples"


def test_a_pause_container_is_the_pods(tmp_path: Path) -> None:
    pause = {k: v for k, v in CRI.items() if "container-name" not in k} | {
        "io.kubernetes.cri.container-type": "sandbox"
    }
    containerd(tmp_path, "k8s.io", ID, spec(pause))
    source = bundles(tmp_path)
    source.look()
    assert source.described()[ID].name == "web-6f4d.POD"


def test_crio_and_not_podmans_in_the_same_storage(tmp_path: Path) -> None:
    crio(tmp_path, ID, spec(CRIO))
    crio(tmp_path, "e" * 64, spec({"io.podman.annotations.userns": "x"}))
    source = bundles(tmp_path)
    source.look()
    assert list(source.described()) == [ID]
    known = source.described()[ID]
    assert (known.runtime, known.name, known.image, known.pid) == ("crio", "api-0.app", "quay.io/app:2", 43)


def test_plain_containers_dockers_and_the_hosts_network(tmp_path: Path) -> None:
    containerd(tmp_path, "default", "redis", spec({}, {"namespaces": [{"type": "pid"}]}), pid="nonsense")
    containerd(tmp_path, "nerdctl", ID, spec({"nerdctl/name": "cache"}))
    containerd(tmp_path, "moby", "d" * 64, spec({}))
    source = bundles(tmp_path)
    source.look()
    known = source.described()
    assert set(known) == {"redis", ID}, "Docker names its containers itself"
    assert (known["redis"].name, known["redis"].network, known["redis"].pid) == ("redis", "host", None)
    assert known[ID].name == "cache"


def test_what_is_known_is_not_read_again_until_it_is_another(tmp_path: Path) -> None:
    folder = containerd(tmp_path, "default", "redis", spec({}))
    source = bundles(tmp_path)
    source.look()
    first = source.described()["redis"]
    source.look()
    assert source.described()["redis"] is first
    (folder / "new").write_text(spec({"a": "b"}))
    (folder / "new").rename(folder / "config.json")
    source.look()
    assert source.described()["redis"].labels == {"a": "b"}
    (folder / "config.json").unlink()
    source.look()
    assert source.described() == {}
    assert source.state()[0] == "off"


def test_a_broken_bundle_is_told_and_harms_no_other(tmp_path: Path) -> None:
    containerd(tmp_path, "default", "bad", '{"annotations": ')
    containerd(tmp_path, "default", "deep", "[" * 100_000)
    containerd(tmp_path, "default", "good", spec({}))
    source = bundles(tmp_path)
    source.look()
    assert list(source.described()) == ["good"]
    state, detail = source.state()
    assert state == "degraded"
    assert "is no JSON" in detail


def test_off_and_a_folder_of_ones_own(tmp_path: Path) -> None:
    containerd(tmp_path, "default", "redis", spec({}))
    off = Bundles("off")
    off.look()
    assert (off.jobs(), off.state()[0], off.described(), off.asked()) == ((), "off", {}, True)
    own = Bundles(str(tmp_path / "state"))
    own.look()
    assert list(own.described()) == ["redis"]
    assert own.drain() == []
    own.close()


@pytest.mark.root
def test_a_state_folder_that_may_not_be_read_says_so(tmp_path: Path, as_root: None) -> None:
    containerd(tmp_path, "default", "redis", spec({}))
    for folder in (tmp_path, *tmp_path.parents[:-2]):
        folder.chmod(folder.stat().st_mode | 0o055)
    (tmp_path / "state").chmod(0o711)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setuid(65534)
        source = Bundles(str(tmp_path / "state"))
        source.look()
        os.write(writing, ": ".join(source.state()).encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        told = answer.read().decode()
    assert told.startswith("degraded: no permission for")
    assert "run as root" in told


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["annotations", "linux", "namespaces", "type"]), inner, max_size=4)
        ),
    )
)
def test_no_spec_brings_it_down(spec: object) -> None:
    known = describe_bundle("containerd", "x", spec, None, None)
    assert known is not None
    assert known.name


@pytest.mark.parametrize(
    ("text", "expected"),
    [(b"42\n", 42), (b"42", 42), (b"", None), (None, None), (b"0", None), (b"-1", None), (b"9" * 20, None)],
)
def test_number(text: bytes | None, expected: int | None) -> None:
    assert number(text) == expected
