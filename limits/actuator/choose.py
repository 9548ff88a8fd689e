"""Which runtime's API is asked, by the settings of discovery."""

from __future__ import annotations

from config.schema import DiscoverySettings, HostSettings
from limits.actuator.base import Actuator
from limits.actuator.docker import DockerActuator
from limits.actuator.podman import PodmanActuator


def build_actuator(host: HostSettings, discovery: DiscoverySettings) -> Actuator:
    """The actuator of this host; with ``discovery.docker = "off"`` one that refuses, and says so."""
    del host  # one engine a host; its socket is named by discovery
    return DockerActuator(discovery.docker)


def build_podman(discovery: DiscoverySettings) -> Actuator | None:
    """Podman's API; None where it is off: its containers are then written directly."""
    return None if discovery.podman == "off" else PodmanActuator(discovery.podman)
