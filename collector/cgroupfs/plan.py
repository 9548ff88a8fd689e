"""Which file of which version is read for what: chosen per group of facts, once a host. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from collector.cgroupfs import v1, v2
from collector.cgroupfs.hierarchy import Hierarchy
from collector.cgroupfs.source import Choice, Source
from collector.cgroupfs.v1 import BlockIo


@dataclass(frozen=True, slots=True)
class Plan:
    """Files of the ticks, and the files of the limits; shared by all cgroups of the host."""

    choices: tuple[Choice, ...]
    limits: tuple[Source, ...]
    block_io: BlockIo


def plan_for(hierarchy: Hierarchy, ticks_per_second: int = 100, block_io: BlockIo | None = None) -> Plan:
    """The plan of a host. On a hybrid one each group comes from the side that has its controller;
    pressure, and exact user and system time, from the unified side.

    ``ticks_per_second``: USER_HZ, the unit of ``cpuacct.stat``.
    """
    block_io = block_io or BlockIo()
    on_v1, unified = hierarchy.controllers, hierarchy.unified is not None
    choices: list[Choice] = []
    limits: list[Source] = []
    if "cpuacct" in on_v1 and ("cpu" in on_v1 or not unified):
        times = v1.cpu_times(ticks_per_second)
        choices += [v1.cpu_usage(), (v2.cpu_times(), times) if unified else (times,)]
    elif unified:
        choices += v2.cpu()
    if "cpu" in on_v1:
        choices.append(v1.cpu_throttling())
        limits += v1.cpu_limits()
    elif unified:
        limits += v2.cpu_limits()
    if unified:
        choices += v2.pressures()
    if "memory" in on_v1:
        choices += v1.memory()
        limits += v1.memory_limits()
    elif unified:
        choices += v2.memory()
        limits += v2.memory_limits()
    if "blkio" in on_v1:
        choices += v1.io(block_io)
    elif unified:
        choices += v2.io()
    if "pids" in on_v1:
        choices.append(v1.pids())
        limits += v1.pids_limits()
    elif unified:
        choices.append(v2.pids())
        limits += v2.pids_limits()
    if "cpuset" in on_v1:
        limits += v1.cpuset_limits()
    elif unified:
        limits += v2.cpuset_limits()
    return Plan(tuple(choices), tuple(limits), block_io)
