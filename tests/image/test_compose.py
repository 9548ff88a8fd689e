"""deploy/compose.yaml and the Dockerfile say only what the program knows."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest

from config.describe import settings
from tools.servers.image import ROOT, compose_service, value_of

PATHS = {s.path for s in settings()}


def as_path(variable: str) -> str:
    return variable.removeprefix("WHARFINGER_").lower().replace("__", ".")


@pytest.mark.parametrize("name", ["agent", "web"])
def test_every_variable_of_compose_is_a_setting(name: str) -> None:
    service = compose_service(name)
    assert not [v for v in service["environment"] if as_path(v) not in PATHS]


def test_every_variable_of_the_image_is_a_setting() -> None:
    text = (ROOT / "Dockerfile").read_text()
    variables = re.findall(r"WHARFINGER_\w+", text)
    assert variables
    assert not [v for v in variables if as_path(v) not in PATHS]


def test_the_listening_service_has_no_rights() -> None:
    web: dict[str, Any] = compose_service("web")
    assert "user" not in web, "the image's own, which is not root"
    assert "cap_add" not in web
    assert web["cap_drop"] == ["ALL"]
    assert web["read_only"]
    assert not [v for v in web["volumes"] if "docker.sock" in v or v.startswith("/")]
    assert "ports" not in compose_service("agent")
    assert value_of(web["ports"][0].rpartition(":")[0], {}) == "127.0.0.1:9321"


def test_the_image_holds_the_code_and_nothing_of_the_workshop() -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    shipped = set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
    assert shipped <= kept
    assert kept - shipped == {"pyproject.toml", "README.md", "LICENSE", "requirements/run.txt", "deploy/extra-ca.crt"}
