"""Who is measured: the identity of a container (or other cgroup) and what is known of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class TargetId:
    """Identity of one cgroup that lived once.

    ``id`` is the runtime's full container id, or the cgroup path where no runtime made it.
    The same id with another ``inode`` or ``started_at_ms`` is the same container after a
    restart: its counters began anew, so no rate is taken across.
    """

    runtime: str
    """``docker``, ``podman``, ``containerd``, … or ``cgroup`` for one that no runtime made."""
    id: str
    inode: int
    started_at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """One container as the host's runtimes describe it; without a runtime only its cgroup is known."""

    id: TargetId
    cgroup: str
    """Path below the cgroup root, with a leading slash; the same in every hierarchy."""
    name: str
    image: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    image_labels: Mapping[str, str] = field(default_factory=dict)
    """Labels of the image's own config: one that the container only inherited grants nothing."""
    group: str | None = None
    """Compose project, swarm stack or pod, or the label ``wharfinger.group``."""
    service: str | None = None
    """What stays when the container is recreated: see :func:`model.identity.service_of`."""
    state: str = "running"
    """``running``, ``paused``, ``restarting``, ``exited``, ``removed``."""
    pid: int | None = None
    """Init process on the host: the door to the network namespace."""
    network: str | None = None
    """Docker's network mode; ``host`` means that the host's interfaces are not its own."""
    health: str | None = None
    """``healthy``, ``unhealthy``, ``starting``; ``None`` without a health check."""
    restarts: int | None = None
    created_at_ms: int | None = None
    managed_by: str | None = None
    """``swarm`` or ``kubernetes`` where an orchestrator owns the limits."""

    @property
    def key(self) -> str:
        """What series, limits and findings of this container are filed under."""
        return self.id.id

    def own_labels(self) -> dict[str, str]:
        """Labels that the container did not merely inherit from its image (contract: labels)."""
        return {k: v for k, v in self.labels.items() if self.image_labels.get(k) != v}
