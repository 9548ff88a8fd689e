"""Paths, descriptions, events and addresses: pure tables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.discovery.describe import Description, describe, is_ignored, target_of, time_ms
from collector.discovery.events import event_of
from collector.discovery.paths import ContainerPath, cgroup_of_process, from_the_top, recognise, recogniser
from collector.discovery.runtime import addresses, remedy
from model.errors import Malformed

ID = "0123456789abcdef" * 4
OTHER = "fedcba9876543210" * 4
UID = "12345678-9abc-def0-1234-56789abcdef0"
UNDERSCORED = UID.replace("-", "_")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (f"/docker/{ID}", ContainerPath("docker", ID)),
        (f"/system.slice/docker-{ID}.scope", ContainerPath("docker", ID)),
        (f"/my.slice/docker-{ID}.scope", ContainerPath("docker", ID)),
        (f"/docker/{OTHER}/docker/{ID}", ContainerPath("docker", ID)),
        (f"/ecs/task/{ID}", ContainerPath("docker", ID)),
        (f"/custom/parent/{ID}", ContainerPath("container", ID)),
        (f"/machine.slice/libpod-{ID}.scope", ContainerPath("podman", ID)),
        (f"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{ID}.scope", ContainerPath("podman", ID)),
        (f"/libpod_parent/libpod-{ID}", ContainerPath("podman", ID)),
        (f"/kubepods/burstable/pod{UID}/{ID}", ContainerPath("kubernetes", ID, pod=UID)),
        (f"/kubepods/pod{UID}/{ID}", ContainerPath("kubernetes", ID, pod=UID)),
        (
            f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{UNDERSCORED}.slice/cri-containerd-{ID}.scope",
            ContainerPath("containerd", ID, pod=UID),
        ),
        (
            f"/kubepods.slice/kubepods-pod{UNDERSCORED}.slice/crio-{ID}.scope",
            ContainerPath("crio", ID, pod=UID),
        ),
        (f"/k8s.io/{ID}", ContainerPath("containerd", ID)),
        ("/default/redis", ContainerPath("containerd", "redis", "redis")),
        (f"/system.slice/nerdctl-{ID}.scope", ContainerPath("containerd", ID)),
        ("/lxc.payload.web", ContainerPath("lxc", "lxc-web", "web")),
        ("/lxc/web", ContainerPath("lxc", "lxc-web", "web")),
        ("/machine.slice/systemd-nspawn@web.service", ContainerPath("nspawn", "nspawn-web", "web")),
        (r"/machine.slice/machine-my\x2dweb.scope", ContainerPath("nspawn", "nspawn-my-web", "my-web")),
        (r"/machine.slice/machine-qemu\x2d1.scope", None),
        ("/", None),
        ("/system.slice", None),
        ("/system.slice/docker.service", None),
        (f"/system.slice/docker-{ID}.scope/init.scope", None),
        (f"/machine.slice/libpod-conmon-{ID}.scope", None),
        (f"/docker/{ID[:-1]}", None),
        (f"/docker/{ID.upper()}", None),
        (f"/kubepods/burstable/pod{UID}", None),
    ],
)
def test_recognise(path: str, expected: ContainerPath | None) -> None:
    assert recognise(path) == expected


@given(st.text())
def test_no_path_brings_it_down(path: str) -> None:
    found = recognise(path)
    assert found is None or found.id


def test_cgroup_of_process() -> None:
    text = f"4:memory:/docker/{ID}\n2:cpuacct,cpu:/other\n1:name=systemd:/x\n0::/unified\nnonsense\n"
    assert cgroup_of_process(text, "memory", lambda path: True) == f"/docker/{ID}"
    assert cgroup_of_process(text, "cpu", lambda path: True) == "/other"
    assert cgroup_of_process(text, "memory", lambda path: path == "/unified") == "/unified"
    assert cgroup_of_process(text, "memory", lambda path: False) is None


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (f"/../../docker/{ID}", f"/docker/{ID}"),
        ("/..", "/"),
        ("/../a/..b", "/a/..b"),
        ("/a", "/a"),
        ("/", "/"),
    ],
)
def test_from_the_top(path: str, expected: str) -> None:
    assert from_the_top(path) == expected


def test_a_process_seen_out_of_another_cgroup_namespace() -> None:
    text = f"4:memory:/../../docker/{ID}\n"
    assert cgroup_of_process(text, "memory", lambda path: path == f"/docker/{ID}") == f"/docker/{ID}"


NGINX = ContainerPath("systemd", "systemd-nginx", "nginx")


@pytest.mark.parametrize(
    ("path", "globs", "expected"),
    [
        ("/system.slice/nginx.service", ["nginx"], NGINX),
        ("/system.slice/nginx.service", ["nginx.service"], NGINX),
        ("/system.slice/nginx.service", ["*"], NGINX),
        ("/system.slice/nginx.service", [], None),
        ("/system.slice/nginx.service", ["redis"], None),
        ("/system.slice/system-app.slice/app@1.service", ["app@*"], ContainerPath("systemd", "systemd-app@1", "app@1")),
        ("/system.slice/nginx.service/worker.service", ["*"], None),
        ("/user.slice/user-1000.slice/user@1000.service/app.slice/a.service", ["*"], None),
        ("/nginx.service", ["*"], None),
        ("/system.slice/session.scope", ["*"], None),
        ("/system.slice", ["*"], None),
        (f"/system.slice/docker-{ID}.scope", ["*"], ContainerPath("docker", ID)),
        ("/machine.slice/systemd-nspawn@web.service", ["*"], ContainerPath("nspawn", "nspawn-web", "web")),
    ],
)
def test_services_are_watched_where_they_are_asked_for(
    path: str, globs: list[str], expected: ContainerPath | None
) -> None:
    assert recogniser(globs)(path) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-24T07:02:56.122708122Z", 1795503776122),
        ("2026-11-24T08:02:56.122708122+01:00", 1795503776122),
        ("2026-11-24T07:02:56Z", 1795503776000),
        ("0001-01-01T00:00:00Z", None),
        ("yesterday", None),
        ("", None),
        (None, None),
        (5, None),
    ],
)
def test_time_ms(text: object, expected: int | None) -> None:
    assert time_ms(text) == expected


def inspected(**changes: object) -> dict[str, object]:
    answer: dict[str, object] = {
        "Id": ID,
        "Name": "/web",
        "Created": "2026-11-24T07:00:00Z",
        "Image": "sha256:abc",
        "RestartCount": 3,
        "State": {
            "Status": "running",
            "Running": True,
            "Pid": 42,
            "ExitCode": 0,
            "OOMKilled": False,
            "StartedAt": "2026-11-24T07:02:56Z",
            "FinishedAt": "0001-01-01T00:00:00Z",
            "Health": {"Status": "healthy"},
        },
        "Config": {"Image": "nginx:1", "Labels": {"a": "b", "bad": 5}},
        "HostConfig": {"NetworkMode": "bridge"},
    }
    return answer | changes


def test_describe() -> None:
    got = describe("docker", inspected())
    assert (got.id, got.name, got.image, got.image_id) == (ID, "web", "nginx:1", "sha256:abc")
    assert (got.pid, got.network, got.health, got.restarts) == (42, "bridge", "healthy", 3)
    assert got.labels == {"a": "b"}
    assert got.started_at_ms == 1795503776000
    assert got.finished_at_ms is None
    assert got.exit_code is None, "a running container has none, whatever the field says"
    stopped = describe(
        "docker", inspected(State={"Status": "exited", "Running": False, "ExitCode": 137, "OOMKilled": True})
    )
    assert (stopped.exit_code, stopped.oom_killed, stopped.pid, stopped.running) == (137, True, None, False)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ("Name", "Created", "Image", "RestartCount", "State", "Config", "HostConfig")


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, json_values)))
def test_any_answer_with_an_id_can_be_described(answer: dict[str, object]) -> None:
    assert describe("docker", {"Id": ID} | answer).name


@pytest.mark.parametrize("answer", [None, [], {}, {"Id": 5}, {"Id": ""}, "text"])
def test_an_answer_without_an_id_is_malformed(answer: object) -> None:
    with pytest.raises(Malformed):
        describe("docker", answer)


def test_target_without_runtime_goes_by_its_short_id() -> None:
    target = target_of("docker", ID, f"/docker/{ID}", 9, None, None, None, "wharfinger.", 5)
    assert (target.name, target.service, target.key) == (ID[:12], ID[:12], ID)
    assert (target.id.inode, target.id.started_at_ms) == (9, 5)
    pod = target_of("kubernetes", ID, "/k", 9, None, UID, None, "wharfinger.", None)
    assert (pod.group, pod.managed_by) == (f"pod {UID}", "kubernetes")


def test_target_with_runtime() -> None:
    labels = {"com.docker.compose.project": "shop", "com.docker.compose.service": "web", "wharfinger.group": "front"}
    known = Description("docker", ID, "shop-web-1", "nginx", labels=labels, restarts=1, started_at_ms=7, state="paused")
    target = target_of("container", ID, "/x", 9, None, None, known, "wharfinger.", 5)
    assert (target.id.runtime, target.name, target.service, target.group) == (
        "docker",
        "shop-web-1",
        "shop/web",
        "front",
    )
    assert (target.state, target.id.started_at_ms, target.managed_by) == ("paused", 7, None)
    swarm = Description("docker", ID, "x", labels={"com.docker.swarm.service.name": "api"})
    assert target_of("docker", ID, "/x", 9, None, None, swarm, "wharfinger.", 5).managed_by == "swarm"


@pytest.mark.parametrize(
    ("name", "labels", "image_labels", "expected"),
    [
        ("web", {}, {}, False),
        ("build-tmp", {}, {}, True),
        ("web", {"wharfinger.ignore": "true"}, {}, True),
        ("web", {"wharfinger.ignore": "1"}, {}, True),
        ("web", {"wharfinger.ignore": "false"}, {}, False),
        ("web", {"wharfinger.ignore": "maybe"}, {}, False),
        ("web", {"wharfinger.ignore": "true"}, {"wharfinger.ignore": "true"}, False),
    ],
)
def test_ignored(name: str, labels: dict[str, str], image_labels: dict[str, str], expected: bool) -> None:
    assert is_ignored(name, labels, image_labels, ["*-tmp"], "wharfinger.") is expected


def message(action: str, **attributes: str) -> dict[str, object]:
    return {
        "Type": "container",
        "Action": action,
        "Actor": {"ID": ID, "Attributes": attributes},
        "time": 5,
        "timeNano": 5_000_000_001,
    }


def test_events() -> None:
    event, time_ns = event_of(message("die", exitCode="137")) or pytest.fail("no event")
    assert (event.action, event.id, event.exit_code, event.at_ms, time_ns) == ("die", ID, 137, 5000, 5_000_000_001)
    health, _ = event_of(message("health_status: unhealthy")) or pytest.fail("no event")
    assert (health.action, health.health) == ("health_status", "unhealthy")
    podman, _ = event_of(message("died", containerExitCode="3")) or pytest.fail("no event")
    assert (podman.action, podman.exit_code) == ("die", 3)
    assert event_of(message("exec_start: sh")) is None
    assert event_of({**message("start"), "Type": "network"}) is None


@given(json_values)
def test_no_message_brings_it_down(anything: object) -> None:
    assert event_of(anything) is None
    event_of({"Action": "die", "Actor": {"ID": ID, "Attributes": anything}, "time": anything})


def test_addresses() -> None:
    assert addresses("docker", "off", {}) == ()
    assert addresses("docker", "/run/d.sock", {}) == ("unix:///run/d.sock",)
    assert addresses("docker", "tcp://h:1", {"DOCKER_HOST": "unix:///x"}) == ("tcp://h:1",)
    assert addresses("docker", "auto", {"DOCKER_HOST": "unix:///x"}) == ("unix:///x",)
    assert addresses("docker", "auto", {}) == ("unix:///var/run/docker.sock",)
    own = {"XDG_RUNTIME_DIR": "/run/user/1"}
    assert addresses("docker", "auto", own)[1] == "unix:///run/user/1/docker.sock"
    assert addresses("podman", "auto", own)[1] == "unix:///run/user/1/podman/podman.sock"


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("PermissionError(13, 'Permission denied')", "group docker"),
        ("FileNotFoundError(2, 'No such file or directory')", "set discovery.docker"),
        ("ConnectionRefusedError(111, 'Connection refused')", "start docker"),
        ("Read timed out. (read timeout=5)", "in time"),
        ("something\nelse", "something"),
    ],
)
def test_a_fault_says_what_to_do(fault: str, words: str) -> None:
    line = remedy("docker", "unix:///var/run/docker.sock", fault)
    assert words in line
    assert "\n" not in line
