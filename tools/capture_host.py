"""Capture a host's cgroup tree (and the /proc texts that belong to it) as one readable file, for tests.

``python -m tools.capture_host OUT.txt docker/<id> …`` writes the root and the named cgroups of every hierarchy
below ``--root``. A line ``=== PATH`` opens a file, its text follows byte for byte up to the next such line.
Nothing but statistics and limits is captured: no environment, no command lines, no names.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

SKIPPED = ("cgroup.event_control", "memory.pressure_level", "memory.kmem.slabinfo", "cgroup.kill", "release_agent")
PROC = (
    "loadavg",
    "meminfo",
    "stat",
    "vmstat",
    "diskstats",
    "net/dev",
    "pressure/cpu",
    "pressure/memory",
    "pressure/io",
)
HEADING = (
    '# A host tree as one readable file: a line "=== PATH" opens a file, its text follows, byte for byte, up to the '
    "next such line."
)
MAX_TEXT = 64 * 1024


def readable(folder: Path) -> Iterator[tuple[str, str]]:
    """Name and text of every file of a directory that may be read."""
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if not entry.is_file(follow_symlinks=False) or entry.name in SKIPPED:
            continue
        try:
            fd = os.open(entry.path, os.O_RDONLY | os.O_NONBLOCK)
        except OSError:
            continue
        try:
            yield entry.name, os.read(fd, MAX_TEXT).decode("utf-8", "replace")
        except OSError:
            continue
        finally:
            os.close(fd)


def hierarchies(root: Path) -> list[str]:
    """Directories of the trees below the root: the root itself on v2, one a controller on v1."""
    if (root / "cgroup.controllers").exists():
        return [""]
    return sorted(child.name for child in root.iterdir() if child.is_dir() and (child / "cgroup.procs").exists())


def capture(root: Path, proc: Path, cgroups: list[str], *, with_root: bool) -> Iterator[str]:
    """The lines of the archive."""
    yield HEADING
    for tree in hierarchies(root):
        for cgroup in ([""] if with_root else []) + cgroups:
            folder = root / tree / cgroup
            if folder.is_dir():
                for name, text in readable(folder):
                    yield f"=== {'/'.join(part for part in (tree, cgroup, name) if part)}"
                    yield text.removesuffix("\n")
    for name in PROC:
        path = proc / name
        if path.exists():
            yield f"=== proc/{name}"
            yield path.read_text().removesuffix("\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("out", type=Path)
    parser.add_argument("cgroups", nargs="+", help="paths below each hierarchy, such as docker/<id>")
    parser.add_argument("--root", type=Path, default=Path("/sys/fs/cgroup"))
    parser.add_argument("--proc", type=Path, default=Path("/proc"))
    parser.add_argument("--no-root", action="store_true", help="leave the root cgroups out")
    chosen = parser.parse_args()
    lines = capture(chosen.root, chosen.proc, [c.strip("/") for c in chosen.cgroups], with_root=not chosen.no_root)
    chosen.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
