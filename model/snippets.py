"""Recommendations as text that Docker reads: ``docker update`` commands, or limits of a compose file. Pure.

An item is a recommendation in its JSON form (:func:`model.outside.recommendation_json`), here or from another host.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from math import ceil
from shlex import quote
from typing import Any, Final, Literal

Item = Mapping[str, Any]
Snippet = Literal["compose", "docker"]
SNIPPETS: Final[dict[str, str]] = {"compose": "application/yaml", "docker": "text/plain"}
"""Form → media type."""
ENDINGS: Final[dict[str, str]] = {"compose": "yaml", "docker": "sh"}
"""Form → ending of a file's name."""
Wanted = dict[tuple[str, str], dict[str, float]]
"""(host, name) → knob → proposed."""


def snippet(items: Sequence[Item], form: Snippet) -> str:
    """The recommendations in this form, ending in a newline unless there is nothing to say. Where they are of several
    hosts, a comment names the host of each."""
    wanted: Wanted = {}
    for item in items:
        wanted.setdefault((item.get("host", ""), item["name"]), {})[item["knob"]] = item["proposed"]
    lines = docker_lines(wanted) if form == "docker" else compose_lines(wanted)
    return "".join(f"{line}\n" for line in lines)


def docker_lines(wanted: Wanted) -> Iterator[str]:
    """A command a container, host by host, as a command is of use on its own host only."""
    several = len({host for host, _ in wanted}) > 1
    last = None
    for (host, name), knobs in sorted(wanted.items(), key=lambda row: row[0][0]) if several else wanted.items():
        if several and host != last:
            yield f"# on {json.dumps(host)}"
        last = host
        yield f"docker update {docker_flags(knobs)} {quote(name)}"


def compose_lines(wanted: Wanted) -> Iterator[str]:
    """Compose has limits per service: this is to be merged by hand. A container of the same name on another host is
    a comment, since a key may stand once."""
    several = len({host for host, _ in wanted}) > 1
    yield "# by container name: put each under its service"
    yield "services:" if wanted else "services: {}"
    named: set[str] = set()
    for (host, name), knobs in wanted.items():
        mark = "# " if name in named else ""
        named.add(name)
        yield f"{mark}  {json.dumps(name)}:" + (f"  # on {json.dumps(host)}" if several else "")
        yield from (f"{mark}    {text}" for text in ("deploy:", "  resources:", "    limits:"))
        if "cpu" in knobs:
            yield f'{mark}          cpus: "{knobs["cpu"]:.2f}"'
        if "memory" in knobs:
            yield f"{mark}          memory: {mebibytes(knobs['memory'])}m"


def docker_flags(knobs: Mapping[str, float]) -> str:
    """Memory and swap go together: Docker refuses a limit above the old sum."""
    flags = [f"--cpus {knobs['cpu']:.2f}"] if "cpu" in knobs else []
    if "memory" in knobs:
        flags.append(f"--memory {mebibytes(knobs['memory'])}m --memory-swap {2 * mebibytes(knobs['memory'])}m")
    return " ".join(flags)


def mebibytes(size: float) -> int:
    return ceil(size / (1 << 20))
