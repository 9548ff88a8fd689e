"""Fixtures for every room: real servers, each started when the first test asks and stopped at the end.

Where a server can't be had the test is skipped with the reason; in CI (``CI`` set) as root it fails instead,
because there everything is meant to be there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.missing import missing
from tools.servers.docker import DockerEngine
from tools.servers.nginx import Nginx
from tools.servers.podman import Podman
from tools.servers.process import Missing, find_binary, sweep
from tools.servers.prometheus import Alertmanager, Prometheus

pytest_plugins = ["tests.support.influx_fixtures"]

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_sessionstart(session: pytest.Session) -> None:
    """End what earlier runs of ours left behind when they were killed."""
    if not session.config.option.collectonly:
        sweep()


NEEDS = {
    "docker_engine": "docker",
    "own_docker_engine": "docker",
    "podman": "docker",
    "influxd_process": "influxdb",
    "influxdb_with_auth": "influxdb",
    "victoriametrics": "influxdb",
    "prometheus": "prometheus",
    "nginx": "prometheus",
    "alertmanager": "alertmanager",
    "chromium": "browser",
    "as_root": "root",
}
"""Fixture → marker: a test that uses a real server carries its mark, whether it was written down or not."""


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None, None, None]:
    """Mark what each test needs before any plugin selects by it: hence a wrapper."""
    for item in items:
        for fixture in set(getattr(item, "fixturenames", ())) & set(NEEDS):
            item.add_marker(NEEDS[fixture])
        if uses_containers(item):
            item.add_marker(pytest.mark.engine)
    yield


def uses_containers(item: pytest.Item) -> bool:
    """Whether a test touches the containers of this machine (marker ``engine``).

    Each such test sees the others' containers, and a raise is refused on a host that is full: ``make test`` runs them
    after all others, alone.
    """
    marks = {mark.name for mark in item.iter_markers()}
    return bool(marks & {"docker", "image"}) or "e2e" in item.path.parts


@pytest.fixture(scope="session")
def docker_engine() -> Iterator[DockerEngine]:
    """A real Docker engine: ``.client .image .address .run(command, **options)``.

    Containers that a test starts are removed at its end; those of a module's or session's fixture at the
    end of the session.
    """
    try:
        engine = DockerEngine.find()
    except Missing as reason:
        missing(reason)
    yield engine
    engine.close()


@pytest.fixture(autouse=True)
def _containers_end_with_their_test(request: pytest.FixtureRequest) -> Iterator[None]:
    if "docker_engine" not in request.fixturenames:
        yield
        return
    engine: DockerEngine = request.getfixturevalue("docker_engine")
    mark = engine.mark()
    yield
    engine.remove_after(mark)


@pytest.fixture
def own_docker_engine() -> Iterator[DockerEngine]:
    """An engine that only this test uses and may stop and start (``.daemon``); in a network namespace of its own."""
    try:
        engine = DockerEngine.start(beside=True).prepared()
    except Missing as reason:
        missing(reason)
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def podman() -> Iterator[Podman]:
    """A Podman service: ``.address .image .run(*command, options=()) .pid_of(id) .remove(id)``."""
    try:
        service = Podman()
    except Missing as reason:
        missing(reason)
    yield service
    service.close()


def _factory(kind: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    started: list[Any] = []

    def start(*arguments: Any, **named: Any) -> Any:
        try:
            server = kind(*arguments, **named)
        except Missing as reason:
            missing(reason)
        started.append(server)
        return server

    yield start
    for server in reversed(started):
        server.close()


@pytest.fixture
def prometheus() -> Iterator[Callable[..., Prometheus]]:
    """``prometheus(config_text, rules={file: text})`` starts one for this test: ``.url``."""
    yield from _factory(Prometheus)


@pytest.fixture
def nginx() -> Iterator[Callable[[str], Nginx]]:
    """``nginx(text inside server { })`` starts one for this test: ``.url``."""
    yield from _factory(Nginx)


@pytest.fixture(scope="session")
def alertmanager() -> Iterator[Alertmanager]:
    """A real Alertmanager: ``.url``."""
    try:
        server = Alertmanager()
    except Missing as reason:
        missing(reason)
    yield server
    server.close()


@pytest.fixture(scope="session")
def chromium() -> Path:
    """Path of Debian's Chromium."""
    try:
        return Path(find_binary("chromium", "chromium"))
    except Missing as reason:
        missing(reason)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any], chromium: Path) -> dict[str, Any]:
    """pytest-playwright's browser is Debian's: nothing is downloaded."""
    return {**browser_type_launch_args, "executable_path": str(chromium), "args": CHROMIUM_FLAGS}


@pytest.fixture
def as_root() -> None:
    """For tests that need root itself (cgroups made by hand)."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
