"""The runtimes that are asked, by the settings. The Docker client library is loaded only where one of them is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from collector.discovery.bundles import Bundles
from collector.discovery.rootless import RootlessPodman
from collector.discovery.runtime import Source, addresses
from config.schema import DiscoverySettings

if TYPE_CHECKING:
    from collector.discovery.layers import Layers


def build_sources(settings: DiscoverySettings, environ: Mapping[str, str]) -> tuple[Source, ...]:
    """The runtimes that may be asked."""
    bundles = (Bundles(settings.containerd),)
    if settings.docker == settings.podman == "off":
        return bundles
    from collector.discovery.docker import DockerSource

    def users_podman(address: str) -> Source:
        return DockerSource("podman", address, environ)

    own = addresses("podman", settings.podman, environ)
    return (
        DockerSource("docker", settings.docker, environ),
        DockerSource("podman", settings.podman, environ),
        *((RootlessPodman(users_podman, own),) if settings.podman == "auto" else ()),
        *bundles,
    )


def build_layers(settings: DiscoverySettings, environ: Mapping[str, str]) -> tuple[Layers, ...]:
    """The daemons that are asked for the sizes of writable layers; none unless it is wished."""
    if not settings.writable_layer_s:
        return ()
    from collector.discovery.layers import Layers

    return tuple(
        Layers(runtime, setting, environ, settings.writable_layer_s)
        for runtime, setting in (("docker", settings.docker), ("podman", settings.podman))
    )
