"""What every runtime source offers to the tick thread, and where its socket may be. Pure but for a look at sockets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from collector.discovery.describe import Description

Job = Callable[[int], float]
"""Takes ``now_ms``, returns the seconds until it wants to be called again (0: at once)."""


@dataclass(frozen=True, slots=True)
class RuntimeEvent:
    """Something that a runtime reported of a container.

    ``action``: start, die, oom, restart, health_status, rename, pause, unpause, update, destroy.
    """

    at_ms: int
    action: str
    id: str
    exit_code: int | None = None
    health: str | None = None


class Source(Protocol):
    """A container runtime, asked by its own jobs. What the tick thread calls here never waits."""

    @property
    def runtime(self) -> str: ...

    @property
    def reports(self) -> bool:
        """Whether it tells starts, stops and OOM kills by itself; else the cgroup tree alone does."""

    def described(self) -> Mapping[str, Description]:
        """Every container it knows of, running or not, by full id."""

    def drain(self) -> list[RuntimeEvent]:
        """Events since the last call, oldest first."""

    def state(self) -> tuple[str, str]:
        """(ok | degraded | down | off, detail)."""

    def asked(self) -> bool:
        """Whether it has answered or failed once, so that "nobody there" can be told from "not asked yet"."""

    def jobs(self) -> tuple[tuple[str, Job], ...]: ...

    def look(self) -> None:
        """Ask once, now, in the caller's thread."""

    def close(self) -> None: ...


@runtime_checkable
class Counts(Protocol):
    """A source that knows what its questions cost the runtime."""

    def asked_for(self) -> tuple[int, float]:
        """Requests since the start, and the seconds that the runtime took to answer them. Any thread."""


def normal_address(address: str) -> str:
    """A bare path is a Unix socket."""
    return f"unix://{address}" if address.startswith("/") else address


def addresses(runtime: str, setting: str, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Addresses to try, the first whose socket is there first; empty when it is off. Pure.

    ``setting``: ``off``, ``auto``, or an address.
    """
    if setting == "off":
        return ()
    if setting != "auto":
        return (normal_address(setting),)
    own = environ.get("XDG_RUNTIME_DIR", "")
    if runtime == "podman":
        rest = ["unix:///run/podman/podman.sock", *([f"unix://{own}/podman/podman.sock"] if own else [])]
        return tuple(rest)
    if environ.get("DOCKER_HOST"):
        return (normal_address(environ["DOCKER_HOST"]),)
    return ("unix:///var/run/docker.sock", *([f"unix://{own}/docker.sock"] if own else []))


def there(address: str) -> bool:
    """Whether something is at an address; one in the network is taken at its word."""
    try:
        return not address.startswith("unix://") or Path(address[len("unix://") :]).exists()
    except PermissionError:
        return True  # it is asked, and says that we may not


def remedy(runtime: str, address: str, fault: str) -> str:
    """A connection fault in one line that says what to do. Pure."""
    if "Permission denied" in fault or "PermissionError" in fault:
        return f"no permission for {address}: run as root or in the group {runtime}"
    if "No such file" in fault or "FileNotFound" in fault:
        return f"no socket at {address}: start {runtime}, or set discovery.{runtime}"
    if "refused" in fault:
        return f"nobody listens at {address}: start {runtime}"
    if "timed out" in fault.lower() or "timeout" in fault.lower():
        return f"{runtime} at {address} does not answer in time"
    return f"{runtime} at {address}: {' '.join(fault.split())[:200]}"
