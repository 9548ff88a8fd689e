"""A real Prometheus scrapes a real wharfinger over real containers; rules and queries made for cAdvisor work on it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dashboard.own import OWN_BY_NAME
from tests.e2e.harness import DOCKER, TOKEN, Wharfinger, running
from tests.support.boards import metrics_in, panel_queries, rule_queries
from tests.support.wait import wait_until
from tools.servers.docker import DockerEngine
from tools.servers.process import find_binary
from tools.servers.prometheus import Prometheus

SCRAPE = """
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [rules.yml]
scrape_configs:
  - job_name: cadvisor
    authorization: {{credentials: {token}}}
    static_configs: [{{targets: ["{target}"]}}]
"""
# As published for cAdvisor (awesome-prometheus-alerts, dockprom), the ranges shortened to a test's patience.
RULES = r"""
groups:
  - name: cadvisor
    rules:
      - alert: ContainerHighThrottleRate
        expr: >
          sum(increase(container_cpu_cfs_throttled_periods_total{container!=""}[10s])) by (container, pod, namespace)
          / sum(increase(container_cpu_cfs_periods_total[10s])) by (container, pod, namespace) > (25 / 100)
      - alert: ContainerHighMemoryUsage
        expr: >
          (sum(container_memory_working_set_bytes{name!=""}) BY (instance, name)
          / sum(container_spec_memory_limit_bytes > 0) BY (instance, name) * 100) > 50
      - alert: ContainerHighCpuUtilization
        expr: >
          (sum(rate(container_cpu_usage_seconds_total{container!=""}[10s])) by (pod, container)
          / sum(container_spec_cpu_quota{container!=""}/container_spec_cpu_period{container!=""}) by (pod, container)
          * 100) > 80
      - alert: ContainerUnhealthy
        expr: container_health_state{name!=""} == 0
      - alert: ContainerAbsent
        expr: absent(container_memory_usage_bytes{name="wharfinger-prom-nobody"})
      - alert: ContainerKilled
        expr: time() - container_last_seen{name=~"wharfinger-prom-.*"} > 60
      - alert: ContainerVolumeUsage
        expr: >
          (1 - (sum(container_fs_inodes_free{name!=""}) BY (instance)
          / sum(container_fs_inodes_total) BY (instance))) > 0.8
      - alert: ContainerLowCpuUtilization
        expr: >
          (sum(rate(container_cpu_usage_seconds_total{container!=""}[10s])) by (pod, container)
          / sum(container_spec_cpu_quota{container!=""}/container_spec_cpu_period{container!=""}) by (pod, container)
          * 100) < 20
      - alert: ContainerOomKiller
        expr: increase(container_oom_events_total{name=~"wharfinger-prom-.*"}[10s]) > 0
      - alert: ContainerPresent
        expr: container_last_seen{name=~"wharfinger-prom-.*"} and (time() - container_last_seen) < 60
  # As in the Kubernetes mixin and the rules of kube-prometheus, the labels of the kubelet left out.
  - name: mixin
    rules:
      - record: container:container_cpu_usage_seconds_total:sum_irate
        expr: sum by (name, image) (irate(container_cpu_usage_seconds_total{job="cadvisor", image!=""}[10s]))
      - record: container:container_memory_working_set_bytes
        expr: container_memory_working_set_bytes{job="cadvisor", image!=""}
      - record: container:container_memory_rss
        expr: container_memory_rss{job="cadvisor", image!=""}
      - record: container:container_memory_cache
        expr: container_memory_cache{job="cadvisor", image!=""}
      - record: container:container_network_receive_bytes_total:sum_rate
        expr: sum by (name) (rate(container_network_receive_bytes_total{job="cadvisor", image!=""}[10s]))
      - alert: CPUThrottlingHigh
        expr: >
          sum(increase(container_cpu_cfs_throttled_periods_total{container!="", job="cadvisor"}[10s])) without (id)
          / sum(increase(container_cpu_cfs_periods_total{job="cadvisor"}[10s])) without (id) > (25 / 100)
