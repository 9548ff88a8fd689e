"""One cgroup through its files: captured hosts, lost and remade cgroups, rights, the descriptor budget."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from collector.cgroupfs.files import Descriptors, Gone, descriptor_budget, why
from collector.cgroupfs.hierarchy import Hierarchy, find_hierarchy
from collector.cgroupfs.plan import plan_for
from collector.cgroupfs.reader import WHOLE_EVERY, CgroupReader
from collector.derive import working_set
from config.schema import HostSettings
from model.limits import UNLIMITED
from model.reading import CgroupReading, IoDevice
from tests.support.trees import HYBRID_HOST, V2_HOST, archive, captured, host, plant, v2_cgroup, v2_root


def reader_of(hierarchy: Hierarchy, cgroup: str, budget: int = 1000) -> CgroupReader:
    reader = CgroupReader(hierarchy, plan_for(hierarchy), cgroup, Descriptors(budget))
    reader.open()
    return reader


def cgroups(name: str, ending: str) -> list[str]:
    """Container cgroups of a captured host that have a file of that name."""
    return sorted(
        f"/docker/{path.split('docker/')[1].removesuffix(ending)}"
        for path in archive(name)
        if "docker/" in path and path.endswith(ending)
    )


def docker_formula(texts: dict[str, str], v1: bool, cgroup: str) -> int:
    """docker/cli's calculateMemUsageUnixNoCache, over the captured texts."""
    folder = f"memory{cgroup}/" if v1 else f"{cgroup.lstrip('/')}/"
    usage = int(texts[folder + ("memory.usage_in_bytes" if v1 else "memory.current")])
    stats = dict(line.split() for line in texts[folder + "memory.stat"].splitlines())
    if "total_inactive_file" in stats and int(stats["total_inactive_file"]) < usage:
        return usage - int(stats["total_inactive_file"])
    if int(stats["inactive_file"]) < usage:
        return usage - int(stats["inactive_file"])
    return usage


@pytest.mark.parametrize("name", [HYBRID_HOST, V2_HOST])
def test_memory_is_dockers_to_the_byte(tmp_path: Path, name: str) -> None:
    _, hierarchy = captured(tmp_path, name)
    texts = archive(name)
    paths = cgroups(name, "/memory.stat")
    assert paths
    for path in paths:
        reading = reader_of(hierarchy, path).read(1)
        assert working_set(reading) == docker_formula(texts, hierarchy.mode != "v2", path)


def test_a_hybrid_host_is_read_from_the_side_that_has_it(tmp_path: Path) -> None:
    _, hierarchy = captured(tmp_path, HYBRID_HOST)
    texts = archive(HYBRID_HOST)
    (path,) = [p for p in cgroups(HYBRID_HOST, "/cpu.cfs_quota_us") if texts[f"cpu{p}/cpu.cfs_quota_us"] == "20000\n"]
    reader = reader_of(hierarchy, path)
    limits, reading = reader.limits(1 << 40), reader.read(5)
    assert not reader.faults
    assert reading.cpu_usage_ns == int(texts[f"cpuacct{path}/cpuacct.usage"])
    assert reading.cpu_user_ns == 1000 * int(texts[f"unified{path}/cpu.stat"].split()[3])
    assert reading.cpu_throttled_periods == int(texts[f"cpu{path}/cpu.stat"].split()[3])
    assert reading.cpu_throttled_ns == int(texts[f"cpu{path}/cpu.stat"].split()[5])
    assert reading.cpu_pressure_some_us == int(texts[f"unified{path}/cpu.pressure"].split()[4][6:])
    assert reading.memory_peak_bytes == int(texts[f"memory{path}/memory.max_usage_in_bytes"])
    assert reading.memory_kernel_bytes == int(texts[f"memory{path}/memory.kmem.usage_in_bytes"])
    assert reading.memory_max_events == int(texts[f"memory{path}/memory.failcnt"])
    assert reading.memory_oom_kills == 0
    assert reading.pids == int(texts[f"pids{path}/pids.current"])
    assert reading.io_devices
    assert reading.io_devices[0].write_bytes > 0
    assert (reading.memory_high_events, reading.memory_oom_events) == (None, None), "v1 does not offer them"
    assert (limits.cpu_cores, limits.cpu_quota_us, limits.cpu_period_us) == (0.2, 20000, 100000)
    assert limits.cpu_weight == 50, "512 shares are half of the default"
    assert (limits.memory_bytes, limits.memory_swap_bytes, limits.pids) == (64 << 20, 64 << 20, 100)
    assert (limits.memory_high_bytes, limits.memory_low_bytes) == (None, None)


