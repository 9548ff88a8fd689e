"""A server as a child process with a folder of its own, ended by its pid, swept up after a crash."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path


class Missing(Exception):
    """A server can't be had on this machine; the text says why and what to install."""


def find_binary(name: str, package: str) -> str:
    """Path of a program, sbin folders included; raises :class:`Missing` naming the Debian package."""
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin")
    if path is None:
        raise Missing(f"{name} is not installed (Debian package {package})")
    return path


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def started_at(pid: int) -> int | None:
    """Start time of a process in clock ticks since boot (proc(5), stat field 22); None when it is gone or dead.

    Together with the pid it names one process for ever, so that no stranger who got the same pid is ended.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def shelf() -> Path:
    """Where the folders of all running test servers of this user stand. Short, for Unix socket paths."""
    path = Path(tempfile.gettempdir()) / f"wharfinger-servers-{os.getuid()}"
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def make_folder(name: str) -> Path:
    """A new folder for one server, marked with the process that owns it; see :func:`sweep`."""
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=shelf()))
    (folder / "owner.json").write_text(json.dumps([os.getpid(), started_at(os.getpid())]))
    return folder


class Child:
    """One running server. Its output goes to ``server.log`` in its folder, its pid to ``server.json``."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path, log: Path) -> None:
        self._process = process
        self.folder = folder
        self.log = log
        self.pid = process.pid
        atexit.register(self.stop)

    def alive(self) -> bool:
        return self._process.poll() is None

    def stop(self, seconds: float = 15.0) -> None:
        """SIGTERM, then SIGKILL after ``seconds``; harmless when it is gone already."""
        if self.alive():
            self._process.terminate()
            try:
                self._process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()
        atexit.unregister(self.stop)

    def kill(self) -> None:
        """SIGKILL: as if the power of that server alone had failed."""
        self._process.kill()
        self._process.wait()

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def tail(self, lines: int = 15) -> str:
        """The end of its log, for the message of a failed start."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def launch(
    name: str,
    argv: Sequence[str],
    folder: Path,
    ready: Callable[[], bool],
    *,
    seconds: float = 60.0,
    environ: Mapping[str, str] | None = None,
) -> Child:
    """Start a server and wait until ``ready()``; a server that ends or stays deaf raises with its log's end."""
    log = folder / f"{name}.log"
    with log.open("ab") as out:
        process = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            cwd=folder,
            env=environ,
            start_new_session=True,
        )
    (folder / f"{name}.pid.json").write_text(json.dumps([process.pid, started_at(process.pid)]))
    child = Child(process, folder, log)
    deadline = time.monotonic() + seconds
    while not ready():
        if not child.alive() or time.monotonic() > deadline:
            what = "is not ready" if child.alive() else f"ended with {process.returncode}"
            child.stop()
            raise RuntimeError(f"{name} {what}:\n{child.tail()}")
        time.sleep(0.05)
    return child


def answers(port: int) -> bool:
    """Does something listen on this loopback port?"""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def remove_folder(folder: Path) -> None:
    """Delete a server's folder; what a server mounted below it is unmounted first."""
    mounts = [line.split()[4].replace("\\040", " ") for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for mount in sorted((m for m in mounts if m.startswith(f"{folder}/")), reverse=True):
        subprocess.run(["umount", "-l", mount], check=False, stderr=subprocess.DEVNULL)
    shutil.rmtree(folder, ignore_errors=True)


def sweep() -> list[str]:
    """End and remove what test runs that were killed left behind; answers what was removed.

    Only servers whose owner is gone, and only processes whose pid *and* start time are those written down.
    """
    swept = []
    for folder in sorted(shelf().iterdir()):
        owner = folder / "owner.json"
        if not folder.is_dir() or _runs(owner) or (not owner.exists() and _age_s(folder) < 60):
            continue
        for record in folder.glob("*.pid.json"):
            _end(record)
        remove_folder(folder)
        swept.append(folder.name)
    return swept


def _age_s(folder: Path) -> float:
    return time.time() - folder.stat().st_mtime


def _runs(record: Path) -> bool:
    try:
        pid, start = json.loads(record.read_text())
    except (OSError, ValueError):
        return False
    return start is not None and started_at(pid) == start


def _end(record: Path, seconds: float = 15.0) -> None:
    if not _runs(record):
        return
    pid = json.loads(record.read_text())[0]
    deadline = time.monotonic() + seconds
    number = signal.SIGTERM
    while _runs(record):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        time.sleep(0.1)
        if time.monotonic() > deadline:
            number = signal.SIGKILL