"""
BURN = "while :; do :; done"
HOARD = "dd if=/dev/zero of=/dev/shm/x bs=1M count=24; sleep 1000"


class Asked:
    """What a Prometheus says."""

    def __init__(self, server: Prometheus) -> None:
        self._url = server.url

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self._url}/api/v1/{path}", timeout=10) as answer:
            return json.load(answer)["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        return list(self.get(f"query?{urllib.parse.urlencode({'query': expression})}")["result"])

    def firing(self) -> set[tuple[str, str]]:
        """(alert, name or container) of everything that fires."""
        alerts = [a for a in self.get("alerts")["alerts"] if a["state"] == "firing"]
        return {(a["labels"]["alertname"], a["labels"].get("name") or a["labels"].get("container", "")) for a in alerts}


@pytest.fixture
def names(docker_engine: DockerEngine) -> dict[str, str]:
    """A throttled one, one near its limit, and an idle one with labels and without any limit."""
    named = {kind: f"wharfinger-prom-{kind}-{os.getpid()}" for kind in ("throttled", "full", "idle")}
    marks = {"wharfinger.test": "dashboard", "org.label-schema.group": "monitoring"}
    docker_engine.run(["sh", "-c", BURN], name=named["throttled"], nano_cpus=100_000_000, labels=marks)
    docker_engine.run(["sh", "-c", HOARD], name=named["full"], mem_limit="32m", shm_size="64m", labels=marks)
    docker_engine.run(["sleep", "1000"], name=named["idle"], labels=marks)
    return named


def test_rules_made_for_cadvisor_fire_on_our_metrics(
    tmp_path: Path, prometheus: Callable[..., Prometheus], docker_engine: DockerEngine, names: dict[str, str]
) -> None:
    wished = {DOCKER: docker_engine.address, "WHARFINGER_DISCOVERY__WRITABLE_LAYER_S": "60"}
    with running(tmp_path, **wished) as house:
        target = house.url.removeprefix("http://")
        server = Asked(prometheus(SCRAPE.format(token=TOKEN, target=target), {"rules.yml": RULES}))
        expected = {
            ("ContainerHighThrottleRate", names["throttled"]),
            ("ContainerHighCpuUtilization", names["throttled"]),
            ("CPUThrottlingHigh", names["throttled"]),
            ("ContainerHighMemoryUsage", names["full"]),
            ("ContainerAbsent", "wharfinger-prom-nobody"),
            *(("ContainerPresent", name) for name in names.values()),
        }
        wait_until(lambda: expected <= server.firing(), 60, "the rules to fire")
        about_idle = {alert for alert, name in server.firing() if name == names["idle"]}
        assert about_idle == {"ContainerPresent"}, "no limit, no rule about limits"
        never = {"ContainerUnhealthy", "ContainerKilled", "ContainerVolumeUsage", "ContainerLowCpuUtilization"}
        ours = {alert for alert, name in server.firing() if name in (*names.values(), "")}
        assert not ours & (never | {"ContainerOomKiller"}), "no health check, all alive, no inodes, nobody killed"
        rules = [rule for group in server.get("rules")["groups"] for rule in group["rules"]]
        assert {rule["health"] for rule in rules} == {"ok"}
        check_queries(server, names)
        check_deployed(server, house)
        check_lint(house, tmp_path)


def check_queries(server: Asked, names: dict[str, str]) -> None:
    """The selectors of dockprom's dashboards, and Prometheus's own view of the scrape."""
    (up,) = server.query("up")
    assert up["value"][1] == "1"
    (taken,) = server.query("scrape_samples_scraped")
    assert float(taken["value"][1]) > 100
    monitored = server.query('container_memory_usage_bytes{container_label_org_label_schema_group="monitoring"}')
    assert set(names.values()) <= {row["metric"]["name"] for row in monitored}
    used = server.query('sum by (name) (rate(container_cpu_usage_seconds_total{image!=""}[10s])) * 100')
    (throttled,) = [row for row in used if row["metric"]["name"] == names["throttled"]]
    assert 2 < float(throttled["value"][1]) < 20, "held at a tenth of a core"
    for record in ("cpu_usage_seconds_total:sum_irate", "memory_working_set_bytes", "memory_rss", "memory_cache"):
        rows = {row["metric"]["name"]: float(row["value"][1]) for row in server.query(f"container:container_{record}")}
        assert set(names.values()) <= set(rows), record
        assert all(rows[name] >= 0 for name in names.values())
    (traffic,) = [
        row
        for row in server.query("container:container_network_receive_bytes_total:sum_rate")
        if row["metric"]["name"] == names["idle"]
    ]
    assert float(traffic["value"][1]) >= 0
    layers = {row["metric"]["name"]: row for row in server.query('container_fs_usage_bytes{image!=""}')}
    assert set(names.values()) <= set(layers), "asked for by the settings of this test"
    (cores,) = server.query("sum(machine_cpu_cores)")
    assert float(cores["value"][1]) == os.cpu_count()
    (machine,) = server.query("machine_memory_bytes")
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert machine["metric"]["boot_id"] == boot
    (unlimited,) = server.query(f'container_spec_memory_limit_bytes{{name="{names["idle"]}"}}')
    assert unlimited["value"][1] == "0"
    devices = {row["metric"]["device"] for row in server.query('container_fs_reads_bytes_total{id="/"}')}
    assert all(device.startswith("/dev/") or ":" in device for device in devices)
    costs = {row["metric"]["process"] for row in server.query("wharfinger_own_cpu_seconds_total")}
    assert costs == {"agent", "web", "supervisor"}
    runtimes = {row["metric"]["process"] for row in server.query("wharfinger_runtime_cpu_seconds_total")}
    assert "dockerd" in runtimes


ONLY_WITH_INFLUXDB = {name for name in OWN_BY_NAME if name.startswith(("wharfinger_spool_", "wharfinger_influxdb_"))}


def check_deployed(server: Asked, house: Wharfinger) -> None:
    """Dashboard and rules of ``deploy/``: each query asks for what we expose, and most find something."""
    _, text = house.ask("GET", "/metrics")
    exposed = set(re.findall(r"^# TYPE (\S+) ", text, re.MULTILINE))
    empty = set()
    for title, query in (*panel_queries("prometheus", "expr"), *rule_queries()):
        assert metrics_in(query) <= exposed | ONLY_WITH_INFLUXDB, title
        if not server.query(query):
            empty.add(title)
    shown = {title for title, _ in panel_queries("prometheus", "expr")}
    # No job of that name; and this kernel may count no block I/O.
    assert empty & shown <= {"Hosts up", "Disk: read and written"}


def check_lint(house: Wharfinger, folder: Path) -> None:
    """``promtool check metrics`` parses all of it; what it dislikes are cAdvisor's own names alone."""
    _, text = house.ask("GET", "/metrics")
    page = folder / "metrics.txt"
    page.write_text(text)
    with page.open("rb") as lines:
        said = subprocess.run(
            [find_binary("promtool", "prometheus"), "check", "metrics"],
            stdin=lines,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert "error" not in said.stderr.lower().replace("container_scrape_error", ""), said.stderr
    ours = [line for line in said.stderr.splitlines() if line.startswith("wharfinger_")]
    assert not ours, "our own names follow every convention"
    exposed = set(re.findall(r"^# TYPE (wharfinger_\S+) ", text, re.MULTILINE))
    assert exposed == {name for name in OWN_BY_NAME if name not in ONLY_WITH_INFLUXDB}, (
        "each has its row, and none lags"
    )
