"""The Swarm stack, deployed for real: a swarm of one node on an engine of our own takes it as it is meant."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.describe import settings
from tests.support.missing import missing
from tools.servers.docker import IMAGE, DockerEngine
from tools.servers.process import Missing, find_binary

ROOT = Path(__file__).resolve().parents[2]
STACK = ROOT / "deploy/swarm.yaml"
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(STACK.read_text())["services"]


def test_every_variable_is_a_setting() -> None:
    known = {s.path for s in settings()}
    names = [name for service in SERVICES.values() for name in service["environment"]]
    assert not [n for n in names if n.removeprefix("WHARFINGER_").lower().replace("__", ".") not in known]


def test_limits_are_swarms_and_the_listener_has_no_rights() -> None:
    assert SERVICES["agent"]["environment"]["WHARFINGER_LIMITS__MODE"] == "off"
    assert "ports" not in SERVICES["agent"]
    assert "cap_add" not in SERVICES["web"]
    assert "user" not in SERVICES["web"]
    assert not [v for v in SERVICES["web"]["volumes"] if isinstance(v, str) and v.startswith("/")]


def test_a_swarm_takes_the_stack(own_docker_engine: DockerEngine) -> None:
    try:
        binary = find_binary("docker", "docker.io")
    except Missing as reason:
        missing(reason)

    def docker(*words: str, given: str | None = None) -> None:
        command = [binary, "-H", own_docker_engine.address, *words]
        environ = {"WHARFINGER_IMAGE": IMAGE, "PATH": "/usr/bin:/bin"}
        done = subprocess.run(
            command, input=given, capture_output=True, text=True, check=False, timeout=60, env=environ
        )
        assert done.returncode == 0, done.stdout + done.stderr

    client = own_docker_engine.client
    client.swarm.init(advertise_addr="127.0.0.1", listen_addr="127.0.0.1:0")
    try:
        for secret in ("wharfinger_admin_password", "wharfinger_api_token"):
            docker("secret", "create", secret, "-", given="a secret of the test")
        docker("stack", "deploy", "--resolve-image", "never", "-c", str(STACK), "wharfinger")
        specs = {s.name: s.attrs["Spec"] for s in client.services.list()}
    finally:
        client.swarm.leave(force=True)
    assert set(specs) == {"wharfinger_agent", "wharfinger_web"}
    for name, spec in specs.items():
        task = spec["TaskTemplate"]["ContainerSpec"]
        assert "Global" in spec["Mode"], name
        assert task["ReadOnly"]
        assert task["CapabilityDrop"] == ["ALL"]
        assert {m["Target"] for m in task["Mounts"]} >= {"/var/lib/wharfinger", "/run/wharfinger", "/tmp"}
    web = specs["wharfinger_web"]["TaskTemplate"]["ContainerSpec"]
    assert {s["SecretName"] for s in web["Secrets"]} == {"wharfinger_admin_password", "wharfinger_api_token"}
    assert next(m for m in web["Mounts"] if m["Target"] == "/var/lib/wharfinger")["ReadOnly"]
    assert "CapabilityAdd" not in web


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_what_lasts_is_in_a_volume(name: str) -> None:
    named = [v for v in SERVICES[name]["volumes"] if isinstance(v, str) and not v.startswith("/")]
    volumes = yaml.safe_load(STACK.read_text())["volumes"]
    assert {v.partition(":")[0] for v in named} <= set(volumes)
