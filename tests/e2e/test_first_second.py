"""From the first bad second of a real container to the webhook: at most two, where the rule has no patience."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from statistics import median

import pytest

from tests.e2e.harness import DOCKER, running
from tests.support.wait import wait_until
from tests.support.webhook import Request, WebhookServer, receiving
from tools.servers.docker import DockerEngine

pytestmark = pytest.mark.docker

WAITS = ["sh", "-c", "while :; do [ -e /go ] || sleep 0.2; done"]
RULE = """
[[rule]]
name = "Busy"
metric = "cpu_usage_cores"
function = "last"
threshold = 0.1
for = "0s"
selector = { name = "%s" }
"""
ROUNDS = 3


def messages(server: WebhookServer, status: str) -> list[Request]:
    """Of the rule, in order of arrival."""
    return [
        r
        for r in list(server.requests)
        if (b := r.json())["status"] == status and b["groupLabels"]["alertname"] == "Busy"
    ]


def test_two_seconds_from_the_first_bad_second_to_the_webhook(tmp_path: Path, docker_engine: DockerEngine) -> None:
    container = docker_engine.run(WAITS, nano_cpus=200_000_000, network_mode="none")
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "busy.toml").write_text(RULE % container.name)
    after_tick, after_begin = [], []
    with receiving() as server:
        environ = {DOCKER: docker_engine.address, "WHARFINGER_ALERTS__WEBHOOK_URL": server.url}
        with running(tmp_path, **environ) as house:
            wait_until(lambda: container.name in {c["name"] for c in house.items("/containers")}, 30, "the container")
            for number in range(1, ROUNDS + 1):
                container.exec_run(["touch", "/go"])
                began_s = time.time()
                arrived = wait_until(lambda n=number: messages(server, "firing")[n - 1 :], 20, "the webhook")[0]
                (alert,) = arrived.json()["alerts"]
                assert alert["labels"]["container_id"] == container.id
                # the first bad second is the one that ended with the tick at which it fired
                bad_since_s = datetime.fromisoformat(alert["startsAt"]).timestamp() - 1.0
                after_tick.append(arrived.at_s - bad_since_s)
                after_begin.append(arrived.at_s - began_s)
                container.exec_run(["rm", "/go"])
                wait_until(lambda n=number: messages(server, "resolved")[n - 1 :], 20, "the resolve")
    print(f"from the first bad second: {after_tick}; from the load itself: {after_begin}")
    assert median(after_tick) <= 2.0