def test_a_v2_host(tmp_path: Path) -> None:
    _, hierarchy = captured(tmp_path, V2_HOST)
    path = "/docker/afc6f1741b53e0c3e7631c953c06a30e20f5d611b7d0e72e5c0a9440fad5a262"
    reader = reader_of(hierarchy, path)
    reading = reader.read(5)
    assert reading == CgroupReading(
        read_at_ns=5,
        inode=os.stat(f"{hierarchy.unified}{path}").st_ino,  # noqa: PTH116
        cpu_usage_ns=54568375000,
        cpu_user_ns=31102573000,
        cpu_system_ns=23465802000,
        cpu_periods=849,
        cpu_throttled_periods=579,
        cpu_throttled_ns=70015242000,
        cpu_burst_periods=1,
        cpu_burst_ns=30000000,
        cpu_pressure_some_us=55231515,
        cpu_pressure_full_us=46351881,
        memory_usage_bytes=40591360,
        memory_peak_bytes=65769472,
        memory_anon_bytes=159744,
        memory_file_bytes=40226816,
        memory_inactive_file_bytes=38735872,
        memory_active_file_bytes=1490944,
        memory_mapped_file_bytes=1433600,
        memory_shmem_bytes=0,
        memory_dirty_bytes=0,
        memory_writeback_bytes=0,
        memory_kernel_bytes=1429504,
        memory_swap_bytes=0,
        memory_page_faults=5554,
        memory_major_faults=42,
        memory_refaults_file=123231,
        memory_refaults_anon=0,
        memory_pages_scanned=167496,
        memory_pages_reclaimed=166818,
        memory_high_events=672,
        memory_max_events=1356,
        memory_oom_events=0,
        memory_oom_kills=0,
        memory_pressure_some_us=6384398,
        memory_pressure_full_us=4679344,
        io_devices=(IoDevice("254:0", 496861184, 560332800, 3841, 583),),
        io_pressure_some_us=999701,
        io_pressure_full_us=498173,
        pids=3,
    )
    limits = reader.limits()
    assert (limits.cpu_cores, limits.cpu_weight, limits.memory_bytes) == (0.2, 20, 41943040)
    assert (limits.memory_high_bytes, limits.memory_swap_bytes, limits.pids) == (UNLIMITED, UNLIMITED, 100)
    assert limits.cpus == {0, 1}


def v2_host(folder: Path, **texts: str) -> tuple[Path, Hierarchy]:
    settings = host(folder, v2_root() | v2_cgroup("/docker/a", **texts))
    return folder / "cgroup/docker/a", find_hierarchy(settings)


def test_a_limit_above_the_memory_of_the_host_bounds_nothing(tmp_path: Path) -> None:
    _, hierarchy = v2_host(tmp_path, memory_max="1000\n")
    reader = reader_of(hierarchy, "/docker/a")
    assert reader.limits(1001).memory_bytes == 1000
    assert reader.limits(1000).memory_bytes is UNLIMITED
    assert reader.limits().cpu_cores is UNLIMITED


def test_values_that_change_are_read_again_and_the_same_text_is_kept(tmp_path: Path) -> None:
    folder, hierarchy = v2_host(tmp_path)
    reader = reader_of(hierarchy, "/docker/a")
    first = reader.read(1)
    (folder / "memory.current").write_text("2000000\n")
    second = reader.read(2)
    assert (first.memory_usage_bytes, second.memory_usage_bytes) == (1000000, 2000000)
    assert first.memory_anon_bytes == second.memory_anon_bytes == 500000
    assert first.cpu_pressure_some_us is None, "a kernel without PSI has no such file"


