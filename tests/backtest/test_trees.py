"""The same container once in memory and once as a cgroup tree of files, read by the real reader and written by the real
actuator: both runs decide the same."""

from __future__ import annotations

import random
from array import array
from pathlib import Path

import pytest

from backtest.noise import gamma_table
from backtest.ours import Ours
from backtest.policies import as_given
from backtest.simulator import Options, Seen, Vessel
from backtest.trace import Trace
from collector.cgroupfs.files import Descriptors
from collector.cgroupfs.hierarchy import find_hierarchy
from collector.cgroupfs.knobs import Knob, knob_path
from collector.cgroupfs.plan import plan_for
from collector.cgroupfs.reader import CgroupReader
from collector.derive import container_values
from config.schema import HostSettings
from limits.actuator.cgroupfs import CgroupActuator
from limits.actuator.dry_run import DryRun
from limits.controller import Controller
from model.reading import CgroupReading
from model.sample import Sample, Snapshot
from model.target import Target, TargetId
from storage.memory import MemoryState

KEY = "0" * 64
CGROUP = f"/docker/{KEY}"
SECONDS = 240
START_MS = 1_700_000_000_000
HOST = {"cpu_usage_cores": 0.5, "cpu_pressure_some_ratio": 0.0}


class Tree:
    """One container's files below ``root``, of either version."""

    def __init__(self, root: Path, *, v2: bool) -> None:
        self.root, self.v2 = root, v2
        self.usage_ns = self.periods = self.throttled = 0
        (root / "proc").mkdir()
        if v2:
            self._file("", "cgroup.controllers", "cpu memory")
            self._file("", "cgroup.procs", "")
            self._file(CGROUP, "cpu.max", "200000 100000")
            self._file(CGROUP, "cpu.weight", "100")
        else:
            for controller in ("cpu", "cpuacct"):
                self._file(f"/{controller}", "cgroup.procs", "")
            for name, text in (("cpu.cfs_quota_us", "200000"), ("cpu.cfs_period_us", "100000"), ("cpu.shares", "1024")):
                self._file(f"/cpu{CGROUP}", name, text)
        self.show(0.0, 0)

    def _file(self, folder: str, name: str, text: str) -> None:
        path = self.root / "tree" / folder.strip("/")
        path.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text + "\n")

    def show(self, usage_s: float, throttled: int, periods: int = 10) -> None:
        """A second went by."""
        self.usage_ns += round(usage_s * 1e9)
        self.periods, self.throttled = self.periods + periods, self.throttled + throttled
        stat = f"nr_periods {self.periods}\nnr_throttled {self.throttled}\n"
        if self.v2:
            usage = self.usage_ns // 1000
            self._file(
                CGROUP, "cpu.stat", f"usage_usec {usage}\nuser_usec {usage}\nsystem_usec 0\n{stat}throttled_usec 0"
            )
        else:
            self._file(f"/cpuacct{CGROUP}", "cpuacct.usage", str(self.usage_ns))
            self._file(f"/cpu{CGROUP}", "cpu.stat", f"{stat}throttled_time 0")


class OnPlainFiles(CgroupActuator):
    """A write to a kernel's file replaces its value; one to a plain file would leave the end of a longer one."""

    def _write(self, cgroup: str, knob: Knob, text: str) -> None:
        knob_path(self._trees(), cgroup, knob).write_text("")
        super()._write(cgroup, knob, text)


class OnFiles:
    """The controller over a tree: read by the collector's reader, written by the actuator. A fleet of one."""

    def __init__(self, tree: Tree, trace: Trace, options: Options) -> None:
        host = HostSettings(proc=str(tree.root / "proc"), cgroup=str(tree.root / "tree"))
        self.tree, self.controls = tree, [as_given(trace, options)]
        self.kernel, runtime, hierarchy = OnPlainFiles(host), DryRun(v2=tree.v2), find_hierarchy(host)
        runtime.add(KEY, trace.name, CGROUP, {"NanoCpus": 2_000_000_000})
        self.reader = CgroupReader(hierarchy, plan_for(hierarchy), CGROUP, Descriptors(100))
        self.reader.open()
        self.before: CgroupReading | None = self.reader.read(0)
        labels = {"wharfinger.limits": "auto", "wharfinger.cpu.min": "0.02", "wharfinger.cpu.max": "4.0"}
        self.target = Target(TargetId("docker", KEY, 1), CGROUP, trace.name, labels=labels)
        self.controller = Controller(
            Ours([trace], [as_given(trace, options)], options, "balanced").controller._desk.settings,
            "wharfinger.", host, MemoryState(), runtime, tuple, lambda _change: None, 8, kernel=self.kernel,
        )  # fmt: skip
        self.controller.recover(START_MS)

    def after(self, second: int, seen: list[Seen]) -> None:
        now_ms = START_MS + 1000 * (second + 1)
        usage, throttled = seen[0].usage, seen[0].throttled
        assert usage is not None
        self.tree.show(usage, round(10 * throttled))
        reading, limits = self.reader.read((second + 1) * 1_000_000_000), self.reader.limits()
        values = container_values(reading, self.before, limits, self.target, now_ms)
        self.before = reading
        snapshot = Snapshot(
            now_ms, 1.0, "quay", "v2" if self.tree.v2 else "v1", Sample(HOST), {KEY: self.target},
            {KEY: Sample(values)}, {KEY: limits},
        )  # fmt: skip
        self.controller.consider(snapshot, (), now_ms)
        while self.controller.act(now_ms) <= 0:
            pass
        cores = self.kernel.read(CGROUP).cpu_cores
        assert isinstance(cores, float)
        self.controls[0].quota = cores


def quotas(fleet: Ours | OnFiles, trace: Trace, options: Options) -> list[float]:
    """The quota after each second."""
    vessel = Vessel(trace, fleet.controls[0], random.Random(7), gamma_table(options.cv), options.cpu_max)
    found = []
    for second in range(SECONDS):
        fleet.after(second, [vessel.live(second)])
        found.append(round(vessel.control.quota, 2))
    return found


@pytest.mark.parametrize("v2", [False, True], ids=["v1", "v2"])
def test_files_and_memory_decide_the_same(tmp_path: Path, v2: bool) -> None:
    options = Options(cgroup="v2" if v2 else "v1")
    trace = Trace("web", array("d", [0.3] * 100 + [1.6] * 60 + [0.3] * 80))
    in_memory = quotas(Ours([trace], [as_given(trace, options)], options, "balanced"), trace, options)
    on_files = quotas(OnFiles(Tree(tmp_path, v2=v2), trace, options), trace, options)
    assert on_files == in_memory
    assert len(set(on_files)) > 5, "a run in which nothing was decided would prove nothing"
