"""Are we in a container ourselves? That one is never changed by its own controller."""

from __future__ import annotations

import re
from pathlib import Path

FULL_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")


def ids_in(text: str) -> tuple[str, ...]:
    """Container ids named in a ``/proc/<pid>/cgroup`` or ``mountinfo``. Pure."""
    return tuple(dict.fromkeys(FULL_ID.findall(text)))


def own_ids(process: Path) -> tuple[str, ...]:
    """Ids of the containers that this process is in; empty on the host.

    With a private cgroup namespace only mountinfo still tells it: Docker mounts ``/etc/hostname`` from
    ``…/containers/<id>/hostname``.
    """
    found: list[str] = []
    for name, relevant in (("cgroup", ""), ("mountinfo", "/etc/hostname")):
        try:
            lines = (process / name).read_text("utf-8", "replace").splitlines()
        except OSError:
            continue
        for line in lines:
            if relevant in line:
                found += ids_in(line)
    return tuple(dict.fromkeys(found))
