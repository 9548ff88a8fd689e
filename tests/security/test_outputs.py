"""A real container with hostile labels, and secrets in every place: what comes out of the running program."""

from __future__ import annotations

import json
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from tests.e2e.harness import DOCKER, TOKEN, running
from tests.support.wait import wait_until
from tests.support.webhook import Scripted, receiving
from tools.servers.docker import DockerEngine
from tools.servers.process import find_binary

EVIL = "x'\";--<script>alert(1)</script>\n\x1b[31m\x1b]0;t\x07\u202egnp,={{7*7}}$(id)`id`%s%n\\"
BUSY = ["sh", "-c", "while :; do :; done"]
PASSWORD = "correct horse battery"
SECRETS = {
    "webhook": "whsec_" + "c2VjcmV0IG9mIHRoZSB3ZWJob29rLCAzMiBieXRlcyE=",
    "path": "T0000SECRETPATH9999",
    "influx": "reader:influx-secret-000",
    "fleet": "whf_fleet-secret-000",
    "password": PASSWORD,
    "token": TOKEN,
    "wrong": "whf_wrong-token-of-somebody",
}


def drives_a_terminal(text: str) -> list[str]:
    """Characters that do more than be seen, line ends apart."""
    return [c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs") and c not in "\n"]


@pytest.mark.docker
def test_hostile_labels_stay_text_in_every_output(tmp_path: Path, docker_engine: DockerEngine) -> None:
    labels = {
        "wharfinger.group": EVIL,
        "com.docker.compose.project": EVIL,
        "com.docker.compose.service": EVIL,
        EVIL: EVIL,
    }
    with (
        receiving() as inbox,
        running(tmp_path, **{DOCKER: docker_engine.address, "WHARFINGER_ALERTS__WEBHOOK_URL": inbox.url}) as house,
    ):
        made = docker_engine.run(BUSY, labels=labels, nano_cpus=100_000_000, network_mode="none")
        wait_until(
            lambda: [a for a in house.items("/alerts", state="firing") if a["container_id"] == made.id], 45, "an alert"
        )
        (one,) = [c for c in house.items("/containers") if c["id"] == made.id]
        assert one["group"] == EVIL, "kept as it is, as data"
        for words in (
            ("limits", "list"),
            ("limits", "plan"),
            ("alerts", "list"),
            ("top", "--once"),
            ("limits", "history"),
        ):
            said = house.command(*words)
            assert said.returncode == 0, said.stderr
            assert not drives_a_terminal(said.stdout + said.stderr), words
        taken = json.loads(house.command("collect", "--once", "--json").stdout)
        assert EVIL in {c["group"] for c in taken["containers"]}
        rows = house.command("query", "cpu_usage_cores", "--container", str(made.id), "--since", "1m", "--csv").stdout
        assert "\x1b" not in rows
        _, metrics = house.ask("GET", "/metrics")
        lint = subprocess.run(
            [find_binary("promtool", "prometheus"), "check", "metrics"],
            input=metrics, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert "error while linting" not in lint.stderr
        status, report = house.ask("GET", f"/containers/{made.id}/report.html")
        assert status == 200
        assert "<script>alert" not in report
        told = wait_until(lambda: [r.json() for r in inbox.requests if made.id in r.body.decode()], 30, "the message")
        group = told[0]["alerts"][0]["labels"]["group"]
        assert "<script>alert(1)</script>" in group, "text for whoever shows it"
        assert not drives_a_terminal(group)
    assert not drives_a_terminal(house.log())


def test_no_secret_is_in_any_log_or_answer(tmp_path: Path) -> None:
    """At the most talkative level, with everything that a secret is for failing."""
    with receiving(*[Scripted(503)] * 50) as inbox:
        environ = {
            DOCKER: "off",
            "WHARFINGER_ALERTS__WEBHOOK_URL": f"{inbox.url}/services/{SECRETS['path']}",
            "WHARFINGER_ALERTS__WEBHOOK_SECRET": SECRETS["webhook"],
            "WHARFINGER_STORE__INFLUXDB__URL": "http://127.0.0.1:9",
            "WHARFINGER_STORE__INFLUXDB__TOKEN": SECRETS["influx"],
            "WHARFINGER_CONFIG": str(tmp_path / "config.toml"),
        }
        (tmp_path / "config.toml").write_text(
            f'[[fleet]]\nname = "other"\nurl = "http://127.0.0.1:9"\ntoken = "{SECRETS["fleet"]}"\n'
        )
        start = (sys.executable, "-m", "cli.main", "--log-level", "debug")
        with running(tmp_path, start, **environ) as house:
            said = [house.ask("GET", "/hosts"), house.ask("GET", "/hosts", token=SECRETS["wrong"])]
            said += [house.ask("POST", "/session", {"username": "admin", "password": PASSWORD + "x"}, token="")]
            said += [house.ask("POST", "/session", {"username": "admin", "password": PASSWORD}, token="")]
            said += [house.ask("POST", "/receivers/webhook/test")]
            wait_until(lambda: inbox.requests, 15, "a try")
            for path in ("/status", "/receivers", "/deliveries", "/users", "/tokens", "/audit", "/containers"):
                said.append(house.ask("GET", path))
            said += [house.ask("GET", path) for path in ("/readyz", "/metrics")]
            commands = [
                house.command(*w)
                for w in (("doctor",), ("check-config", "--show"), ("alerts", "test-receiver", "webhook"))
            ]
            told = "\n".join([json.dumps(said), *(c.stdout + c.stderr for c in commands)])
        log = house.log()
    assert "DEBUG" in log or "INFO" in log
    for name, secret in SECRETS.items():
        assert secret not in log, f"the {name} stands in the log"
        assert secret not in told, f"the {name} stands in an answer"
    databases = b"".join(p.read_bytes() for p in tmp_path.rglob("auth.db*"))
    for name in ("password", "token", "wrong"):
        assert SECRETS[name].encode() not in databases, "only what cannot be turned back is kept"
