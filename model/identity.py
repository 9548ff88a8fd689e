"""What stays the same when everything else changes: service names and stable short ids. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

COMPOSE_PROJECT = "com.docker.compose.project"
COMPOSE_SERVICE = "com.docker.compose.service"
SWARM_SERVICE = "com.docker.swarm.service.name"
SWARM_STACK = "com.docker.stack.namespace"
POD_NAME = "io.kubernetes.pod.name"
POD_NAMESPACE = "io.kubernetes.pod.namespace"
KUBERNETES_CONTAINER = "io.kubernetes.container.name"


def group_of(labels: Mapping[str, str], prefix: str = "wharfinger.") -> str | None:
    """Group of a container: its own label, else compose project, swarm stack or pod."""
    own = labels.get(f"{prefix}group")
    if own:
        return own
    if POD_NAME in labels:
        return f"{labels.get(POD_NAMESPACE, 'default')}/{labels[POD_NAME]}"
    return labels.get(COMPOSE_PROJECT) or labels.get(SWARM_STACK) or labels.get(SWARM_SERVICE)


def service_of(name: str, labels: Mapping[str, str]) -> str:
    """Service identity, the same over recreates: compose project/service, swarm service, or the name."""
    if COMPOSE_PROJECT in labels and COMPOSE_SERVICE in labels:
        return f"{labels[COMPOSE_PROJECT]}/{labels[COMPOSE_SERVICE]}"
    if SWARM_SERVICE in labels:
        return labels[SWARM_SERVICE]
    if POD_NAME in labels and KUBERNETES_CONTAINER in labels:
        return f"{labels.get(POD_NAMESPACE, 'default')}/{labels[KUBERNETES_CONTAINER]}"
    return name


def manager_of(labels: Mapping[str, str]) -> str | None:
    """The orchestrator that owns the container's limits, ``swarm`` or ``kubernetes``; else None."""
    if SWARM_SERVICE in labels:
        return "swarm"
    return "kubernetes" if POD_NAME in labels else None


def fingerprint(parts: Iterable[str]) -> str:
    """16 hex digits that name these parts in this order: the id of a finding, an alert, a change."""
    digest = hashlib.blake2b(digest_size=8)
    for part in parts:
        digest.update(part.encode("utf-8", "surrogateescape") + b"\0")
    return digest.hexdigest()
