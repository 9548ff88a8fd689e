"""Fixtures of real time-series servers, each started when the first test asks and stopped at the end."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.support.influx_faults import FaultServer
from tests.support.missing import missing
from tools.servers.influx import Influxd, InfluxV2Front, VictoriaMetrics
from tools.servers.process import Missing


@pytest.fixture(scope="session")
def influxd_process() -> Iterator[Influxd]:
    """The session's influxd; tests take ``influxdb``, which has it running at their end."""
    try:
        server = Influxd()
    except Missing as reason:
        missing(reason)
    yield server
    server.close()


@pytest.fixture
def influxdb(influxd_process: Influxd) -> Iterator[Influxd]:
    """A real InfluxDB 1.6: ``.url .stop() .start() .kill() .freeze()``. Each test uses a database of its own."""
    influxd_process.start()
    yield influxd_process
    influxd_process.start()


@pytest.fixture
def influxdb_with_auth() -> Iterator[Influxd]:
    """An InfluxDB 1.6 of this test alone that asks for a user (none exists yet)."""
    try:
        server = Influxd(auth=True)
    except Missing as reason:
        missing(reason)
    yield server
    server.close()


@pytest.fixture(scope="session")
def _front(influxd_process: Influxd) -> Iterator[InfluxV2Front]:
    try:
        server = InfluxV2Front(influxd_process.port)
    except Missing as reason:
        missing(reason)
    yield server
    server.close()


@pytest.fixture
def influx_v2_front(_front: InfluxV2Front, influxdb: Influxd) -> InfluxV2Front:
    """The same InfluxDB behind the write API and the token of 2.x: ``.url .token``."""
    return _front


@pytest.fixture(scope="session")
def victoriametrics() -> Iterator[VictoriaMetrics]:
    """A real VictoriaMetrics: ``.url``."""
    try:
        server = VictoriaMetrics()
    except Missing as reason:
        missing(reason)
    yield server
    server.close()


@pytest.fixture
def fault_server() -> Iterator[FaultServer]:
    """A server that answers as told, with the bodies of 2.x and 3.x."""
    server = FaultServer()
    yield server
    server.close()


@pytest.fixture
def database() -> str:
    """A name that no other test has."""
    return f"test_{uuid4().hex[:12]}"
