"""Recommendations as text that Docker and Compose read."""

from __future__ import annotations

from typing import Any

import yaml

from model.snippets import snippet

ITEMS: list[dict[str, Any]] = [
    {"host": "a", "name": "web 1", "knob": "cpu", "proposed": 1.254},
    {"host": "a", "name": "web 1", "knob": "memory", "proposed": 300.5 * 2**20},
    {"host": "a", "name": "db", "knob": "memory", "proposed": 512.0 * 2**20},
]
OTHER: dict[str, Any] = {"host": "b\n", "name": "db", "knob": "cpu", "proposed": 0.5}


def test_docker_update_commands() -> None:
    assert snippet(ITEMS, "docker").splitlines() == [
        "docker update --cpus 1.25 --memory 301m --memory-swap 602m 'web 1'",
        "docker update --memory 512m --memory-swap 1024m db",
    ]
    assert snippet([], "docker") == ""


def test_compose_text_is_yaml() -> None:
    services = yaml.safe_load(snippet(ITEMS, "compose"))["services"]
    assert services["web 1"]["deploy"]["resources"]["limits"] == {"cpus": "1.25", "memory": "301m"}
    assert services["db"]["deploy"]["resources"]["limits"] == {"memory": "512m"}
    assert yaml.safe_load(snippet([], "compose")) == {"services": {}}


def test_commands_of_several_hosts_stand_below_their_host() -> None:
    assert snippet([*ITEMS, OTHER, ITEMS[0]], "docker").splitlines() == [
        '# on "a"',
        "docker update --cpus 1.25 --memory 301m --memory-swap 602m 'web 1'",
        "docker update --memory 512m --memory-swap 1024m db",
        '# on "b\\n"',
        "docker update --cpus 0.50 db",
    ]


def test_a_name_on_two_hosts_stands_once_in_compose() -> None:
    text = snippet([*ITEMS, OTHER], "compose")
    assert yaml.safe_load(text)["services"]["db"]["deploy"]["resources"]["limits"] == {"memory": "512m"}
    assert text.endswith(
        '#   "db":  # on "b\\n"\n#     deploy:\n#       resources:\n#         limits:\n#           cpus: "0.50"\n'
    )