def test_where_nothing_moves_the_rest_is_read_at_every_fifth_tick(tmp_path: Path) -> None:
    folder, hierarchy = v2_host(tmp_path)
    reader = reader_of(hierarchy, "/docker/a")
    for at in range(10):
        reader.read(at)
    assert not reader.changed
    seen = []
    for at in range(10, 20):
        (folder / "pids.current").write_text(f"{at}\n")
        seen.append((reader.read(at).pids, reader.changed))
    first = next(i for i, (_, changed) in enumerate(seen) if changed)
    assert first < WHOLE_EVERY
    assert [pids for pids, _ in seen[first:]] == list(range(10 + first, 20)), "what moved is read until it stands"
    for at in range(20, 30):
        reader.read(at)
    (folder / "pids.current").write_text("7\n")
    (folder / "cpu.stat").write_text((folder / "cpu.stat").read_text().replace("usage_usec ", "usage_usec 1"))
    assert (reader.read(30).pids, reader.changed) == (7, True), "something ran: everything is read at once"


def test_a_text_that_is_longer_than_expected_is_read_whole(tmp_path: Path) -> None:
    folder, hierarchy = v2_host(tmp_path)
    reader = reader_of(hierarchy, "/docker/a")
    more = "".join(f"a_newer_kernels_key_{i} {i}\n" for i in range(40))
    (folder / "memory.events").write_text(f"{more}max 3\noom_kill 123456\n")
    for at in range(3):
        assert reader.read(at).memory_oom_kills == 123456
    assert not reader.faults


def test_without_its_cpu_usage_a_cgroup_is_read_whole(tmp_path: Path) -> None:
    folder, hierarchy = v2_host(tmp_path)
    (folder / "cpu.stat").unlink()
    reader = reader_of(hierarchy, "/docker/a")
    for at in range(10):
        reader.read(at)
    for at in range(10, 20):
        (folder / "pids.current").write_text(f"{at}\n")
        assert reader.read(at).pids == at


def test_limits_are_the_same_object_until_a_text_is_another(tmp_path: Path) -> None:
    folder, hierarchy = v2_host(tmp_path)
    reader = reader_of(hierarchy, "/docker/a")
    first = reader.limits(1 << 40)
    assert reader.limits(1 << 40) is first
    (folder / "pids.max").write_text("77\n")
    assert reader.limits(1 << 40).pids == 77
    (folder / "pids.max").write_text("rubbish\n")
    for _ in range(2):
        assert reader.limits(1 << 40).pids is None
        assert [part for part, _ in reader.faults] == ["limits"], "said as long as it is so"
    (folder / "pids.max").write_text("77\n")
    assert reader.limits(1 << 40).pids == 77
    assert not reader.faults


def test_a_file_that_comes_late_is_found(tmp_path: Path) -> None:
    folder, hierarchy = v2_host(tmp_path)
    (folder / "pids.current").unlink()
    reader = reader_of(hierarchy, "/docker/a")
    assert reader.read(1).pids is None
    (folder / "pids.current").write_text("4\n")
    assert reader.read(2).pids == 4


def test_garbage_in_one_file_is_a_fault_of_one_part(tmp_path: Path) -> None:
    folder, hierarchy = v2_host(tmp_path)
    reader = reader_of(hierarchy, "/docker/a")
    reader.read(1)
    (folder / "memory.stat").write_text("\x00garbage\n")
    reading = reader.read(2)
    assert (reading.memory_anon_bytes, reading.memory_usage_bytes) == (None, 1000000)
    assert [part for part, _ in reader.faults] == ["memory"]
    (folder / "memory.stat").write_text("anon 5\n")
    assert reader.read(3).memory_anon_bytes == 5
    assert not reader.faults
    (folder / "cpu.max").write_text("nonsense\n")
    assert reader.limits().cpu_cores is None
    assert [part for part, _ in reader.faults] == ["limits"]


def test_a_file_that_cannot_be_read_is_a_fault_and_the_others_are_read(tmp_path: Path) -> None:
    folder, hierarchy = v2_host(tmp_path)
    (folder / "memory.stat").unlink()
    (folder / "memory.stat").mkdir()  # opens, and does not read: EISDIR
    reader = reader_of(hierarchy, "/docker/a")
    assert reader.read(1).memory_usage_bytes == 1000000
    assert [part for part, _ in reader.faults] == ["memory"]


