"""Podman's API service with storage of its own: the second runtime that speaks Docker's API."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tools.servers.docker import busybox_binary, busybox_tree, pings
from tools.servers.process import Child, Missing, find_binary, launch, make_folder, remove_folder

IMAGE = "localhost/wharfinger-test/busybox:1"
LIMITS = ("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024")
"""Podman's defaults are above what a restricted root may set."""


class Podman:
    """``podman system service`` on a socket of its own. ``address``: its ``unix://…``; ``run`` starts a container."""

    def __init__(self) -> None:
        binary = find_binary("podman", "podman")
        runtime = find_binary("runc", "runc")
        if os.geteuid() != 0:
            raise Missing("Podman's test storage needs root")
        self.folder = make_folder("podman")
        self.image = IMAGE
        self.address = f"unix://{self.folder / 'podman.sock'}"
        # A socket file of podman appears with the service; runc and cgroupfs work on v1, hybrid and v2 hosts alike.
        self._argv = [binary, "--root", str(self.folder / "root"), "--runroot", str(self.folder / "run")]
        self._argv += ["--tmpdir", str(self.folder / "tmp"), "--storage-driver", "vfs"]
        self._argv += ["--runtime", runtime, "--cgroup-manager", "cgroupfs", "--events-backend", "file"]
        self._ids: list[str] = []
        tree = self.folder / "busybox.tar"
        tree.write_bytes(busybox_tree(busybox_binary()))
        try:
            self._podman("import", str(tree), IMAGE)
            argv = [*self._argv, "system", "service", "--time", "0", self.address]
            self._child: Child = launch("podman", argv, self.folder, lambda: pings(self.address))
        except RuntimeError:
            remove_folder(self.folder)
            raise

    def _podman(self, *arguments: str) -> str:
        done = subprocess.run([*self._argv, *arguments], capture_output=True, text=True, check=False, timeout=60)
        if done.returncode:
            raise RuntimeError(f"podman {arguments[0]}: {done.stderr.strip()}")
        return done.stdout.strip()

    def run(self, *command: str, options: tuple[str, ...] = ()) -> str:
        """Start a container in the background, without a network of its own; answers its full id."""
        container = self._podman("run", "--detach", "--network", "none", *LIMITS, *options, IMAGE, *command)
        self._ids.append(container)
        return container

    def pid_of(self, container: str) -> int:
        return int(self._podman("inspect", "--format", "{{.State.Pid}}", container))

    def restart(self, container: str) -> None:
        self._podman("restart", "--time", "0", container)

    def remove(self, container: str) -> None:
        self._podman("rm", "--force", "--time", "0", container)
        self._ids.remove(container)

    def socket(self) -> Path:
        return Path(self.address.removeprefix("unix://"))

    def close(self) -> None:
        for container in list(self._ids):
            self.remove(container)
        self._child.stop()
        remove_folder(self.folder)
