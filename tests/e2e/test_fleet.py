"""Three hosts in network namespaces, one InfluxDB, and a dashboard without an agent that shows and reaches them all."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import until
from tests.e2e.harness import DOCKER, TOKEN, Wharfinger, running
from tests.support.hosts import Host, hosts, obstacle, relayed
from tests.support.missing import missing
from tests.support.wait import wait_until
from tools.servers.docker import DockerEngine
from tools.servers.influx import Influxd

pytestmark = [pytest.mark.docker, pytest.mark.influxdb, pytest.mark.browser]

NAMES = ("alpha", "beta", "gamma")
PREFIX = "fleet-test."
RULE = "FleetLimit"
RULES = f"""[[rule]]
name = "{RULE}"
severity = "info"
metric = "cpu_limit_cores"
function = "last"
threshold = 0.1
"""
"""Fires of every container with a CPU limit: of the one that only the last host sees."""


@pytest.fixture
def three() -> Iterator[list[Host]]:
    reason = obstacle()
    if reason is not None:
        missing(reason)
    with hosts(len(NAMES)) as made:
        yield made


def start(name: str, host: Host, port: int, bucket: str, folder: Path, docker: str, after: ExitStack) -> Wharfinger:
    """A whole wharfinger on one of the hosts; only the last sees containers, for all share one engine."""
    rules = folder / f"{name}.toml"
    rules.write_text(RULES)
    environ = {
        "WHARFINGER_ALERTS__RULES": str(rules),
        DOCKER: docker if name == "gamma" else "off",
        "WHARFINGER_DISCOVERY__CGROUP_WALK": "false",
        "WHARFINGER_DISCOVERY__PODMAN": "off",
        "WHARFINGER_DISCOVERY__CONTAINERD": "off",
        "WHARFINGER_DISCOVERY__LABEL_PREFIX": PREFIX,
        "WHARFINGER_AGENT__HOST_NAME": name,
        "WHARFINGER_WEB__LISTEN": f"{host.address}:9321",
        "WHARFINGER_STORE__INFLUXDB__URL": f"http://{host.ours}:{port}",
        "WHARFINGER_STORE__INFLUXDB__BUCKET": bucket,
    }
    words = (*host.enter, sys.executable, "-m", "cli.main")
    return after.enter_context(running(folder / name, words, **environ))


def watched_live(browser: Browser, url: str, name: str) -> None:
    """The page of a container of another host: its own seconds come in by themselves, and its clock goes."""
    page = browser.new_page()
    page.goto(f"{url}/containers/{name}")
    page.fill("[name=username]", "admin")
    page.fill("[name=password]", "correct horse battery")
    page.keyboard.press("Enter")
    page.wait_for_selector("body[data-page=container][data-ready=true]", timeout=20_000)
    expect(page.locator("[data-live]")).to_have_attribute("data-state", "live", timeout=10_000)
    end = "document.querySelector('[data-chart=cpu] .plot').data[0].x.at(-1)"
    before = page.evaluate(end)
    until(page, f"{end} > {before!r}", 15)
    page.close()


def alerts_of_another_host(web: Wharfinger, key: str) -> None:
    """What fires there is listed, acknowledged and silenced from here, on that host and on no other."""

    def alert() -> dict[str, Any]:
        found = [item for item in web.items("/alerts", state="firing") if item["rule"] == RULE]
        assert [(item["host"], item["container_id"]) for item in found] == [("gamma", key)]
        return found[0]

    first = wait_until(alert, 30, "the alert of another host")
    assert [item["id"] for item in web.items("/alerts", state="firing", host="gamma") if item["rule"] == RULE] == [
        first["id"]
    ]
    assert web.items("/alerts", state="firing", host="alpha") == []
    assert RULE in {rule["name"] for rule in web.items("/alerts/rules", host="gamma")}
    status, answer = web.ask("POST", f"/alerts/{first['id']}/acknowledge")
    assert status == 200, answer
    assert alert()["acknowledged_by"]

    wanted = {"rules": [RULE], "duration_s": 600, "comment": "by the fleet"}
    status, silence = web.ask("POST", "/silences?host=gamma", wanted)
    assert status in (200, 201), silence
    assert [(item["id"], item["host"]) for item in web.items("/silences")] == [(silence["id"], "gamma")]
    assert web.items("/silences", host="beta") == []
    wait_until(lambda: alert()["silenced_until"], 10, "the alert is silenced there")
    status, answer = web.ask("DELETE", f"/silences/{silence['id']}")
    assert status in (200, 204), answer
    assert web.items("/silences", host="gamma") == []


def test_three_hosts_one_influxdb_and_a_web_without_an_agent(
    tmp_path: Path, three: list[Host], docker_engine: DockerEngine, influxdb: Influxd, browser: Browser
) -> None:
    bucket = f"fleet-{uuid4().hex[:8]}"
    config = tmp_path / "fleet.toml"
    config.write_text(
        "".join(
            f'[[fleet]]\nname = "{name}"\nurl = "http://{host.address}:9321"\ntoken = "{TOKEN}"\n'
            for name, host in zip(NAMES, three, strict=True)
        )
    )
    config.chmod(0o600)
    container = docker_engine.run(["sleep", "600"], nano_cpus=500_000_000, network_mode="none")
    with ExitStack() as after:
        port = after.enter_context(relayed(influxdb.port))
        for name, host in zip(NAMES, three, strict=True):
            start(name, host, port, bucket, tmp_path, docker_engine.address, after)
        web = after.enter_context(
            running(
                tmp_path / "web",
                command="web",
                WHARFINGER_CONFIG=str(config),
                WHARFINGER_AGENT__HOST_NAME="",
                WHARFINGER_STORE__INFLUXDB__URL=influxdb.url,
                WHARFINGER_STORE__INFLUXDB__BUCKET=bucket,
            )
        )

        def states() -> dict[str, str]:
            return {host["name"]: host["state"] for host in web.items("/hosts")}

        def all_live() -> bool:
            assert states() == dict.fromkeys(NAMES, "live")
            return True

        wait_until(all_live, 30, "all three hosts are live")
        key = str(container.id)

        # history of each host, from the InfluxDB that they share
        def points(host: str, scope: str) -> int:
            body = web.get("/series", metrics="cpu_usage_cores", host=host, scope=scope, since="-60s", step="1s")
            return sum(value is not None for column in body["series"] for value in column["avg"])

        def has_seconds(name: str) -> bool:
            return points(name, "host") >= 3

        for name in NAMES:
            wait_until(partial(has_seconds, name), 30, f"seconds of {name}")
        wait_until(lambda: points("gamma", "container") >= 3, 30, "seconds of the container")
        body = web.get("/series", metrics="cpu_usage_cores", scope="host", since="-60s", step="10s", total="true")
        assert len(body["series"]) == 1

        # the container, with what only its own host knows
        item = web.get(f"/containers/{container.name}")
        assert (item["host"], item["id"], item["limits"]["cpu_cores"]) == ("gamma", key, 0.5)
        assert item["policy"] is not None

        watched_live(browser, web.url, container.name)

        # its limits, its journal and the way back
        status, answer = web.ask("PUT", f"/containers/{key}/limits", {"cpu_cores": 0.7, "reason": "by the fleet"})
        assert status == 200, answer
        assert answer["change"]["host"] == "gamma"
        assert docker_engine.client.api.inspect_container(key)["HostConfig"]["NanoCpus"] == 700_000_000
        journal = wait_until(lambda: web.items("/limits/changes"), 10, "the journal of all hosts")
        assert (journal[0]["id"], journal[0]["host"]) == (answer["change"]["id"], "gamma")
        status, answer = web.ask("POST", f"/limits/changes/{journal[0]['id']}/undo")
        assert status == 200, answer
        assert docker_engine.client.api.inspect_container(key)["HostConfig"]["NanoCpus"] == 500_000_000

        alerts_of_another_host(web, key)

        # a switch on one host alone
        status, answer = web.ask("PUT", "/limits/pause?host=beta", {"paused": True, "reason": "works"})
        assert (status, answer["paused"]) == (200, True)
        assert [web.get("/limits/pause", host=name)["paused"] for name in NAMES] == [False, True, False]

        # one is cut off: it is away, its history stays, and the others are as before
        three[2].pull()
        wait_until(lambda: states().get("gamma") == "away", 30, "gamma is away")
        assert {name: state for name, state in states().items() if name != "gamma"} == {"alpha": "live", "beta": "live"}
        assert points("gamma", "host") > 0
        assert {item["id"] for item in web.items("/containers", state="all")} >= {key}
        status, answer = web.ask("PUT", f"/containers/{key}/limits?host=gamma", {"cpu_cores": 0.7})
        assert status == 503, answer
        assert "gamma" in answer["detail"]
        assert web.get("/limits/pause", host="beta")["paused"] is True
        three[2].plug()
        wait_until(lambda: states().get("gamma") == "live", 40, "gamma is back")
