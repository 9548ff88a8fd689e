"""The agent and the web process, each started, killed and started again, on a disk of their own that can be full."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "a-token-of-the-soak-0123456789"
KINDS = ("agent", "web")


class Disk:
    """A small file system in memory for the stores. Root only."""

    def __init__(self, folder: Path, megabytes: int) -> None:
        self.folder = folder
        folder.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "soak", str(folder)], check=True)

    def fill(self) -> None:
        with contextlib.suppress(OSError), (self.folder / "ballast").open("ab", buffering=0) as ballast:
            while ballast.write(b"\0" * 65536):
                pass

    def empty(self) -> None:
        (self.folder / "ballast").unlink(missing_ok=True)

    def close(self) -> None:
        subprocess.run(["umount", "-l", str(self.folder)], check=True)


class Ship:
    """``environ``: settings of each kind. What ends without being told to is counted in ``ended`` and started again."""

    def __init__(self, folder: Path, port: int, environ: Mapping[str, Mapping[str, str]]) -> None:
        self.folder, self.url = folder, f"http://127.0.0.1:{port}"
        self.clock = folder / "clock"
        self._environ = environ
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.ended: list[tuple[str, int]] = []
        self.grown: dict[str, list[tuple[float, int, int, int]]] = {kind: [] for kind in KINDS}
        """Seconds, pid, resident kilobytes and descriptors."""
        self._stop = threading.Event()
        self._watch = threading.Thread(target=self._look, name="look", daemon=True)

    def set_clock(self, seconds: float) -> None:
        new = self.clock.with_suffix(".new")
        new.write_text(str(seconds))
        new.rename(self.clock)

    def start(self) -> None:
        self.set_clock(0.0)
        for kind in KINDS:
            self.launch(kind)
        self._watch.start()

    def launch(self, kind: str) -> None:
        with (self.folder / f"{kind}.log").open("ab") as log:
            self._processes[kind] = subprocess.Popen(
                [sys.executable, "-m", "tools.soak.clocked", str(self.clock), kind],
                cwd=ROOT,
                env={**os.environ, **self._environ[kind]},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def kill(self, kind: str) -> None:
        """kill -9, and begun anew."""
        process = self._processes[kind]
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.launch(kind)

    def answer(self, path: str, timeout_s: float = 5.0) -> tuple[int, bytes]:
        """Status and body; status 0: no answer."""
        request = urllib.request.Request(f"{self.url}{path}", headers={"Authorization": f"Bearer {TOKEN}"})
        try:
            with urllib.request.urlopen(request, timeout=timeout_s) as reply:
                return reply.status, reply.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()
        except OSError:
            return 0, b""

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        environ = {**os.environ, **self._environ["agent"]}
        return subprocess.run(
            [sys.executable, "-m", "cli.main", *words],
            cwd=ROOT, env=environ, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    def stop(self) -> dict[str, int]:
        """SIGTERM to both; their exit codes."""
        self._stop.set()
        self._watch.join(10)
        codes = {}
        for kind in reversed(KINDS):
            process = self._processes[kind]
            process.terminate()
            try:
                codes[kind] = process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                codes[kind] = process.wait()
        return codes

    def _look(self) -> None:
        began = time.monotonic()
        while not self._stop.wait(1.0):
            for kind in KINDS:
                process = self._processes[kind]
                code = process.poll()
                if code is not None and code != -signal.SIGKILL:
                    self.ended.append((kind, code))
                    self.launch(kind)
                    continue
                with contextlib.suppress(OSError, ValueError, IndexError):
                    pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
                    files = len(os.listdir(f"/proc/{process.pid}/fd"))  # noqa: PTH208 - one call, no entry is looked at
                    self.grown[kind].append((time.monotonic() - began, process.pid, pages * 4, files))
