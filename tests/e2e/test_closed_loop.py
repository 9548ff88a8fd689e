"""A real container on a real Docker engine: seen, explained, helped, told, and put back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from tests.e2e.harness import DOCKER, Wharfinger, running
from tests.support.wait import wait_until
from tests.support.webhook import WebhookServer, receiving
from tools.servers.docker import DockerEngine

pytestmark = pytest.mark.docker

SECRET = "whsec_" + "d2hhcmZpbmdlciBlMmUgc2VjcmV0IG9mIDMyIGJ5dGU="
BUSY = ["sh", "-c", "while :; do :; done"]
LIMIT_FIELDS = ("NanoCpus", "CpuQuota", "CpuPeriod", "CpuShares", "Memory", "MemorySwap")


@pytest.fixture
def webhook_server() -> Iterator[WebhookServer]:
    with receiving() as server:
        yield server


def limits_of(engine: DockerEngine, container: Any) -> dict[str, int]:
    config = engine.client.api.inspect_container(container.id)["HostConfig"]
    return {name: config[name] for name in LIMIT_FIELDS}


def first_throttled_ms(house: Wharfinger, container_id: str) -> int:
    """Start of the first second in which the container was throttled."""
    series = house.get(
        "/series", metrics="cpu_throttled_periods_ratio", container=container_id, since="-60s", step="1s"
    )
    points = series["series"][0]["avg"] if series["series"] else []
    at = next((i for i, v in enumerate(points) if v), None)
    assert at is not None
    return int(series["t0"] + at * series["step_ms"])


def test_a_throttled_container_is_seen_explained_raised_told_and_undone(
    tmp_path: Path, docker_engine: DockerEngine, webhook_server: WebhookServer
) -> None:
    environ = {
        DOCKER: docker_engine.address,
        "WHARFINGER_ALERTS__WEBHOOK_URL": webhook_server.url,
        "WHARFINGER_ALERTS__WEBHOOK_SECRET": SECRET,
    }
    with running(tmp_path, **environ) as house:
        container = docker_engine.run(
            BUSY, nano_cpus=200_000_000, labels={"wharfinger.limits": "auto"}, network_mode="none"
        )
        began = time.time()
        name = container.name
        original = limits_of(docker_engine, container)

        wait_until(lambda: name in {c["name"] for c in house.items("/containers")}, 30, "the container on the overview")
        seen_s = time.time() - began
        finding = wait_until(
            lambda: next((f for f in house.items("/findings") if f["container_id"] == container.id), None),
            30,
            "its throttling finding",
        )
        found_ms = time.time() * 1000
        change = wait_until(
            lambda: next(
                (
                    c
                    for c in house.items("/limits/changes")
                    if c["container_id"] == container.id and c["status"] == "applied"
                ),
                None,
            ),
            30,
            "the raise",
        )
        raised_ms = time.time() * 1000
        throttled_ms = first_throttled_ms(house, container.id)
        print(
            f"seen after {seen_s:.2f} s; found {(found_ms - throttled_ms) / 1000:.2f} s and raised "
            f"{(raised_ms - throttled_ms) / 1000:.2f} s after the first throttled second began"
        )
        assert seen_s <= 2.0
        assert found_ms - throttled_ms <= 3_000  # the second itself, and at most two more
        assert raised_ms - throttled_ms <= 4_000

        assert change["finding_id"] == finding["id"]
        assert change["before"] == {"cpu_cores": 0.2}
        assert change["after"]["cpu_cores"] > 0.2
        raised = change["after"]["cpu_cores"]
        now = wait_until(
            lambda: (limits := limits_of(docker_engine, container)) != original and limits, 5, "docker inspect agrees"
        )
        assert now["NanoCpus"] >= round(raised * 1e9)

        message = wait_until(
            lambda: next(
                (
                    m
                    for m in webhook_server.requests
                    if any(a["labels"]["container_id"] == container.id for a in m.json()["alerts"])
                ),
                None,
            ),
            30,
            "the webhook",
        )
        Webhook(SECRET).verify(message.body, dict(message.headers.items()))
        alert = message.json()["alerts"][0]
        assert alert["labels"]["container"] == name
        assert alert["labels"]["host"] == "e2e"

        marks = [e for e in house.items("/events", container=container.id) if e["kind"] == "limit_change"]
        assert change["id"] in {m["detail"]["change_id"] for m in marks}

        status, document = house.ask("POST", f"/limits/changes/{change['id']}/undo", {})
        assert status == 200, document
        assert limits_of(docker_engine, container) == original
        audit = house.command("limits", "history", "--container", name)
        assert change["reason"][:20] in audit.stdout
        assert "undo" in audit.stdout
        # undo keeps the controller off: still the original after some more ticks under full throttling
        last = house.get("/hosts/e2e")["at"]
        wait_until(lambda: house.get("/hosts/e2e")["at"] > last, 5, "another tick")
        assert limits_of(docker_engine, container) == original


RULE = """
[[rule]]
name = "Shop is slow"
severity = "warning"
metric = "cpu_throttled_periods_ratio"
function = "avg"
comparison = ">"
threshold = 0.5
window = "2s"
for = "0s"
keep_firing_for = "2s"
selector = { name = ["rule-*"] }

