"""The image, built by the Dockerfile and run as deploy/compose.yaml says: it sees the host's containers from inside."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from docker.models.containers import Container

from tests.support.missing import missing
from tests.support.wait import wait_until
from tools.servers.docker import LABEL, MACHINE_SOCKET, DockerEngine
from tools.servers.image import build_image, compose_service, run_options
from tools.servers.process import Missing

pytestmark = [pytest.mark.image, pytest.mark.docker]
ENVIRON = {"WHARFINGER_HOST_NAME": "dock-1", "WHARFINGER_WEB__API_TOKEN": "a-token-of-the-test-0123456789"}


@pytest.fixture(scope="module")
def image(docker_engine: DockerEngine) -> str:
    try:
        return build_image(docker_engine)
    except Missing as reason:
        missing(reason)


@pytest.fixture
def volumes(docker_engine: DockerEngine) -> Iterator[dict[str, str]]:
    """data, auth and run, each a volume of this test alone."""
    names = {name: f"wharfinger-test-{name}-{uuid.uuid4().hex[:8]}" for name in ("data", "auth", "run")}
    made = [docker_engine.client.volumes.create(n, labels={LABEL: "image"}) for n in names.values()]
    mark = docker_engine.mark()
    yield names
    docker_engine.remove_after(mark)
    for volume in made:
        volume.remove(force=True)


def on_engine(engine: DockerEngine, volumes: dict[str, str]) -> dict[str, str]:
    """With the socket of the engine that the test uses in place of the usual one."""
    return {**volumes, MACHINE_SOCKET: engine.address.removeprefix("unix://")}


def start(engine: DockerEngine, image: str, name: str, volumes: dict[str, str], **more: Any) -> Container:
    service = compose_service(name)
    options = {**run_options(service, ENVIRON, on_engine(engine, volumes)), **more}
    return engine.run(service["command"], image=image, labels={LABEL: "image"}, **options)


def answer(url: str, token: str = "", body: object = None) -> Any:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    data = None if body is None else json.dumps(body).encode()
    if data is not None:
        headers["Content-Type"] = "application/json"
    request = urllib.request.Request(url, data=data, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=5) as reply:
            return json.load(reply)
    except (OSError, ValueError):
        return None


def logs(*containers: Container) -> str:
    return "\n".join(c.logs(tail=20).decode(errors="replace") for c in containers)


def test_the_image_is_small_and_not_root(docker_engine: DockerEngine, image: str) -> None:
    attributes = docker_engine.client.images.get(image).attrs
    config = attributes["Config"]
    assert config["User"] == "65532:65532"
    assert config["StopSignal"] == "SIGTERM"
    assert config["Healthcheck"]["Test"] == ["CMD", "wharfinger", "health"]
    assert set(config["Volumes"]) == {"/var/lib/wharfinger", "/var/lib/wharfinger-web"}
    container = docker_engine.run(["version"], image=image, labels={LABEL: "image"})
    assert container.wait(timeout=30)["StatusCode"] == 0
    assert container.logs().decode().startswith("wharfinger ")


def test_collect_sees_the_hosts_containers_from_inside(
    docker_engine: DockerEngine, image: str, volumes: dict[str, str]
) -> None:
    busy = docker_engine.run(["sh", "-c", "while :; do :; done"], labels={LABEL: "image"}, nano_cpus=200_000_000)
    service = compose_service("agent")
    collector = docker_engine.run(
        ["collect", "--once", "--json"], image=image, **run_options(service, ENVIRON, on_engine(docker_engine, volumes))
    )
    assert collector.wait(timeout=60)["StatusCode"] == 0, logs(collector)
    snapshot = json.loads(collector.logs(stdout=True, stderr=False))
    assert snapshot["host"]["name"] == "dock-1"
    seen = {c["id"]: c for c in snapshot["containers"]}
    assert busy.id in seen
    one = seen[str(busy.id)]
    assert one["name"] == busy.name
    assert one["limits"]["cpu_cores"] == pytest.approx(0.2)
    assert 0.1 < one["metrics"]["cpu_usage_cores"] < 0.3
    assert one["metrics"]["network_receive_bytes_per_second"] >= 0
    assert snapshot["host"]["metrics"]["host_memory_total_bytes"] > 0


def test_a_new_pair_of_containers_has_the_history_the_users_and_the_alerts_of_the_old(
    docker_engine: DockerEngine, image: str, volumes: dict[str, str]
) -> None:
    def pair() -> tuple[Container, Container, str]:
        agent = start(docker_engine, image, "agent", volumes)
        web = start(docker_engine, image, "web", volumes, ports={"9321/tcp": ("127.0.0.1", None)})

        def address() -> str | None:
            web.reload()
            bindings = web.ports.get("9321/tcp")
            return f"http://127.0.0.1:{bindings[0]['HostPort']}" if bindings else None

        return agent, web, wait_until(address, 10, "the published port") or ""

    token = ENVIRON["WHARFINGER_WEB__API_TOKEN"]
    busy = ["sh", "-c", "while :; do :; done"]
    target = docker_engine.run(busy, labels={LABEL: "image"}, nano_cpus=100_000_000, network_mode="none")
    agent, web, url = pair()
    try:
        wait_until(lambda: answer(f"{url}/readyz"), 30, "readiness")
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(f"{url}/api/v1/containers", timeout=5)
        listed = wait_until(lambda: answer(f"{url}/api/v1/containers/{target.id}", token), 20, "the container")
        assert listed["name"] == target.name
        assert agent.exec_run(["wharfinger", "health"]).exit_code == 0
        assert web.exec_run(["wharfinger", "health"]).exit_code == 0
        query = f"/api/v1/series?metrics=cpu_usage_cores&container={target.id}&since=-5m"

        def points(at: str) -> list[float]:
            body = answer(f"{at}{query}", token)
            return [v for v in body["series"][0]["avg"] if v is not None] if body and body["series"] else []

        def firing(at: str) -> list[tuple[str, str]]:
            body = answer(f"{at}/api/v1/alerts?state=firing", token) or {"items": []}
            return [(a["id"], a["started_at"]) for a in body["items"] if a["container_id"] == target.id]

        anna = {"name": "anna", "password": "a password of the test", "role": "viewer"}
        assert answer(f"{url}/api/v1/users", token, anna)
        alerts = wait_until(lambda: firing(url), 60, "the alert of the throttled container")
        before = wait_until(lambda: points(url) if len(points(url)) >= 3 else None, 30, "three seconds of history")
        agent.stop(timeout=10)
        web.stop(timeout=10)
        agent.reload()
        web.reload()
        assert (agent.attrs["State"]["ExitCode"], web.attrs["State"]["ExitCode"]) == (0, 0)
        agent.remove(force=True)
        web.remove(force=True)
        agent, web, url = pair()
        after = wait_until(lambda: points(url), 30, "the history in new containers")
        assert after[: len(before)] == before
        assert set(alerts) <= set(wait_until(lambda: firing(url), 30, "the alert, still firing since the same moment"))
        names = {user["name"] for user in answer(f"{url}/api/v1/users", token)["items"]}
        assert "anna" in names
    except AssertionError as fault:
        raise AssertionError(f"{fault}\n{logs(agent, web)}") from fault
