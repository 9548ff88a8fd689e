"""What goes wrong on hosts: a killed agent, no Docker, no root, wrong settings, wrong tokens."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pytest

from tests.e2e.harness import ROOT, Wharfinger, running
from tests.support.wait import wait_until
from tools.servers.docker import DockerEngine

NO_SOCKET = "unix:///nowhere/docker.sock"


def seconds_kept(house: Wharfinger) -> list[int]:
    """Every second of the host's own load that the store has."""
    answer = house.get("/series", metrics="host_load_1m", host="e2e", since="-5m", step="1s")
    points = answer["series"][0]["avg"] if answer["series"] else []
    return [answer["t0"] + i * answer["step_ms"] for i, v in enumerate(points) if v is not None]


def test_a_killed_agent_is_back_within_three_seconds_and_loses_the_tick_in_flight_at_most(tmp_path: Path) -> None:
    with running(tmp_path) as house:
        wait_until(lambda: len(seconds_kept(house)) >= 3, 15, "some seconds of history")
        before = seconds_kept(house)
        killed_at = time.time()
        os.kill(house.child("agent"), signal.SIGKILL)
        wait_until(lambda: house.get("/hosts/e2e") and seconds_kept(house)[-1] / 1000 > killed_at, 10, "a new tick")
        back = next(at for at in seconds_kept(house) if at / 1000 > killed_at)
        assert back / 1000 - killed_at <= 4.0, "the first tick of the new agent"
        assert set(before) <= set(seconds_kept(house)), "nothing that was kept is lost"
        assert house.ask("GET", "/readyz")[0] == 200
        assert "starting it again" in house.log()


def test_the_web_process_comes_back_and_the_agent_never_notices(tmp_path: Path) -> None:
    with running(tmp_path, WHARFINGER_WEB__LISTEN="127.0.0.1:39321") as house:
        agent = house.child("agent")
        wait_until(lambda: seconds_kept(house), 15, "history")
        os.kill(house.child("web"), signal.SIGKILL)

        def answers() -> bool:
            try:
                return house.ask("GET", "/healthz")[0] == 200
            except OSError:
                return False

        wait_until(answers, 15, "the web process is back")
        assert house.child("agent") == agent
        kept = seconds_kept(house)
        assert len(kept) == (kept[-1] - kept[0]) // 1000 + 1, "no second is missing"


def test_without_docker_the_hosts_own_cgroups_are_shown_and_it_is_said(tmp_path: Path) -> None:
    with running(tmp_path, WHARFINGER_DISCOVERY__DOCKER=NO_SOCKET, WHARFINGER_DISCOVERY__PODMAN="off") as house:
        status, ready = house.ask("GET", "/readyz")
        assert status == 200
        docker = next(p for p in ready["parts"] if p["name"] == "docker")
        assert docker["state"] in ("down", "degraded")
        assert house.get("/hosts/e2e")["latest"]["host_cpu_count"] == os.cpu_count()
        doctor = house.command("doctor", "--json")
        check = next(c for c in json.loads(doctor.stdout)["checks"] if c["name"] == "docker")
        assert check["state"] != "ok"
        assert check["remedy"]


def test_a_docker_socket_that_is_not_there_costs_names_and_no_samples(
    tmp_path: Path, docker_engine: DockerEngine
) -> None:
    container = docker_engine.run(["sleep", "3600"], network_mode="none")
    with running(tmp_path, WHARFINGER_DISCOVERY__DOCKER=NO_SOCKET) as house:
        found = wait_until(
            lambda: next((c for c in house.items("/containers") if c["id"] == container.id), None), 10, "the container"
        )
        assert found["name"] == container.id[:12]
        assert wait_until(
            lambda: house.get(f"/containers/{container.id}")["latest"].get("memory_usage_bytes"), 5, "its figures"
        )


def nobody(folder: Path) -> tuple[str, ...]:
    """Words that start wharfinger as nobody, wherever code and interpreter lie: both are bound to a place
    that nobody may enter, in a mount namespace of this process's own."""
    site = sysconfig.get_paths()["purelib"]
    inside = Path(site).relative_to(ROOT) if Path(site).is_relative_to(ROOT) else None
    packages = folder / "code" / inside if inside else Path(site)
    script = (
        'mount --bind "$0" "$1/code" && mount --bind "$2" "$1/python" && cd "$1/code" && shift 2 && '
        'exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@"'
    )
    python = folder / "python" / "bin" / f"python3.{sys.version_info.minor}"
    libraries = f"LD_LIBRARY_PATH={folder / 'python' / 'lib'}"  # a shared libpython is found by an absolute path
    environ = ("env", f"PYTHONPATH={folder / 'code'}:{packages}", *([libraries] if sys.base_prefix != "/usr" else []))
    bound = ("unshare", "--mount", "sh", "-c", script, str(ROOT), str(folder), sys.base_prefix)
    return (*bound, *environ, str(python), "-m", "cli.main")


@pytest.mark.root
def test_without_root_what_may_be_read_is_shown_and_doctor_names_the_rest(tmp_path: Path, as_root: None) -> None:
    for parent in (tmp_path, *tmp_path.parents[:-2]):  # all but / and the folder of temporary files
        parent.chmod(parent.stat().st_mode | 0o055)
    for name in ("home", "code", "python"):
        (tmp_path / name).mkdir()
    for folder in (tmp_path, tmp_path / "home"):
        os.chown(folder, 65534, 65534)
    with running(tmp_path, nobody(tmp_path), HOME=str(tmp_path / "home")) as house:
        assert house.get("/hosts/e2e")["latest"]["host_memory_total_bytes"] > 0
        assert house.ask("GET", "/readyz")[0] == 200
        doctor = subprocess.run(
            [*nobody(tmp_path), "doctor", "--json"], env=house.environ, capture_output=True, text=True, check=False
        )
        checks = {c["name"]: c for c in json.loads(doctor.stdout)["checks"]}
        assert checks["rights"]["state"] == "warning"
        assert checks["docker"]["state"] != "ok"
        assert all(c["remedy"] for c in checks.values() if c["state"] != "ok"), checks


def test_a_wrong_token_and_no_token_are_told_so(tmp_path: Path) -> None:
    with running(tmp_path) as house:
        for token in ("", "wrong", "whf_" + "x" * 40):
            status, problem = house.ask("GET", "/containers", token=token)
            assert status == 401
            assert problem["status"] == 401
        assert house.command("health").returncode == 0
        code = house.stop()
        assert code == 0
        assert house.command("health").returncode == 1


def test_hup_takes_over_good_rules_and_refuses_bad_ones(tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    with running(tmp_path) as house:
        before = len(house.items("/alerts/rules"))
        good = (
            '[[rule]]\nname = "Busy"\nseverity = "info"\nmetric = "cpu_usage_cores"\ncomparison = ">"\nthreshold = 3\n'
        )
        (rules / "busy.toml").write_text(good)
        house.process.send_signal(signal.SIGHUP)
        wait_until(lambda: len(house.items("/alerts/rules")) == before + 1, 10, "the new rule")
        (rules / "busy.toml").write_text(good.replace("cpu_usage_cores", "cpu_usage_coers"))
        house.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "reload refused" in house.log(), 10, "the refusal is logged")
        assert "cpu_usage_cores" in house.log(), "the nearest metric is named"
        assert len(house.items("/alerts/rules")) == before + 1