@pytest.mark.parametrize(
    ("code", "words"), [(errno.EACCES, "run as root"), (errno.EMFILE, "LimitNOFILE"), (errno.EIO, "error")]
)
def test_an_error_of_the_system_says_what_to_do(code: int, words: str) -> None:
    assert words in why(OSError(code, os.strerror(code), "/sys/fs/cgroup/x"))


def test_the_budget_of_descriptors_is_kept_and_given_back(tmp_path: Path) -> None:
    _, hierarchy = v2_host(tmp_path)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for budget in (0, 3, 1000):
        descriptors = Descriptors(budget)
        reader = CgroupReader(hierarchy, plan_for(hierarchy), "/docker/a", descriptors)
        reader.open()
        assert descriptors.used <= budget
        readings = [reader.read(n) for n in range(8)]
        assert {(r.cpu_usage_ns, r.memory_usage_bytes, r.pids) for r in readings} == {(1000000, 1000000, 1)}
        reader.close()
        assert descriptors.used == 0
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert 0 <= descriptor_budget() <= 65_536


@pytest.mark.parametrize("budget", [0, 1000])
def test_gone(tmp_path: Path, budget: int) -> None:
    folder, hierarchy = v2_host(tmp_path)
    reader = reader_of(hierarchy, "/docker/a", budget)
    reader.read(1)
    shutil.rmtree(folder)
    if budget == 0:  # an ordinary file system answers from a removed file; a cgroup's says ENODEV
        with pytest.raises(Gone):
            reader.read(2)
    with pytest.raises(Gone):
        reader.open()
    with pytest.raises(Gone):
        reader_of(hierarchy, "/docker/never")


def test_throttling_is_read_only_with_a_quota(tmp_path: Path) -> None:
    files = {f"{c}/cgroup.procs": "" for c in ("cpu", "cpuacct", "memory")}
    stat = "nr_periods {0}\nnr_throttled {0}\nthrottled_time {0}\n"
    files |= {"cpu/docker/a/cpu.stat": stat.format(1), "cpu/docker/a/cpu.cfs_quota_us": "-1\n"}
    files |= {"cpu/docker/a/cpu.cfs_period_us": "100000\n", "cpu/docker/a/cpu.shares": "1024\n"}
    files |= {"cpuacct/docker/a/cpuacct.usage": "5\n", "cpuacct/docker/a/cpuacct.stat": "user 3\nsystem 4\n"}
    files |= {"memory/docker/a/memory.usage_in_bytes": "9\n"}
    hierarchy = find_hierarchy(host(tmp_path, files))
    assert hierarchy.mode == "v1"
    reader = reader_of(hierarchy, "/docker/a")
    assert reader.limits().cpu_cores is UNLIMITED
    assert reader.read(1).cpu_throttled_periods == 1
    cpu = plant(tmp_path / "cgroup/cpu/docker/a", {"cpu.stat": stat.format(2)})
    assert reader.read(2).cpu_throttled_periods == 1
    plant(cpu, {"cpu.cfs_quota_us": "50000\n"})
    assert reader.limits().cpu_cores == 0.5
    reading = reader.read(3)
    assert (reading.cpu_throttled_periods, reading.cpu_throttled_ns) == (2, 2)
    assert (reading.cpu_usage_ns, reading.cpu_user_ns, reading.cpu_system_ns) == (5, 30_000_000, 40_000_000)


@pytest.mark.root
def test_a_real_cgroup_that_is_made_anew_is_another(as_root: None) -> None:
    hierarchy = find_hierarchy(HostSettings())
    path = f"/wharfinger-test-{os.getpid()}"
    roots = {hierarchy.root(name) for name in (*hierarchy.controllers, "unified")} - {None}
    folders = [root / path.lstrip("/") for root in roots if root is not None]

    def make() -> None:
        for folder in folders:
            folder.mkdir()

    def remove() -> None:
        for folder in folders:
            if folder.exists():
                folder.rmdir()

    try:
        make()
        reader = reader_of(hierarchy, path)
        first = reader.read(1)
        remove()
        make()
        second = reader.read(2)
        assert second.inode != first.inode
        assert second.cpu_usage_ns == 0
        remove()
        with pytest.raises(Gone):
            reader.read(3)
        reader.close()
    finally:
        remove()
