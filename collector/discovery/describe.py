"""What a runtime says of a container, in our words. Pure; every answer of a runtime is hostile text."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from model.errors import Malformed
from model.identity import POD_NAME, group_of, manager_of, service_of
from model.target import Target, TargetId

MAX_TEXT = 4_096
"""Longer names and label values are cut."""
SHORT_ID = 12
TRUE_WORDS = ("1", "true", "yes", "on")


@dataclass(frozen=True, slots=True)
class Description:
    """A container as its runtime describes it now. Times are ms since the epoch."""

    runtime: str
    id: str
    name: str
    image: str | None = None
    image_id: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    image_labels: Mapping[str, str] = field(default_factory=dict)
    state: str = "running"
    pid: int | None = None
    network: str | None = None
    health: str | None = None
    restarts: int | None = None
    created_at_ms: int | None = None
    started_at_ms: int | None = None
    finished_at_ms: int | None = None
    exit_code: int | None = None
    oom_killed: bool | None = None

    @property
    def running(self) -> bool:
        return self.state in ("running", "paused", "restarting")


def time_ms(value: object) -> int | None:
    """RFC 3339 with any fraction → ms since the epoch; None for Docker's year 1 ("never") and for no time."""
    if not isinstance(value, str) or not value or value.startswith("0001-"):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1000)


def whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def truth(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def text(value: object) -> str | None:
    return value[:MAX_TEXT] if isinstance(value, str) and value else None


def mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def texts(value: object) -> dict[str, str]:
    """Labels: string to string, whatever else there is left out."""
    return {k[:MAX_TEXT]: v[:MAX_TEXT] for k, v in mapping(value).items() if isinstance(k, str) and isinstance(v, str)}


def describe(runtime: str, answer: object) -> Description:
    """Docker's (and Podman's) answer to ``GET /containers/{id}/json``. Raises :class:`Malformed` without an id."""
    fields = mapping(answer)
    container_id = text(fields.get("Id"))
    if container_id is None:
        raise Malformed(f"{runtime} described a container without an id")
    state, config, host = mapping(fields.get("State")), mapping(fields.get("Config")), mapping(fields.get("HostConfig"))
    health = text(mapping(state.get("Health")).get("Status"))
    running = state.get("Running") is True
    return Description(
        runtime=runtime,
        id=container_id,
        name=(text(fields.get("Name")) or container_id[:SHORT_ID]).lstrip("/"),
        image=text(config.get("Image")),
        image_id=text(fields.get("Image")),
        labels=texts(config.get("Labels")),
        state=text(state.get("Status")) or ("running" if running else "exited"),
        pid=(whole(state.get("Pid")) or None) if running else None,
        network=text(host.get("NetworkMode")),
        health=None if health in (None, "none") else health,
        restarts=whole(fields.get("RestartCount")),
        created_at_ms=time_ms(fields.get("Created")),
        started_at_ms=time_ms(state.get("StartedAt")),
        finished_at_ms=time_ms(state.get("FinishedAt")),
        exit_code=None if running else whole(state.get("ExitCode")),
        oom_killed=truth(state.get("OOMKilled")),
    )


def is_ignored(
    name: str, labels: Mapping[str, str], image_labels: Mapping[str, str], exclude: Sequence[str], prefix: str
) -> bool:
    """Whether a container is not to be watched: by the globs of the settings, or by its own label ``ignore``."""
    if exclude and any(fnmatch.fnmatchcase(name, pattern) for pattern in exclude):
        return True
    word = labels.get(f"{prefix}ignore")
    return word is not None and image_labels.get(f"{prefix}ignore") != word and word.strip().lower() in TRUE_WORDS


def target_of(
    runtime: str, container_id: str, cgroup: str, inode: int, name: str | None, pod: str | None,
    known: Description | None, label_prefix: str, first_seen_ms: int | None,
) -> Target:  # fmt: skip
    """The target of a live cgroup: from its description, else from what its path says.

    Without a runtime the time at which the cgroup appeared stands for the start (None: it was there before us).
    """
    if known is None:
        shown = name or container_id[:SHORT_ID]
        return Target(
            TargetId(runtime, container_id, inode, first_seen_ms),
            cgroup,
            shown,
            group=None if pod is None else f"pod {pod}",
            service=shown,
            managed_by=None if pod is None else "kubernetes",
        )
    labels = known.labels
    group = group_of(labels, label_prefix)
    manager = manager_of(labels)
    if pod is not None and POD_NAME not in labels:
        group, manager = group or f"pod {pod}", manager or "kubernetes"
    return Target(
        TargetId(known.runtime, container_id, inode, known.started_at_ms),
        cgroup,
        known.name,
        image=known.image,
        labels=labels,
        image_labels=known.image_labels,
        group=group,
        service=service_of(known.name, labels),
        state=known.state if known.running else "running",  # its cgroup lives: the answer is a moment old
        pid=known.pid,
        network=known.network,
        health=known.health,
        restarts=known.restarts,
        created_at_ms=known.created_at_ms,
        managed_by=manager,
    )
