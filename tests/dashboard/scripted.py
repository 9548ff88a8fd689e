"""Doubles of what stands behind the web process: an agent whose frames and answers a test writes, and a store."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from math import isclose

from model.alert import Alert, AlertState, Severity, Transition
from model.change import Change, ChangeStatus, Knobs, Policy
from model.errors import AgentAway, WharfingerError
from model.event import Event
from model.finding import Evidence, Finding
from model.limits import UNLIMITED, Limits
from model.live import Command, Frame, PartState, Reply
from model.reading import CgroupReading, HostReading, Interface, IoDevice
from model.sample import Sample, Snapshot
from model.target import Target, TargetId
from model.whatif import WhatIf
from storage.api import KnownContainer, SeriesColumn, SeriesQuery, SeriesResult

NOW_MS = 1_764_000_000_000
HOST = "web-1"
ID_A = "a" * 12 + "0123456789abcdef" * 3 + "0000"
ID_B = "b" * 12 + "0123456789abcdef" * 3 + "0000"
BARE = "/system.slice/cron.service"
HOSTILE = '</script><script>alert(1)</script>"\n\\{}'
Answer = Callable[[Command], Reply]


def target(key: str, name: str, **more: object) -> Target:
    runtime = "cgroup" if key.startswith("/") else "docker"
    cgroup = key if runtime == "cgroup" else f"/docker/{key}"
    made = Target(TargetId(runtime, key, 7, NOW_MS - 60_000), cgroup, name, image="busybox:1", service=name)
    return replace(made, **more)  # type: ignore[arg-type]


def finding(container_id: str, name: str, severity: Severity = Severity.WARNING) -> Finding:
    evidence = Evidence("cpu_throttled_periods_ratio", 0.47, 0.1, 60.0, "ratio")
    return Finding(
        f"f-{name}", NOW_MS, NOW_MS - 5000, HOST, container_id, name, "cpu_throttling", severity,
        "held back by its CPU limit", (evidence,), "Raise the limit.", "cpu", 0.5,
    )  # fmt: skip


def alert(state: AlertState = AlertState.FIRING) -> Alert:
    return Alert(
        "al-1", "CpuThrottled", Severity.WARNING, state, HOST, ID_A, "api", "busybox:1", "shop", NOW_MS,
        NOW_MS, None, 0.47, 0.1, "api is throttled", "…", "Raise the limit.",
    )  # fmt: skip


def change(change_id: str = "ch-1", before: float = 0.2, after: float = 0.3) -> Change:
    return Change(
        change_id, NOW_MS, HOST, ID_A, "api", ChangeStatus.APPLIED, "cpu_law", "throttled",
        Knobs(cpu_cores=before), Knobs(cpu_cores=after), Knobs(cpu_cores=after), "f-api",
    )  # fmt: skip


def frame(at_ms: int = NOW_MS, **more: object) -> Frame:
    """Three targets: ``api`` throttled, ``db`` unlimited, and a bare cgroup."""
    targets = {
        ID_A: target(ID_A, "api", group="shop", service="shop/api", labels={"com.example/owner": "anna"}),
        ID_B: target(ID_B, "db", group="shop", service="shop/db", health="healthy"),
        BARE: target(BARE, "cron.service", image=None, service=None),
    }
    made = Frame(
        at_ms=at_ms,
        interval_s=1.0,
        host=HOST,
        cgroup="hybrid",
        host_values={"cpu_usage_cores": 1.5, "host_load_1m": 2.0},
        targets=targets,
        values={
            ID_A: {"cpu_usage_cores": 0.2, "memory_working_set_bytes": 1000.0, "cpu_throttled_periods_ratio": 0.47},
            ID_B: {"cpu_usage_cores": 0.9, "memory_working_set_bytes": 5000.0},
            BARE: {},
        },
        limits={ID_A: Limits(cpu_cores=0.2, memory_bytes=1 << 26), ID_B: Limits(UNLIMITED, memory_bytes=UNLIMITED)},
        policies={ID_A: Policy(), ID_B: Policy()},
        findings=(finding(ID_A, "api"),),
        transitions=(),
        changes=(),
        events=(),
        gaps=(),
        parts=(PartState("tick", "ok", NOW_MS), PartState("store", "ok", NOW_MS), PartState("influxdb", "off", NOW_MS)),
        capabilities={"psi": "yes", "memory_high": "cgroup v1"},
    )
    return replace(made, **more)  # type: ignore[arg-type]


def snapshot() -> Snapshot:
    """The same tick with raw readings."""
    now = frame()
    reading = CgroupReading(
        read_at_ns=1,
        inode=7,
        cpu_usage_ns=2_500_000_000,
        cpu_user_ns=2_000_000_000,
        cpu_system_ns=500_000_000,
        cpu_periods=100,
        cpu_throttled_periods=47,
        cpu_throttled_ns=3_000_000_000,
        memory_usage_bytes=3000,
        memory_inactive_file_bytes=1000,
        memory_max_events=4,
        memory_high_events=2,
        memory_page_faults=11,
        memory_major_faults=1,
        cpu_pressure_some_us=1_500_000,
        io_devices=(IoDevice("8:0", 10, 20, 1, 2),),
        pids=3,
        interfaces=(Interface("lo", 1, 1, 0, 0, 1, 1, 0, 0), Interface("eth0", 100, 2, 0, 0, 50, 1, 0, 0)),
    )
    host = HostReading(
        read_at_ns=1, cpu_count=2, cpu_user_s=10.0, cpu_system_s=5.0, cpu_idle_s=100.0, cpu_iowait_s=None,
        cpu_steal_s=None, load_1m=2.0, memory_total_bytes=8000, memory_available_bytes=3000, swap_used_bytes=0,
    )  # fmt: skip
    quota = Limits(cpu_cores=0.2, cpu_quota_us=20_000, cpu_period_us=100_000, cpu_weight=100, memory_bytes=1 << 26)
    return Snapshot(
        at_ms=NOW_MS,
        interval_s=1.0,
        host=HOST,
        cgroup="hybrid",
        host_sample=Sample({}),
        targets=now.targets,
        samples={},
        limits={ID_A: quota, ID_B: Limits(UNLIMITED, UNLIMITED, 100_000, 100, UNLIMITED)},
        readings={ID_A: reading, ID_B: CgroupReading(1, 8, cpu_usage_ns=1, cpu_periods=5)},
        host_reading=host,
        devices={"8:0": "sda"},
    )


class ScriptedAgent:
    """Answers what the test told it; away when ``frame_now`` is None."""

    def __init__(self, first: Frame | None = None) -> None:
        self.frame_now = first
        self.age: float | None = 0.2
        self.commands: list[Command] = []
        self.answers: dict[str, object] = {}
        self.replies: dict[str, Reply] = {}
        self.closed = False
        self.replayed: list[tuple[str, int, int]] = []
        self.tried: list[WhatIf] = []
        self.backtest_fault: WharfingerError | None = None
        self._fresh = threading.Condition()

    def replay(self, text: str, since_ms: int, until_ms: int) -> list[dict[str, object]]:
        self.replayed.append((text, since_ms, until_ms))
        return []

    def backtest(self, asked: WhatIf) -> dict[str, object]:
        if self.backtest_fault is not None:
            raise self.backtest_fault
        self.tried.append(asked)
        numbers: dict[str, float | None] = {"mean": 0.5, "min": 0.5, "max": None}
        judged = {policy: {"throttled_period_ratio": numbers} for policy in asked.policies}
        measured = {"throttled_period_ratio": 0.25, "cpu_usage_cores": None}
        return {"traces": ["api"], "seeds": asked.seeds, "policies": judged, "seconds": 60, "measured": measured}

    def publish(self, newer: Frame) -> None:
        with self._fresh:
            self.frame_now = newer
            self._fresh.notify_all()

    def frame(self) -> Frame | None:
        return self.frame_now

    def age_s(self) -> float | None:
        return None if self.frame_now is None else self.age

    def wait(self, after_ms: int, timeout_s: float) -> Frame | None:
        def newer() -> bool:
            return self.frame_now is not None and self.frame_now.at_ms > after_ms

        with self._fresh:
            self._fresh.wait_for(newer, min(timeout_s, 0.2))
            return self.frame_now if newer() else None

    def ask(self, command: Command) -> Reply:
        if self.frame_now is None:
            raise AgentAway("the agent is away")
        self.commands.append(command)
        if command.name in self.replies:
            return self.replies[command.name]
        return Reply(200, self.answers.get(command.name, []))

    def snapshot(self) -> Snapshot:
        if self.frame_now is None:
            raise AgentAway("the agent is away")
        return snapshot()


class ScriptedSeries:
    """A store with one value a second for every container it knows: the second's number modulo 60."""

    def __init__(self, known: tuple[KnownContainer, ...] = (), events: tuple[Event, ...] = ()) -> None:
        self.known, self.kept = known, events
        self.queries: list[SeriesQuery] = []
        self.value_of: Callable[[int], float | None] = lambda at_ms: float(at_ms // 1000 % 60)

    def query(self, query: SeriesQuery) -> SeriesResult:
        self.queries.append(query)
        step_ms = query.step_ms or max(1000, (query.until_ms - query.since_ms) // (query.points or 10**9))
        t0_ms = query.since_ms // step_ms * step_ms
        column = [self.value_of(at) for at in range(t0_ms, query.until_ms, step_ms)]
        who = [("", query.host or HOST)] if query.of_host else [(key, "api") for key in query.containers or (ID_A,)]
        series = tuple(
            SeriesColumn(query.host or HOST, key, name, metric, "cores", column, column, column)
            for key, name in who
            for metric in query.metrics
        )
        return SeriesResult(t0_ms, step_ms, series)

    def hosts(self) -> tuple[str, ...]:
        return tuple(sorted({k.host for k in self.known}))

    def containers(
        self, *, seen_since_ms: int | None = None, metrics: tuple[str, ...] | None = None
    ) -> tuple[KnownContainer, ...]:
        del metrics
        return tuple(k for k in self.known if seen_since_ms is None or k.last_ms >= seen_since_ms)

    def events(
        self,
        *,
        since_ms: int | None = None,
        until_ms: int | None = None,
        container_id: str | None = None,
        kinds: tuple[str, ...] = (),
        after_id: int = 0,
        limit: int = 1000,
    ) -> tuple[Event, ...]:
        found = [
            e
            for e in self.kept
            if (since_ms is None or e.at_ms >= since_ms)
            and (until_ms is None or e.at_ms < until_ms)
            and (container_id is None or e.container_id == container_id)
            and (not kinds or e.kind in kinds)
            and e.id > after_id
        ]
        return tuple(found[:limit])

    def span(self) -> tuple[int, int] | None:
        return None

    def close(self) -> None:
        """Nothing is open."""


def known(key: str, name: str, *, host: str = HOST, last_ms: int = NOW_MS - 3_600_000) -> KnownContainer:
    service, latest = f"shop/{name}", {"cpu_usage_cores": 0.1}
    return KnownContainer(key, host, name, "docker", "busybox:1", "shop", service, last_ms - 60_000, last_ms, latest)


def transition() -> Transition:
    return Transition(NOW_MS, AlertState.PENDING, alert(), notify=True)


def labels_of(line: str) -> Mapping[str, str]:
    """Labels of one Prometheus line, for asserting."""
    inside = line.partition("{")[2].rpartition("}")[0]
    return {k: v.strip('"') for k, _, v in (part.partition("=") for part in inside.split(",")) if k}


def near(value: float, other: float) -> bool:
    return isclose(value, other, rel_tol=1e-9)
