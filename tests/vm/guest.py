"""The guest: a Debian machine with cgroup v2 and Docker under QEMU's software emulation, one boot a job.

It is some ten times slower than its host: what is asked of it are outcomes, never durations. The KVM device is left
alone, so that it runs wherever QEMU does.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tools.servers.process import Child, Missing, find_binary, launch, make_folder, remove_folder

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
IMAGE = ROOT / "build/vm"
MADE_FROM = ("build.sh", "guest-init", "guest-job", "guest-job.service")
LOCK = ROOT / "requirements/run.txt"
SITE = IMAGE / "site"
"""What wharfinger needs, for the guest's Python: that of Debian 12."""
PIP = (
    "--quiet",
    "--disable-pip-version-check",
    "--require-hashes",
    "--only-binary",
    ":all:",
    "--python-version",
    "3.11",
)
NEEDED = {
    "qemu-system-x86_64": "qemu-system-x86",
    "mmdebstrap": "mmdebstrap",
    "mke2fs": "e2fsprogs",
    "cpio": "cpio",
    "modprobe": "kmod",
    "dpkg-deb": "dpkg",
}
BUILD_S = 600.0
JOB_S = 600.0
KERNEL = "console=ttyS0 quiet psi=1 apparmor=0 panic=-1 mitigations=off nokaslr random.trust_cpu=on cgroup_no_v1=all"
SYSTEMD = "guest.init=/lib/systemd/systemd systemd.show_status=0"


@dataclass(frozen=True, slots=True)
class Done:
    """What a job left: its exit code, its output, and the folder with its files (``/job`` in the guest)."""

    code: int
    output: str
    folder: Path


def fingerprint() -> str:
    """What the image was made from."""
    files = [*(HERE / name for name in MADE_FROM), LOCK]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def image() -> Path:
    """The folder of the guest's image, made where it is not there or older than what it is made from.

    Raises :class:`Missing` where this machine cannot make it.
    """
    if platform.machine() != "x86_64":
        raise Missing(f"the guest is made for x86_64 only, and this machine is {platform.machine()}")
    for binary, package in NEEDED.items():
        find_binary(binary, package)
    mark = IMAGE / "made-from"
    if not mark.exists() or mark.read_text() != fingerprint():
        if os.geteuid() != 0:
            raise Missing("only root makes the guest's image (make vm)")
        IMAGE.mkdir(parents=True, exist_ok=True)
        mark.unlink(missing_ok=True)
        shutil.rmtree(SITE, ignore_errors=True)
        made([sys.executable, "-m", "pip", "install", *PIP, "--target", str(SITE), "-r", str(LOCK)])
        made([str(HERE / "build.sh"), str(IMAGE)])
        mark.write_text(fingerprint())
    return IMAGE


def made(argv: list[str]) -> None:
    """Run one step of the making. Raises :class:`Missing` with the end of what it said."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=BUILD_S)
    if done.returncode:
        raise Missing(f"the guest's image could not be made: {(done.stderr or done.stdout).strip()[-500:]}")


def machine(image_folder: Path, folder: Path, kernel: str) -> list[str]:
    """The machine as QEMU's arguments. The disk is never written: each boot begins with the same one."""
    return [
        find_binary("qemu-system-x86_64", "qemu-system-x86"),
        *("-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-monitor", "none"),
        *(
            "-accel",
            "tcg,thread=multi,tb-size=256",
            "-machine",
            "q35,usb=off",
            "-cpu",
            "max",
            "-smp",
            "2",
            "-m",
            "1536",
        ),
        *(
            "-kernel",
            str(image_folder / "vmlinuz"),
            "-initrd",
            str(image_folder / "initrd.gz"),
            "-append",
            f"{KERNEL} {kernel}",
        ),
        *(
            "-drive",
            f"file={image_folder / 'root.ext4'},format=raw,snapshot=on,if=none,id=root,cache=unsafe,aio=threads",
        ),
        *("-device", "virtio-blk-pci,drive=root", "-device", "virtio-rng-pci"),
        *("-fsdev", f"local,id=src,path={ROOT},security_model=none,readonly=on"),
        *("-fsdev", f"local,id=job,path={folder / 'job'},security_model=none"),
        *("-device", "virtio-9p-pci,fsdev=src,mount_tag=src", "-device", "virtio-9p-pci,fsdev=job,mount_tag=job"),
        *("-chardev", f"file,id=console,path={folder / 'console'}", "-serial", "chardev:console"),
    ]


class Guest:
    """One boot of the guest for one job. ``systemd``: with systemd as its first process and Docker's cgroup driver."""

    def __init__(self, *, systemd: bool = False) -> None:
        self._made = image()
        self._kernel = SYSTEMD if systemd else ""
        self.folder = make_folder("guest")
        (self.folder / "job").mkdir()

    def run(self, command: str, seconds: float = JOB_S) -> Done:
        """Run a shell command in the guest (``/src`` is this repository, read only) and wait for its end."""
        job = self.folder / "job"
        (job / "cmd.sh").write_text(command + "\n")
        argv = machine(self._made, self.folder, self._kernel)
        environ = os.environ | {"TMPDIR": str(self.folder)}
        result = job / "rc"
        # QEMU ends when the guest switches itself off; the code is there a moment before.
        child: Child = launch("guest", argv, self.folder, result.exists, seconds=seconds, environ=environ)
        child.stop()
        return Done(int(result.read_text()), (job / "out").read_text(errors="replace"), job)

    def console(self) -> str:
        path = self.folder / "console"
        return path.read_text(errors="replace") if path.exists() else ""

    def close(self, keep: Path | None = None) -> None:
        """Remove its folder; ``keep``: where the job's files go before."""
        if keep is not None:
            shutil.copytree(self.folder / "job", keep, dirs_exist_ok=True)
        remove_folder(self.folder)
