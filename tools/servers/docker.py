"""A Docker engine for tests: the machine's own where one answers, else a dockerd of ours; and a tiny image."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.models.containers import Container

from collector.discovery.transport import Adapter
from tools.servers.process import Child, Missing, find_binary, launch, make_folder, remove_folder, started_at

MACHINE_SOCKET = "/var/run/docker.sock"
API_VERSION = "1.41"
"""Of Docker 20.10 and later."""
IMAGE = "wharfinger-test/busybox:1"
LABEL = "wharfinger.test"
OWNER_LABEL = "wharfinger.test.owner"
"""Pid and start time of the process that started the container: what :meth:`DockerEngine.sweep` goes by."""


def busybox_tree(binary: Path) -> bytes:
    """A root file system with one static busybox and a link for each of its applets, as a tar: what
    ``docker import`` takes."""
    listed = subprocess.run([str(binary), "--list"], capture_output=True, text=True, check=True).stdout.split()
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for folder in ("bin", "dev", "etc", "proc", "root", "sys", "tmp", "var", "www"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
            tar.addfile(entry)
        data = binary.read_bytes()
        entry = tarfile.TarInfo("bin/busybox")
        entry.size, entry.mode = len(data), 0o755
        tar.addfile(entry, io.BytesIO(data))
        for applet in sorted(set(listed) - {"busybox"}):
            entry = tarfile.TarInfo(f"bin/{applet}")
            entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(entry)
        for name, text in (("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"), ("etc/group", "root:x:0:\n")):
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
    return out.getvalue()


def busybox_binary() -> Path:
    """The statically linked busybox (a dynamic one can't run in an empty root)."""
    path = Path(find_binary("busybox", "busybox-static")).resolve()
    if b"ld-linux" in path.read_bytes()[:4096]:
        raise Missing("busybox is not static (Debian package busybox-static)")
    return path


class DockerEngine:
    """A Docker engine and the containers that we started on it; touches no others.

    ``client``: an SDK client; ``address``: the engine's ``unix://…``; ``image``: a busybox image.
    """

    def __init__(self, address: str, daemon: Dockerd | None = None) -> None:
        self.address = address
        self.image = IMAGE
        self.client = connected(address, 60)
        self.daemon = daemon
        """Set where the engine is ours; None: it is the machine's, and others use it too."""
        self._ours: list[str] = []

    @classmethod
    def find(cls) -> DockerEngine:
        """The machine's engine if it answers, else one of our own; raises :class:`Missing` without either."""
        try:
            return cls.find_running()
        except Missing:
            return cls.start().prepared()

    @classmethod
    def find_running(cls) -> DockerEngine:
        """The machine's engine; raises :class:`Missing` where none answers."""
        address = f"unix://{MACHINE_SOCKET}"
        if not pings(address):
            raise Missing(f"no Docker engine answers at {MACHINE_SOCKET}")
        return cls(address).prepared()

    @classmethod
    def start(cls, *, beside: bool = False) -> DockerEngine:
        """An engine of our own (root only). ``beside`` another one: in a network namespace of its own, because
        a second dockerd would take ``docker0`` and its iptables rules from the first."""
        daemon = Dockerd.started(beside=beside)
        return cls(daemon.address, daemon)

    def prepared(self) -> DockerEngine:
        """Sweep what killed runs left and make the image where it is not there."""
        self.sweep()
        try:
            self.client.images.get(IMAGE)
        except ImageNotFound:
            self.client.api.import_image_from_data(busybox_tree(busybox_binary()), *IMAGE.split(":"))
        return self

    def run(
        self, command: str | list[str], *, labels: Mapping[str, str] | None = None, image: str = IMAGE, **options: Any
    ) -> Container:
        """Start a container in the background. Options are those of the Docker SDK's ``containers.run``.

        It is ours: labelled, without a stop signal to wait for (PID 1 of busybox ignores SIGTERM),
        removed by :meth:`remove_after` or :meth:`close`.
        """
        ours = {LABEL: "1", OWNER_LABEL: f"{os.getpid()}/{started_at(os.getpid())}"}
        options.setdefault("stop_signal", "SIGKILL")
        container = self.client.containers.create(
            image, command, detach=True, labels={**ours, **(labels or {})}, **options
        )
        self._ours.append(str(container.id))
        container.start()
        container.reload()
        return container

    def mark(self) -> int:
        """How many containers were started so far: what :meth:`remove_after` counts from."""
        return len(self._ours)

    def remove_after(self, mark: int) -> None:
        """Remove every container that was started after :meth:`mark`."""
        for container_id in self._ours[mark:]:
            self._remove(container_id)
        del self._ours[mark:]

    def _remove(self, container_id: str) -> None:
        with contextlib.suppress(NotFound):
            try:
                self.client.api.remove_container(container_id, force=True, v=True)
            except APIError as fault:
                if fault.status_code != 409:  # 409: its removal is in progress already
                    raise

    def sweep(self) -> None:
        """Remove containers that a killed test run left on this engine: ours by label, their owner gone."""
        for container in self.client.containers.list(all=True, filters={"label": OWNER_LABEL}, ignore_removed=True):
            pid, _, start = container.labels[OWNER_LABEL].partition("/")
            if not (pid.isdigit() and str(started_at(int(pid))) == start):
                self._remove(str(container.id))

    def close(self) -> None:
        """Remove our containers; end the engine if it is ours."""
        self.remove_after(0)
        self.client.close()
        if self.daemon:
            self.daemon.close()


def connected(address: str, timeout_s: int) -> docker.DockerClient:
    """An SDK client of the engine at a ``unix://`` address, by the transport that the daemon uses: the SDK's own
    forgets to close the socket of a refused connection, and an engine that restarts refuses some."""
    client = docker.DockerClient(base_url=address, version=API_VERSION, timeout=timeout_s)
    client.api.mount("http+docker://", Adapter(address.removeprefix("unix://"), timeout_s))
    return client


def pings(address: str) -> bool:
    """Does a Docker engine answer there?"""
    try:
        with contextlib.closing(connected(address, 5)) as client:
            return bool(client.ping())
    except (DockerException, OSError):
        return False


class Dockerd:
    """A dockerd of our own, with data root, exec root and socket in a folder of its own."""

    def __init__(self, folder: Path, argv: list[str]) -> None:
        self.folder = folder
        self.address = f"unix://{folder / 'docker.sock'}"
        self._argv = argv
        self._child: Child | None = None

    @classmethod
    def started(cls, *, beside: bool) -> Dockerd:
        """Started and answering. Tries the kernel's overlay first, then plain copies (vfs)."""
        binary = find_binary("dockerd", "docker.io")
        if os.geteuid() != 0:
            raise Missing("no Docker engine answers, and only root can start one")
        alone = [find_binary("unshare", "util-linux"), "--net", "sh", "-c", 'ip link set lo up; exec "$@"', "sh"]
        faults = []
        for options in ([], ["--storage-driver", "vfs"]):
            folder = make_folder("docker")
            argv = [*(alone if beside else []), binary, "--data-root", str(folder / "data")]
            argv += ["--exec-root", str(folder / "exec"), "--pidfile", str(folder / "docker.pid")]
            argv += ["-H", f"unix://{folder / 'docker.sock'}", *options]
            daemon = cls(folder, argv)
            try:
                daemon.start()
            except RuntimeError as fault:
                faults.append(str(fault))
                remove_folder(folder)
            else:
                return daemon
        raise RuntimeError("\n".join(faults))

    def start(self) -> None:
        self._child = launch("dockerd", self._argv, self.folder, lambda: pings(self.address))

    def stop(self) -> None:
        """Stop the engine; its containers end with it, and what they were stays in its data root."""
        if self._child:
            self._child.stop(30)

    def close(self) -> None:
        self.stop()
        remove_folder(self.folder)