[rule.action]
knob = "cpu"
by = "100%"
max = 0.9
hold = "0s"
revert = true
"""


def test_a_rule_of_the_users_own_raises_a_limit_and_puts_it_back(tmp_path: Path, docker_engine: DockerEngine) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "shop.toml").write_text(RULE)
    # busy for a while, then idle: the alert resolves and the limit goes back
    work = ["sh", "-c", "end=$(( $(date +%s) + 12 )); while [ $(date +%s) -lt $end ]; do :; done; sleep 3600"]
    with running(tmp_path, **{DOCKER: docker_engine.address, "WHARFINGER_ALERTS__DEFAULT_RULES": "false"}) as house:
        container = docker_engine.run(
            work,
            nano_cpus=200_000_000,
            name=f"rule-{time.time_ns()}",
            # the law itself keeps off: it only watches at the ceiling that the label names
            labels={"wharfinger.limits": "auto", "wharfinger.cpu.max": "0.9"},
            network_mode="none",
        )
        original = limits_of(docker_engine, container)

        def by_rule(status: str, rule: str) -> dict[str, Any] | None:
            changes = house.items("/limits/changes", container=container.id)
            return next((c for c in changes if c["status"] == status and c["rule"].startswith(rule)), None)

        change = wait_until(lambda: by_rule("applied", "rule:Shop is slow"), 20, "the rule's raise")
        assert change["after"]["cpu_cores"] == pytest.approx(0.4)
        wait_until(
            lambda: not [a for a in house.items("/alerts") if a["rule"] == "Shop is slow"], 60, "the alert resolves"
        )
        wait_until(lambda: limits_of(docker_engine, container) == original, 30, "the limit is back")


def test_manual_limits_are_set_refused_and_undone(tmp_path: Path, docker_engine: DockerEngine) -> None:
    with running(tmp_path, **{DOCKER: docker_engine.address}) as house:
        container = docker_engine.run(["sleep", "3600"], mem_limit="64m", nano_cpus=500_000_000, network_mode="none")
        original = limits_of(docker_engine, container)
        wait_until(
            lambda: [c for c in house.items("/containers") if c["id"] == container.id and c["limits"]["memory_bytes"]],
            30,
            "the container",
        )
        path = f"/containers/{container.id}/limits"
        status, answer = house.ask("PUT", path, {"cpu_cores": 1.0, "dry_run": True})
        assert (status, answer["change"]["status"]) == (200, "dry_run")
        assert limits_of(docker_engine, container) == original
        status, answer = house.ask("PUT", path, {"cpu_cores": 1.0, "memory_bytes": 128 << 20, "reason": "try"})
        assert status == 200, answer
        after = limits_of(docker_engine, container)
        assert after["NanoCpus"] == 1_000_000_000
        assert after["Memory"] == 128 << 20
        assert answer["change"]["read_back"]["cpu_cores"] == 1.0
        for body, expected in (
            ({"memory_bytes": 1 << 20}, (409, 422)),
            ({"memory_bytes": "unlimited"}, (422,)),
            ({"cpu_cores": -1}, (422,)),
            ({"cpus": 1}, (422,)),
            ({}, (422,)),
        ):
            status, problem = house.ask("PUT", path, body)
            assert status in expected, (body, problem)
            assert problem["title"]
        assert limits_of(docker_engine, container) == after, "a refusal changes nothing"
        undone = house.command("limits", "undo", "--container", container.name, "--json")
        assert undone.returncode == 0, undone.stderr
        assert limits_of(docker_engine, container) == original
        assert house.ask("PUT", f"/containers/{'f' * 64}/limits", {"cpu_cores": 1})[0] == 404
        assert house.ask("PUT", path, {"cpu_cores": 1}, token="wrong")[0] == 401
