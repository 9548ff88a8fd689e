"""Cgroup trees for tests: tiny ones built by hand, and captured hosts planted from their archives."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from collector.cgroupfs.hierarchy import Hierarchy, find_hierarchy
from config.schema import HostSettings

HOSTS = Path(__file__).resolve().parent.parent / "fixtures" / "hosts"
HYBRID_HOST = "debian12-kernel6.18-hybrid-docker20.txt"
V2_HOST = "debian12-kernel6.1-cgroup2-docker20.txt"
SYSTEMD_HOST = "debian12-kernel6.1-cgroup2-systemd.txt"
CONTROLLERS_V2 = "cpuset cpu io memory hugetlb pids rdma misc\n"
CALM = "some avg10=0.00 avg60=0.00 avg300=0.00 total={}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total={}\n"
PROC = {
    "stat": "cpu  100 0 50 1000 10 0 5 2 0 0\ncpu0 100 0 50 1000 10 0 5 2 0 0\n",
    "meminfo": "MemTotal: 1000000 kB\nMemFree: 400000 kB\nMemAvailable: 600000 kB\nBuffers: 1 kB\nCached: 2 kB\n"
    "Active: 3 kB\nInactive: 4 kB\nShmem: 0 kB\nSlab: 0 kB\nSReclaimable: 0 kB\nSwapTotal: 2000 kB\nSwapFree: 500 kB\n",
    "loadavg": "0.50 0.40 0.30 1/123 4567\n",
    "vmstat": "pgfault 1000\npgmajfault 10\noom_kill 1\npswpin 0\npswpout 0\n",
    "diskstats": " 254 0 vda 10 0 100 0 20 0 200 0 0 0 0\n 254 1 vda1 1 0 1 0 1 0 1 0 0 0 0\n",
    "pressure/cpu": CALM.format(1000, 0),
    "pressure/memory": CALM.format(0, 0),
    "pressure/io": CALM.format(7, 6),
    "1/net/dev": "Inter-|   Receive\n face |bytes\n    lo: 9 9 0 0 0 0 0 0 9 9 0 0 0 0 0 0\n"
    "  eth0: 100 2 0 1 0 0 0 0 50 1 0 0 0 0 0 0\n",
    "1/mounts": "/dev/vda / ext4 rw 0 0\nproc /proc proc rw 0 0\n",
}
"""A /proc that psutil can read, of a host with one processor."""


def plant(root: Path, files: Mapping[str, str]) -> Path:
    """Write these texts below ``root``; answers ``root``."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def archive(name: str) -> dict[str, str]:
    """The texts of a captured host, by path."""
    files: dict[str, str] = {}
    path, lines = "", []
    for line in (HOSTS / name).read_text().splitlines(keepends=True):
        if line.startswith("=== "):
            if path:
                files[path] = "".join(lines)
            path, lines = line[4:].strip(), []
        elif path:
            lines.append(line)
    files[path] = "".join(lines)
    return files


def host(folder: Path, cgroup_files: Mapping[str, str], proc: Mapping[str, str] = PROC) -> HostSettings:
    """Settings of a host whose whole outside is below ``folder``."""
    plant(folder / "cgroup", cgroup_files)
    plant(folder / "proc", proc)
    (folder / "sys/block/vda").mkdir(parents=True, exist_ok=True)
    return HostSettings(str(folder / "proc"), str(folder / "sys"), str(folder / "cgroup"))


def captured(folder: Path, name: str) -> tuple[HostSettings, Hierarchy]:
    """A captured host, planted."""
    texts = archive(name)
    cgroup = {path: text for path, text in texts.items() if not path.startswith("proc/")}
    if not any(path.endswith("cgroup.procs") and path.count("/") <= 1 for path in cgroup):
        cgroup |= {"cgroup.controllers": CONTROLLERS_V2, "cgroup.procs": ""}
    settings = host(folder, cgroup)
    return settings, find_hierarchy(settings)


def v2_cgroup(path: str, **texts: str) -> dict[str, str]:
    """Files of one v2 cgroup; ``cpu_stat="…"`` names ``cpu.stat``; the rest is as of a small idle container."""
    files = {
        "cgroup.procs": "",
        "cpu.stat": "usage_usec 1000\nuser_usec 600\nsystem_usec 400\nnr_periods 0\nnr_throttled 0\nthrottled_usec 0\n",
        "cpu.max": "max 100000\n",
        "cpu.weight": "100\n",
        "memory.current": "1000000\n",
        "memory.stat": "anon 500000\nfile 400000\ninactive_file 100000\nactive_file 300000\npgfault 10\npgmajfault 1\n",
        "memory.events": "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\n",
        "memory.max": "max\n",
        "io.stat": "",
        "pids.current": "1\n",
        "pids.max": "max\n",
    }
    for name, text in texts.items():
        files[name.replace("_", ".", 1)] = text
    return {f"{path.strip('/')}/{name}": text for name, text in files.items()}


def v2_root() -> dict[str, str]:
    return {"cgroup.controllers": CONTROLLERS_V2, "cgroup.procs": "1\n"}


def remake(folder: Path, files: Mapping[str, str], root: Path) -> None:
    """Take a cgroup's directory away and make it anew: another inode, as after a restart.

    The old one is kept elsewhere: a real kernel does not give its inode out again, an ordinary file system may."""
    folder.rename(root.parent / f"buried-{folder.stat().st_ino}")
    plant(root, files)
