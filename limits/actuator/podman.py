"""Limits through Podman's own API: ``POST /libpod/containers/{id}/update``, since its copy of Docker's API has none.

Podman 4.3 hands the resources to the OCI runtime and saves nothing (libpod/container_api.go ``Update``): a restart of
the container brings the old ones back, and ``podman inspect`` never shows the new ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from limits.actuator.docker import DockerActuator
from limits.actuator.native import MEMORY_NONE

SOCKET: Final = "unix:///run/podman/podman.sock"
API: Final = "/v4.0.0/libpod"
"""Podman of every later version answers to it."""
CPU: Final = {"CpuQuota": "quota", "CpuPeriod": "period", "CpuShares": "shares"}
MEMORY: Final = {"Memory": "limit", "MemorySwap": "swap"}


class PodmanActuator(DockerActuator):
    """:class:`limits.actuator.base.Actuator` for one Podman service; ``inspect`` is Docker's in form."""

    RUNTIME = "Podman"

    def __init__(self, address: str = "auto", timeout_s: float = 5.0) -> None:
        super().__init__(SOCKET if address == "auto" else address, timeout_s)

    def _post(self, client: Any, container_id: str, fields: Mapping[str, int]) -> Any:
        url = f"{client.base_url}{API}/containers/{container_id}/update"
        client._raise_for_status(client._post_json(url, data=resources(fields)))
        return {}


def resources(fields: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """Docker's fields as resources of the OCI runtime specification; no limit is -1 there. Pure."""
    cpu = {name: fields[field] for field, name in CPU.items() if field in fields}
    memory = {name: fields[field] for field, name in MEMORY.items() if field in fields}
    memory = {name: -1 if value >= MEMORY_NONE else value for name, value in memory.items()}
    return {name: part for name, part in (("cpu", cpu), ("memory", memory)) if part}
