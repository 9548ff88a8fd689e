"""deploy/compose.yaml and the Dockerfile say only what the program knows."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest
import yaml

from config.describe import settings
from tools.servers.image import ROOT, compose_service, value_of

PATHS = {s.path for s in settings()}


def as_path(variable: str) -> str:
    return variable.removeprefix("WHARFINGER_").lower().replace("__", ".")


FILES = ("compose.yaml", "compose.viewer.yaml")


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("name", ["agent", "web"])
def test_every_variable_of_compose_is_a_setting(name: str, file: str) -> None:
    service = compose_service(name, file)
    assert not [v for v in service["environment"] if as_path(v) not in PATHS]


def test_every_variable_of_the_image_is_a_setting() -> None:
    text = (ROOT / "Dockerfile").read_text()
    variables = re.findall(r"WHARFINGER_\w+", text)
    assert variables
    assert not [v for v in variables if as_path(v) not in PATHS]


@pytest.mark.parametrize("file", FILES)
def test_the_listening_service_has_no_rights(file: str) -> None:
    web: dict[str, Any] = compose_service("web", file)
    assert "user" not in web, "the image's own, which is not root"
    assert "cap_add" not in web
    assert web["cap_drop"] == ["ALL"]
    assert web["read_only"]
    assert not [v for v in web["volumes"] if "docker.sock" in v or v.startswith("/")]
    assert "ports" not in compose_service("agent", file)
    assert value_of(web["ports"][0].rpartition(":")[0], {}) == "127.0.0.1:9321"


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("name", ["agent", "web"])
def test_what_lasts_is_in_a_volume(name: str, file: str) -> None:
    mounts = {v.split(":")[1] for v in compose_service(name, file)["volumes"]}
    assert mounts >= {"/var/lib/wharfinger", "/run/wharfinger"}
    assert name == "agent" or "/var/lib/wharfinger-web" in mounts
    document = yaml.safe_load((ROOT / "deploy" / file).read_text())
    named = {
        v.split(":")[0] for s in document["services"].values() for v in s["volumes"] if not v.startswith(("/", "."))
    }
    assert named == set(document["volumes"])


def test_the_viewer_holds_no_docker_socket() -> None:
    agent = compose_service("agent", "compose.viewer.yaml")
    assert not [v for v in agent["volumes"] if v.startswith("/var/run")]
    assert agent["environment"]["WHARFINGER_LIMITS__MODE"] == "off"
    proxy = compose_service("docker-readonly", "compose.viewer.yaml")
    assert proxy["network_mode"] == "none"
    assert proxy["cap_drop"] == ["ALL"]
    assert "cap_add" not in proxy


def test_the_image_holds_the_code_and_nothing_of_the_workshop() -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    shipped = set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
    assert shipped <= kept
    locks = {f"requirements/{name}.txt" for name in ("run", "oidc")}
    assert kept - shipped == {"pyproject.toml", "README.md", "LICENSE", "deploy/extra-ca.crt"} | locks


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("name", ["agent", "web"])
def test_every_set_of_requirements_can_be_built(name: str, file: str) -> None:
    """What the Dockerfile offers as REQUIREMENTS is locked, in the build's context, and asked for by compose."""
    (said,) = re.findall(r"^# (\w+), or (\w+): .*\nARG REQUIREMENTS=(\w+)$", (ROOT / "Dockerfile").read_text(), re.M)
    kept = (ROOT / ".dockerignore").read_text().splitlines()
    for requirements in said:
        assert f"!requirements/{requirements}.txt" in kept
        assert "--hash=sha256:" in (ROOT / f"requirements/{requirements}.txt").read_text()
    asked = compose_service(name, file)["build"]["args"]["REQUIREMENTS"]
    assert (value_of(asked, {}), value_of(asked, {"WHARFINGER_REQUIREMENTS": "oidc"})) == (said[0], said[1])
