"""``python -m tools.bench.quarter SECONDS FOLDER``: the agent through so many ticks, one after the other.

Memory of minutes (15 of them) is full at the end of a quarter of an hour; nobody wants to wait for that. The ticks are
real ones over this host's cgroups, with times of their own that end now. Prints JSON: the process's proportional set
size at the end, and the CPU of a tick (median of the last minute).
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from config.schema import AgentSettings, DiscoverySettings, LimitSettings, Settings
from daemon.agent import raise_file_limit
from daemon.house import AgentHouse
from tools.bench import proc

LAST = 60


def main(seconds: int, folder: Path) -> int:
    raise_file_limit()
    settings = Settings(
        agent=AgentSettings(data_dir=str(folder / "data"), run_dir=str(folder / "run")),
        discovery=DiscoverySettings(docker="off", podman="off", containerd="off"),
        limits=LimitSettings(mode="auto"),
    )
    house = AgentHouse(settings)
    spent: list[float] = []
    try:
        house.start()
        first = int(time.time()) - seconds
        for second in range(seconds):
            before = time.thread_time()
            house.tick((first + second) * 1000)
            spent.append(time.thread_time() - before)
        last = sorted(spent[-LAST:])
        print(json.dumps({"pss_bytes": proc.pss_bytes(os.getpid()), "tick_s": last[len(last) // 2]}))
    finally:
        house.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), Path(sys.argv[2])))
