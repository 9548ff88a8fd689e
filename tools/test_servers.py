"""``python -m tools.test_servers``: which real servers this machine can give to the tests, one line each."""

from __future__ import annotations

import sys

from tools.servers.docker import DockerEngine
from tools.servers.process import Missing, find_binary

BINARIES = (
    ("influxd", "influxdb"),
    ("victoria-metrics", "victoria-metrics"),
    ("nginx", "nginx-light"),
    ("prometheus", "prometheus"),
    ("prometheus-alertmanager", "prometheus-alertmanager"),
    ("podman", "podman"),
    ("busybox", "busybox-static"),
    ("chromium", "chromium"),
    ("mmdebstrap", "mmdebstrap"),
    ("qemu-system-x86_64", "qemu-system-x86"),
)


def main() -> int:
    """Print the list; 1 where something is missing."""
    missing = 0
    for name, package in BINARIES:
        try:
            answer = find_binary(name, package)
        except Missing as reason:
            answer = f"missing: {reason}"
            missing += 1
        print(f"{name:25} {answer}")
    try:
        engine = DockerEngine.find()
    except Missing as reason:
        print(f"{'docker':25} missing: {reason}")
        return 1
    print(f"{'docker':25} {engine.address}{' (our own)' if engine.daemon else ''}")
    engine.close()
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
