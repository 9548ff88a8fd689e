"""Hosts on this machine: network namespaces, each joined to us by a cable of its own that can be pulled."""

from __future__ import annotations

import os
import shutil
import socketserver
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from socket import SHUT_WR, create_connection, socket


@dataclass(frozen=True)
class Host:
    """``address`` is the host's, ``ours`` our end of its cable; ``enter`` are the words that run a command there."""

    name: str
    address: str
    ours: str
    cable: str

    @property
    def enter(self) -> tuple[str, ...]:
        # not ip netns exec: that mounts another /sys, in which there are no cgroups
        return ("nsenter", f"--net=/var/run/netns/{self.name}")

    def pull(self) -> None:
        """Nothing of ours arrives there any more."""
        ip("route", "replace", "unreachable", f"{self.address}/32")

    def plug(self) -> None:
        ip("route", "del", "unreachable", f"{self.address}/32")


def ip(*words: str) -> None:
    subprocess.run(("ip", *words), check=True, capture_output=True, timeout=10)


def obstacle() -> str | None:
    """Why there can be no such hosts here; None where there can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    for program in ("ip", "nsenter"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    name = f"whf-look-{os.getpid()}"
    made = subprocess.run(("ip", "netns", "add", name), capture_output=True, check=False, timeout=10)
    if made.returncode:
        return f"no network namespace can be made: {made.stderr.decode(errors='replace').strip()}"
    ip("netns", "del", name)
    return None


@contextmanager
def hosts(count: int) -> Iterator[list[Host]]:
    """That many hosts for the length of a block."""
    number = os.getpid() % 200 + 20
    found = []
    with ExitStack() as after:
        for i in range(count):
            host = Host(
                f"whf-{os.getpid()}-{i}",
                f"10.213.{number}.{4 * i + 2}",
                f"10.213.{number}.{4 * i + 1}",
                f"whf{number}-{i}",
            )
            ip("netns", "add", host.name)
            after.callback(ip, "netns", "del", host.name)
            ip("link", "add", host.cable, "type", "veth", "peer", "name", "eth0", "netns", host.name)
            ip("addr", "add", f"{host.ours}/30", "dev", host.cable)
            ip("link", "set", host.cable, "up")
            for words in (
                ("addr", "add", f"{host.address}/30", "dev", "eth0"),
                ("link", "set", "eth0", "up"),
                ("link", "set", "lo", "up"),
            ):
                ip("-n", host.name, *words)
            found.append(host)
        yield found


@contextmanager
def relayed(port: int) -> Iterator[int]:
    """A port on every address of ours that leads to one of loopback."""

    class Relay(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with create_connection(("127.0.0.1", port), timeout=30) as far:
                far.settimeout(None)
                back = threading.Thread(target=copy, args=(far, self.request), daemon=True)
                back.start()
                copy(self.request, far)
                back.join(30)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with Server(("0.0.0.0", 0), Relay) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join(5)


def copy(source: socket, target: socket) -> None:
    try:
        while data := source.recv(65_536):
            target.sendall(data)
        target.shutdown(SHUT_WR)
    except OSError:
        return  # one of both has gone
