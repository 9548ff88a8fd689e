"""Health, readiness, status, metrics, figures and the report."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

import msgspec
import pytest

from dashboard.api.forms import ReadyForm
from dashboard.charts import CHARTS, TOKENS, figure
from dashboard.exposition import exposition
from dashboard.families import FAMILIES
from dashboard.own import OWN_BY_NAME, OWN_FAMILIES
from dashboard.report import file_name
from model.limits import UNLIMITED, Bytes, Limits
from model.live import PartState
from model.metrics import METRIC_BY_NAME
from model.sample import Gap, Snapshot
from tests.dashboard.conftest import Site
from tests.dashboard.scripted import (
    BARE,
    HOSTILE,
    ID_A,
    NOW_MS,
    ScriptedAgent,
    frame,
    labels_of,
    near,
    snapshot,
    target,
)


def parts(*states: tuple[str, str]) -> tuple[PartState, ...]:
    return tuple(PartState(name, state, NOW_MS, "a secret detail") for name, state in states)


@pytest.mark.parametrize(
    ("states", "status", "code"),
    [
        ((("tick", "ok"), ("influxdb", "off")), "ready", 200),
        ((("tick", "ok"), ("influxdb", "down")), "degraded", 200),
        ((("tick", "degraded"),), "degraded", 200),
        ((("tick", "down"),), "not_ready", 503),
        ((("store", "down"),), "not_ready", 503),
    ],
)
def test_readiness_adds_up(site: Site, states: tuple[tuple[str, str], ...], status: str, code: int) -> None:
    site.agent.frame_now = frame(parts=parts(*states))
    answer = site.client().get("/readyz")
    msgspec.convert(answer.json, ReadyForm)
    assert (answer.status_code, answer.json["status"]) == (code, status)
    assert answer.json["parts"][0] == {"name": "agent", "state": "ok", "since": "2025-11-24T16:00:00.000Z"}
    assert "secret" not in answer.get_data(as_text=True), "details only for those who logged in"


def test_an_agent_that_is_away_is_not_ready(site: Site) -> None:
    site.agent.age = 30.0
    answer = site.client().get("/readyz")
    assert answer.status_code == 503
    states = {p["name"]: p["state"] for p in answer.json["parts"]}
    assert states == {"agent": "down", "tick": "down", "store": "down", "influxdb": "off"}
    site.agent.frame_now = None
    assert site.client().get("/readyz").json["parts"] == [
        {"name": "agent", "state": "down", "since": "2025-11-24T16:00:00.500Z"}
    ]
    assert site.client().get("/healthz").json == {"status": "ok"}


def test_status_tells_details(site: Site) -> None:
    site.agent.frame_now = frame(parts=parts(("tick", "ok")))
    site.agent.answers["status"] = {"metrics": {"wharfinger_ticks_total": 5}}
    said = site.get("/api/v1/status").json
    assert said["parts"][1]["detail"] == "a secret detail"
    assert said["agent"]["metrics"]["wharfinger_ticks_total"] == 5
    site.agent.age = 30.0
    said = site.get("/api/v1/status")
    assert said.status_code == 200
    assert said.json["agent"] is None
    assert "agent.run_dir" in said.json["parts"][0]["detail"]


def page(of: Snapshot) -> str:
    return b"".join(exposition(of, {}, "1")).decode()


def lines(text: str, name: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith((f"{name}{{", f"{name} "))]


def value(text: str, family: str, /, **labels: str) -> float:
    found = [line for line in lines(text, family) if labels.items() <= labels_of(line).items()]
    assert len(found) == 1, found
    return float(found[0].rpartition(" ")[2])


def test_metrics_show_the_raw_counters_in_cadvisors_words(site: Site) -> None:
    site.agent.answers["status"] = {
        "metrics": {'wharfinger_step_failures_total{step="alerts"}': 2, "wharfinger_tick_last_seconds": 0.01}
    }
    answer = site.get("/metrics")
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    text = answer.get_data(as_text=True)
    api = {"name": "api", "id": f"/docker/{ID_A}", "image": "busybox:1", "container": "api"}
    assert near(value(text, "container_cpu_usage_seconds_total", cpu="total", **api), 2.5)
    assert near(value(text, "container_cpu_usage_seconds_total", id="/"), 15.0)
    assert value(text, "container_cpu_cfs_throttled_periods_total", **api) == 47
    assert near(value(text, "container_cpu_cfs_throttled_seconds_total", **api), 3.0)
    assert value(text, "container_memory_working_set_bytes", **api) == 2000
    assert value(text, "container_memory_usage_bytes", id="/") == 5000
    assert value(text, "container_memory_failcnt", **api) == 4
    assert near(value(text, "container_pressure_cpu_waiting_seconds_total", **api), 1.5)
    assert value(text, "container_network_receive_bytes_total", name="api", interface="eth0") == 100
    assert value(text, "container_fs_writes_bytes_total", name="api", device="/dev/sda") == 20
    assert value(text, "container_blkio_device_usage_total", name="api", operation="Read", major="8", minor="0") == 10
    assert value(text, "container_blkio_device_usage_total", operation="Write", device="/dev/sda") == 20
    assert value(text, "container_memory_failures_total", name="api", failure_type="pgmajfault", scope="hierarchy") == 1
    assert value(text, "container_spec_cpu_quota", name="api") == 20_000
    assert value(text, "container_spec_cpu_shares", name="api") == 1024, "the kernel's own number on v1"
    assert value(text, "container_spec_memory_limit_bytes", name="db") == 0
    assert value(text, "container_health_state", name="db") == 1
    assert value(text, "container_health_state", name="api") == -1
    assert value(text, "container_start_time_seconds", name="api") == (NOW_MS - 60_000) / 1000
    assert value(text, "machine_cpu_cores") == 2
    assert value(text, "wharfinger_step_failures_total", step="alerts") == 2
    assert value(text, "wharfinger_tick_last_seconds") == 0.01
    assert "# TYPE wharfinger_step_failures_total counter" in text
    assert "# TYPE wharfinger_tick_last_seconds gauge" in text


def test_what_is_not_offered_is_absent(site: Site) -> None:
    text = site.get("/metrics").get_data(as_text=True)
    assert lines(text, "container_memory_events_high_total") == [], "v2 alone"
    assert lines(text, "container_pressure_io_waiting_seconds_total") == []
    assert not [x for x in lines(text, "container_cpu_cfs_periods_total") if 'name="db"' in x], "no quota"
    assert not [x for x in lines(text, "container_spec_cpu_quota") if 'name="db"' in x]
    assert not [x for x in lines(text, "container_network_receive_bytes_total") if 'interface="lo"' in x]
    assert "container_tasks_state" not in text


def test_the_page_is_well_formed_with_hostile_labels() -> None:
    first = snapshot()
    labels = {"a.b": "1", "a-b": "2", HOSTILE: HOSTILE, "ok": "surrogate \ud800"}
    targets = {**first.targets, ID_A: target(ID_A, HOSTILE, labels=labels)}
    text = page(replace(first, targets=targets))
    line_form = re.compile(
        r'[a-zA-Z_:][a-zA-Z0-9_:]*(\{([a-zA-Z_][a-zA-Z0-9_]*="([^"\\\n]|\\["\\n])*",?)*\})? [-+0-9.eE]+(Inf)?'
    )
    text.encode()
    seen: Counter[str] = Counter()
    for line in text.removesuffix("\n").split("\n"):
        if line.startswith("# TYPE "):
            seen[line.split()[2]] += 1
        elif not line.startswith("#"):
            assert line_form.fullmatch(line), line
            assert line.partition("{")[0].partition(" ")[0] in seen, "TYPE comes first"
    assert set(seen.values()) == {1}
    per_series = Counter(line.rpartition(" ")[0] for line in text.splitlines() if not line.startswith("#"))
    assert set(per_series.values()) == {1}, "no series twice"
    usage = [labels_of(x).keys() for x in lines(text, "container_memory_usage_bytes")]
    assert len({frozenset(keys) for keys in usage}) == 1, "one set of labels in a family"


def test_v2_hosts_have_the_v2_families() -> None:
    text = page(replace(snapshot(), cgroup="v2"))
    assert value(text, "container_memory_events_high_total", name="api") == 2
    assert value(text, "container_memory_events_max_total", name="api") == 4
    assert lines(text, "container_memory_failcnt") == []
    assert value(text, "container_spec_cpu_shares", name="api") == 2 + 99 * 262142 // 9999


@pytest.mark.parametrize(
    ("cgroup", "memory", "swap", "shown"),
    [
        ("hybrid", 1 << 26, 1 << 20, (1 << 26) + (1 << 20)),
        ("hybrid", UNLIMITED, UNLIMITED, 0),
        ("v2", 1 << 26, 1 << 20, 1 << 20),
        ("v2", UNLIMITED, 1 << 20, 1 << 20),
        ("v2", 1 << 26, UNLIMITED, 0),
    ],
)
def test_a_swap_limit_is_the_kernels_own(cgroup: str, memory: Bytes, swap: Bytes, shown: int) -> None:
    limits = {ID_A: Limits(memory_bytes=memory, memory_swap_bytes=swap)}
    text = page(replace(snapshot(), cgroup=cgroup, limits=limits))
    assert value(text, "container_spec_memory_swap_limit_bytes", name="api") == shown


def test_bare_cgroups_have_no_name_as_with_cadvisor(site: Site) -> None:
    text = site.get("/metrics").get_data(as_text=True)
    (line,) = [x for x in lines(text, "container_last_seen") if f'id="{BARE}"' in x]
    assert labels_of(line)["name"] == ""


def test_families_are_named_once() -> None:
    assert max(Counter(f.name for f in FAMILIES).values()) == 1
    assert all(
        f.name.endswith("_total") for f in FAMILIES if f.kind == "counter" and f.name != "container_memory_failcnt"
    )


def test_the_daemons_own_numbers_say_what_they_are() -> None:
    assert [f.name for f in OWN_FAMILIES if (f.kind == "counter") != f.name.endswith("_total")] == []
    assert len(OWN_BY_NAME) == len(OWN_FAMILIES)
    own = {"wharfinger_ticks_total": 5.0, 'wharfinger_step_seconds_total{step="series"}': 0.5, "wharfinger_new": 1.0}
    text = b"".join(exposition(snapshot(), own, "1")).decode()
    assert "# HELP wharfinger_ticks_total Ticks since the start.\n# TYPE wharfinger_ticks_total counter\n" in text
    assert value(text, "wharfinger_step_seconds_total", step="series") == 0.5
    assert "# TYPE wharfinger_new gauge\nwharfinger_new 1\n" in text, "shown, though nobody described it"


def test_metrics_without_an_agent_fail_the_scrape(site: Site) -> None:
    site.agent.frame_now = None
    assert site.get("/metrics").status_code == 503


@pytest.mark.parametrize("chart", CHARTS)
@pytest.mark.parametrize("theme", TOKENS)
def test_figures_are_small_styled_and_name_their_metrics(site: Site, chart: str, theme: str) -> None:
    answer = site.get(f"/api/v1/figures/{chart}?theme={theme}")
    made = answer.json
    assert made["layout"]["margin"] == {"l": 62, "r": 14, "t": 8, "b": 22}
    assert made["layout"]["showlegend"] is False
    assert "template" not in made["layout"]
    assert len(answer.get_data()) < 6000
    for trace in made["data"]:
        assert trace["meta"]["metric"] in METRIC_BY_NAME
        assert (trace["x"], trace["y"]) == ([], [])
    assert made["config"]["displayModeBar"] is False


def test_figures_that_are_not_there(site: Site) -> None:
    assert site.get("/api/v1/figures/nope").status_code == 404
    assert site.get("/api/v1/figures/cpu?theme=pink").status_code == 422


def test_limits_are_step_lines_and_the_themes_differ() -> None:
    limit = next(t for t in figure("cpu", "light")["data"] if t["meta"]["metric"] == "cpu_limit_cores")
    assert limit["line"]["shape"] == "hv"
    held = next(t for t in figure("cpu", "light")["data"] if t["meta"]["style"] == "held")
    assert held["fillpattern"]["shape"] == "/"
    assert figure("cpu", "light")["data"] != figure("cpu", "dark")["data"]


def test_the_report_needs_nothing_from_outside_and_runs_nowhere_in_our_origin(site: Site) -> None:
    site.agent.frame_now = frame(targets={ID_A: target(ID_A, HOSTILE)})
    answer = site.get(f"/api/v1/containers/{ID_A}/report.html?since=-1m")
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="wharfinger-')
    assert answer.headers["Content-Security-Policy"] == "sandbox"
    text = answer.get_data(as_text=True)
    assert "alert(1)</script>" not in text
    assert not re.search(r'<(script|link|img|iframe)[^>]+(src|href)="', text)
    assert text.count("Plotly.newPlot(") == len(CHARTS)
    assert "held back by its CPU limit" in text


def test_a_report_of_an_empty_range_says_so(site: Site) -> None:
    site.series.value_of = lambda _at_ms: None
    text = site.get("/api/v1/containers/api/report.html").get_data(as_text=True)
    assert "There are no figures in this range." in text
    assert "Plotly.newPlot" not in text


@pytest.mark.parametrize("name", [HOSTILE, "../../etc/passwd", "", "..", "é" * 300])
def test_file_names_are_harmless(name: str) -> None:
    assert re.fullmatch(
        r"wharfinger-[A-Za-z0-9_][A-Za-z0-9._-]{0,79}-[0-9T-]+\.html", file_name(name, "2025-11-24T16:00:00.000Z")
    )


def test_a_snapshot_without_a_host_reading_still_answers() -> None:
    bare: Snapshot = replace(snapshot(), host_reading=None)
    assert "machine_cpu_cores" not in page(bare)
    assert ScriptedAgent().age_s() is None


def test_machine_metrics_carry_the_machines_identity(site: Site) -> None:
    site.agent.answers["status"] = {
        "machine": {"identity": {"machine_id": "m-1", "boot_id": "b-1"}, "gauges": {"machine_cpu_sockets": 1}}
    }
    text = site.get("/metrics").get_data(as_text=True)
    labels = {"machine_id": "m-1", "system_uuid": "", "boot_id": "b-1"}
    assert value(text, "machine_cpu_cores", **labels) == 2
    assert value(text, "machine_cpu_sockets", **labels) == 1
    assert value(text, "machine_memory_bytes", **labels) == 8000
    assert lines(text, "machine_swap_bytes") == [], "unknown is absent"


def test_pods_have_the_kubelets_labels() -> None:
    first = snapshot()
    labels = {
        "io.kubernetes.pod.name": "web-0",
        "io.kubernetes.pod.namespace": "shop",
        "io.kubernetes.container.name": "nginx",
    }
    text = page(replace(first, targets={**first.targets, ID_A: target(ID_A, "k8s_nginx_web-0", labels=labels)}))
    assert value(text, "container_memory_usage_bytes", pod="web-0", namespace="shop", container="nginx") == 3000
    usage = [labels_of(x).keys() for x in lines(text, "container_last_seen")]
    assert len({frozenset(keys) for keys in usage}) == 1
    assert "namespace=" not in page(first), "only where there are pods"


def test_what_could_not_be_read_is_told() -> None:
    assert value(page(snapshot()), "container_scrape_error") == 0
    assert value(page(replace(snapshot(), gaps=(Gap(ID_A, "memory", "denied"),))), "container_scrape_error") == 1


def test_own_cost_is_told_of_every_process(site: Site) -> None:
    agent = {"agent": {"cpu_seconds": 3.0, "cpu_cores": 0.01, "memory_bytes": 5e7}}
    site.agent.frame_now = frame(own_cost=agent)
    assert site.get("/api/v1/hosts/web-1").json["own_cost"] == agent
    site.agent.age = 30.0
    assert site.get("/api/v1/hosts/web-1").json["own_cost"] == {}, "an agent that is away costs what nobody knows"
