"""What the tests of alerts share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from collector.sampler import Sampler
from config.schema import DiscoverySettings, HostSettings
from tests.alerts.watching import Watch


@pytest.fixture
def watch(docker_engine: Any) -> Iterator[Watch]:
    """This machine's containers, watched."""
    sampler = Sampler(HostSettings(), DiscoverySettings(docker=docker_engine.address), "harbour", 1.0)
    yield Watch(sampler)
    sampler.close()
