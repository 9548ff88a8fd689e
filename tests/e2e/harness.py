"""A whole wharfinger in a folder of its own: started as an operator starts it, asked as a program asks it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.wait import wait_until

DOCKER = "WHARFINGER_DISCOVERY__DOCKER"
"""Names the engine of the test: the machine's own, or one that the tests started."""
TOKEN = "e2e-token-of-one-test-run"
ROOT = Path(__file__).resolve().parents[2]


class Wharfinger:
    """``wharfinger run`` (or another command) with its own data folder and a free port."""

    def __init__(
        self, folder: Path, environ: Mapping[str, str], start: tuple[str, ...] = (), command: str = "run"
    ) -> None:
        """``start``: the words before the command, where it is not this interpreter that runs it."""
        self.folder = folder
        self.lines: list[str] = []
        self.environ = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "WHARFINGER_AGENT__DATA_DIR": str(folder / "data"),
            "WHARFINGER_AGENT__RUN_DIR": str(folder / "run"),
            "WHARFINGER_AGENT__HOST_NAME": "e2e",
            "WHARFINGER_WEB__LISTEN": "127.0.0.1:0",
            "WHARFINGER_WEB__API_TOKEN": TOKEN,
            "WHARFINGER_WEB__ADMIN_PASSWORD": "correct horse battery",
            "WHARFINGER_ALERTS__RULES": str(folder / "rules" / "*.toml"),
            **environ,
        }
        self.process = subprocess.Popen(
            [*(start or (sys.executable, "-m", "cli.main")), command],
            cwd=ROOT,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            ready = wait_until(self._ready, 30, "the ready line")
        except BaseException:
            self.stop()
            raise
        self.url = ready.split("url=")[1].split()[0]

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self.lines.append(line.rstrip("\n"))

    def _ready(self) -> str | None:
        if self.process.poll() is not None:
            raise RuntimeError("ended instead of starting:\n" + "\n".join(self.lines))
        return next((line for line in self.lines if line.startswith("wharfinger ready ")), None)

    def log(self) -> str:
        return "\n".join(self.lines)

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Another ``wharfinger`` command on the same folders."""
        return subprocess.run(
            [sys.executable, "-m", "cli.main", *words],
            cwd=ROOT,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def ask(self, method: str, path: str, body: object = None, token: str = TOKEN) -> tuple[int, Any]:
        """(status, decoded JSON) of one request to the API."""
        request = urllib.request.Request(
            f"{self.url}{path}"
            if path.startswith("/healthz") or path in ("/readyz", "/metrics")
            else f"{self.url}/api/v1{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {token}",
                **({} if body is None else {"Content-Type": "application/json"}),
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, decoded(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, decoded(error.read())

    def get(self, path: str, **query: object) -> Any:
        """The JSON of a GET that must be answered with 200."""
        words = urllib.parse.urlencode({k: v for k, v in query.items() if v is not None})
        status, document = self.ask("GET", f"{path}?{words}" if words else path)
        assert status == 200, (path, status, document)
        return document

    def items(self, path: str, **query: object) -> list[dict[str, Any]]:
        return list(self.get(path, **query)["items"])

    def child(self, name: str) -> int:
        """Pid of the agent's or the web's process."""
        return next(pid for pid, kind in children(self.process.pid) if kind == name)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(20)
            self._reader.join(5)
            return code
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"did not end on SIGTERM:\n{self.log()}") from None


def decoded(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except ValueError:
        return body.decode(errors="replace")


def children(parent: int) -> Iterator[tuple[int, str]]:
    """(pid, agent|web) of the supervisor's children: the agent holds the link's listening socket."""
    pids = [
        int(p)
        for p in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        if b"spawn_main" in Path(f"/proc/{p}/cmdline").read_bytes()
    ]
    for pid in sorted(pids):
        listens = any(is_tcp_listener(pid, link) for link in Path(f"/proc/{pid}/fd").iterdir())
        yield pid, "web" if listens else "agent"


def is_tcp_listener(pid: int, link: Path) -> bool:
    try:
        target = str(link.readlink())
    except OSError:
        return False
    if not target.startswith("socket:["):
        return False
    inode = target[8:-1]
    rows = (line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:])
    return any(row[9] == inode and row[3] == "0A" for row in rows)


@contextmanager
def running(folder: Path, start: tuple[str, ...] = (), command: str = "run", **environ: str) -> Iterator[Wharfinger]:
    """A wharfinger for the length of a block; it must end cleanly."""
    house = Wharfinger(folder, environ, start, command)
    try:
        yield house
    except BaseException:
        print(house.log())
        raise
    finally:
        house.stop()
