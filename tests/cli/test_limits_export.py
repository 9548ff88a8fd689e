"""``limits plan --export``: text that Docker and Compose read."""

from __future__ import annotations

from typing import Any

import yaml

from cli.limits import exported

ITEMS: list[dict[str, Any]] = [
    {"name": "web 1", "knob": "cpu", "proposed": 1.254},
    {"name": "web 1", "knob": "memory", "proposed": 300.5 * 2**20},
    {"name": "db", "knob": "memory", "proposed": 512.0 * 2**20},
]


def test_docker_update_commands() -> None:
    assert exported(ITEMS, "docker").splitlines() == [
        "docker update --cpus 1.25 --memory 301m --memory-swap 602m 'web 1'",
        "docker update --memory 512m --memory-swap 1024m db",
    ]
    assert exported([], "docker") == ""


def test_compose_text_is_yaml() -> None:
    services = yaml.safe_load(exported(ITEMS, "compose"))["services"]
    assert services["web 1"]["deploy"]["resources"]["limits"] == {"cpus": "1.25", "memory": "301m"}
    assert services["db"]["deploy"]["resources"]["limits"] == {"memory": "512m"}
    assert yaml.safe_load(exported([], "compose")) == {"services": {}}
