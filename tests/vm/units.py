"""What runs in the guest after :mod:`tests.vm.inside`: the units of ``deploy/systemd`` under a real systemd.

``python3 -m tests.vm.units``; the outcomes go to ``/job/units.json``, and the tests outside judge.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

JOB = Path("/job")
UNITS = ("wharfinger-agent", "wharfinger-web")
FROM = Path("/src/deploy/systemd")
COMMAND = '#!/bin/sh\nPYTHONPATH=/src:/src/build/vm/site exec python3 -m cli.main "$@"\n'
PATIENCE_S = 120.0
SHOWN = "ActiveState,NRestarts,MainPID,Result,StatusErrno,ExecMainStatus"


def run(*words: str) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip()


def until(what: Callable[[], Any]) -> Any:
    """What is asked for, or what it was last when patience ended."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := what()) and time.monotonic() < deadline:
        time.sleep(0.5)
    return found


def shown(unit: str) -> dict[str, str]:
    lines = run("systemctl", "show", "-p", SHOWN, unit).splitlines()
    return dict(line.split("=", 1) for line in lines)


def ready() -> dict[str, Any] | None:
    try:
        with urllib.request.urlopen("http://127.0.0.1:9321/readyz", timeout=5) as answer:
            return dict(json.load(answer))
    except (OSError, ValueError):
        return None


def status(pid: str) -> dict[str, str]:
    """User and capabilities of a process."""
    rows = (line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line)
    found = {name: value.split() for name, value in rows}
    return {"uid": found["Uid"][1], "capabilities": found["CapEff"][0], "seccomp": found["Seccomp"][0]}


def install() -> None:
    command = Path("/usr/local/bin/wharfinger")
    command.write_text(COMMAND)
    command.chmod(0o755)
    for unit in UNITS:
        Path(f"/etc/systemd/system/{unit}.service").write_text((FROM / f"{unit}.service").read_text())
    run("systemd-sysusers", str(FROM / "wharfinger.sysusers"))
    run("systemctl", "daemon-reload")


def main() -> None:
    if not Path("/run/systemd/system").is_dir():
        (JOB / "units.json").write_text("{}")
        return
    install()
    result: dict[str, Any] = {}
    run("systemctl", "start", *UNITS)
    result["ready"] = until(ready)
    result["started"] = {unit: shown(unit) for unit in UNITS}
    pids = {unit: result["started"][unit]["MainPID"] for unit in UNITS}
    result["processes"] = {unit: status(pid) for unit, pid in pids.items() if pid != "0"}
    result["web_uid"] = run("id", "-u", "wharfinger")
    if pids[UNITS[0]] != "0":
        os.kill(int(pids[UNITS[0]]), signal.SIGKILL)
        until(lambda: shown(UNITS[0])["MainPID"] not in ("0", pids[UNITS[0]]))
        until(lambda: shown(UNITS[0])["ActiveState"] == "active")
    result["after_kill"] = shown(UNITS[0])
    result["journal"] = run("journalctl", "--no-pager", "-o", "cat", *(f"-u{unit}" for unit in UNITS))
    run("systemctl", "stop", *UNITS)
    result["stopped"] = {unit: shown(unit) for unit in UNITS}
    (JOB / "units.json").write_text(json.dumps(result))


if __name__ == "__main__":
    main()
