"""The examples of the API's page work as they stand there."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from model.outside import change_json
from tests.dashboard.conftest import Site
from tests.dashboard.scripted import ID_A, change, frame, target

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text()
BLOCKS = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = [line for block in BLOCKS for line in block.replace("\\\n", " ").splitlines() if line.startswith("curl ")]
WITH_VALUE = {"-H", "-X", "-d"}


def taken_apart(command: str) -> tuple[str, str, dict[str, str], str | None]:
    """(method, address, headers, body) of a curl command."""
    words = iter(shlex.split(command)[1:])
    method, address, headers, body = "GET", "", {}, None
    for word in words:
        value = next(words) if word in WITH_VALUE else word
        if word == "-X":
            method = value
        elif word == "-d":
            body = value
        elif word == "-H":
            name, _, text = value.partition(": ")
            headers[name] = text
        elif not word.startswith("-"):
            address = word
    return method, address, headers, body


def test_there_are_examples() -> None:
    assert len(COMMANDS) >= 2


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_page_is_answered(site: Site, command: str) -> None:
    site.agent.frame_now = frame(targets={ID_A: target(ID_A, "shop-api-1", service="shop/api")})
    site.agent.answers |= {"limits.set": change_json(change()), "status": {"metrics": {}}}
    method, address, headers, body = taken_apart(command)
    parts = urlsplit(address)
    assert parts.netloc == "127.0.0.1:9321"
    if "$TOKEN" in headers.get("Authorization", ""):
        headers |= site.headers("operator")
    answer = site.client().open(f"{parts.path}?{parts.query}", method=method, headers=headers, data=body)
    assert answer.status_code == 200, answer.get_data(as_text=True)


def test_the_form_of_series_is_the_one_that_is_shown(site: Site) -> None:
    (shown,) = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL) if '"t0"' in block]
    real = site.get("/api/v1/series?metrics=cpu_usage_cores&container=api&since=-3s").json
    assert real.keys() == shown.keys()
    assert real["series"][0].keys() == shown["series"][0].keys()
