"""The airbag on a real kernel with cgroup v2: containers that outgrow the tick, in the guest of ``tests/vm``.

The outcomes are kept in ``build/airbag.json``, from where they go onto the page.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.vm.guest import Guest
from tools.evaluation.cells import ROOT

KEPT = ROOT / "build/airbag.json"
DRIVERS = ("cgroupfs", "systemd")
"""Docker's cgroup drivers."""
COMMAND = "export PYTHONPATH=/src:/src/build/vm/site; exec python3 -m tests.vm.growing {}"
BOOT_S, RUN_S = 300.0, 150.0
HEAD = ("Docker's driver", "MiB/s", "runs", "killed", "reached 300 MiB", "seconds for it")
Outcome = Mapping[str, Any]


def run(driver: str, runs: int) -> None:
    """Boot once, let each rate grow so many times, keep the outcomes in place of what this driver had before.

    Raises ``Missing`` where this machine cannot make the guest, RuntimeError where the guest did not do its job.
    """
    guest = Guest(systemd=driver == "systemd")
    try:
        done = guest.run(COMMAND.format(runs), seconds=BOOT_S + RUN_S * runs)
        if done.code:
            raise RuntimeError(f"the guest ended with {done.code}:\n{done.output[-3000:]}")
        outcomes = json.loads((done.folder / "growing.json").read_text())
    finally:
        guest.close()
    KEPT.parent.mkdir(parents=True, exist_ok=True)
    KEPT.write_text(json.dumps({**kept(), driver: outcomes}))


def kept(path: Path = KEPT) -> dict[str, list[Outcome]]:
    """Docker's cgroup driver → outcomes; empty where it was never run."""
    return dict(json.loads(path.read_text())) if path.exists() else {}


def table(outcomes: Mapping[str, Sequence[Outcome]]) -> list[str]:
    """A row a driver and rate; nothing without outcomes. Pure."""
    if not outcomes:
        return []
    lines = [f"| {' | '.join(HEAD)} |", "|---" * len(HEAD) + "|"]
    for driver, found in outcomes.items():
        for rate in sorted({row["rate"] for row in found}):
            runs = [row for row in found if row["rate"] == rate]
            killed = sum(1 for row in runs if row["kills"] != 0 or not row["running"])
            seconds = sorted(row["seconds"] for row in runs if row["seconds"] is not None)
            spread = f"{seconds[len(seconds) // 2]:.1f} ({seconds[0]:.1f}–{seconds[-1]:.1f})" if seconds else "–"
            lines.append(f"| {driver} | {rate} | {len(runs)} | {killed} | {len(seconds)} | {spread} |")
    return lines
