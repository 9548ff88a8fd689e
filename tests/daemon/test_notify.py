"""What the service manager is told, on a real datagram socket."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from daemon.notify import SELDOM_S, Notifier

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def manager(address: str) -> Iterator[socket.socket]:
    """The manager's side of the socket: a path, or ``@`` and an abstract name."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(f"\0{address[1:]}" if address.startswith("@") else address)
        listening.settimeout(30)
        yield listening


@pytest.mark.parametrize("kind", ["path", "abstract"])
def test_messages_arrive_one_a_datagram(tmp_path: Path, kind: str) -> None:
    address = str(tmp_path / "notify") if kind == "path" else f"@wharfinger-test-{os.getpid()}"
    with manager(address) as heard:
        told = Notifier(address, watchdog_s=3.0)
        told.beat()
        told.stopping()
        assert [heard.recv(100), heard.recv(100)] == [b"WATCHDOG=1", b"STOPPING=1"]


def test_without_a_manager_nothing_is_sent(caplog: pytest.LogCaptureFixture) -> None:
    told = Notifier.of({}, 7)
    told.ready()
    told.beat()
    assert told.beat_every_s == SELDOM_S
    assert not caplog.records


def test_a_manager_that_is_gone_is_logged_and_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        Notifier(str(tmp_path / "gone")).ready()
    assert "was not told READY=1" in caplog.text


@pytest.mark.parametrize(
    ("environ", "watchdog_s"),
    [
        ({"NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": "60000000"}, 60.0),
        ({"NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "7"}, 60.0),
        ({"NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "8"}, 0.0),
        ({"NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": "soon"}, 0.0),
        ({"NOTIFY_SOCKET": "/n"}, 0.0),
        ({"WATCHDOG_USEC": "60000000"}, 0.0),
    ],
)
def test_the_watchdog_is_ours_alone(environ: dict[str, str], watchdog_s: float) -> None:
    assert Notifier.of(environ, 7).watchdog_s == watchdog_s


@pytest.mark.parametrize("command", ["agent", "web"])
def test_each_process_tells_of_its_start_its_beats_and_its_end(tmp_path: Path, command: str) -> None:
    """As a unit of Type=notify with a watchdog starts them."""
    address = str(tmp_path / "notify")
    environ = {
        **os.environ,
        "NOTIFY_SOCKET": address,
        "WATCHDOG_USEC": "1500000",
        "WHARFINGER_AGENT__DATA_DIR": str(tmp_path / "data"),
        "WHARFINGER_AGENT__RUN_DIR": str(tmp_path / "run"),
        "WHARFINGER_DISCOVERY__DOCKER": "off",
        "WHARFINGER_DISCOVERY__PODMAN": "off",
        "WHARFINGER_WEB__LISTEN": "127.0.0.1:0",
    }
    (tmp_path / "data").mkdir()
    with manager(address) as heard:
        process = subprocess.Popen(
            [sys.executable, "-m", "cli.main", command],
            cwd=ROOT,
            env=environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert [heard.recv(100) for _ in range(3)] == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1"]
            process.send_signal(signal.SIGTERM)
            last = next(message for message in iter(lambda: heard.recv(100), b"") if message != b"WATCHDOG=1")
            assert last == b"STOPPING=1"
        finally:
            process.terminate()
            _, errors = process.communicate(timeout=20)
    assert process.returncode == 0, errors
    assert "was not told" not in errors
