"""A data folder as the first release left it: the whole program takes it over, and all of it is there."""

from __future__ import annotations

import gzip
from pathlib import Path

from storage.factory import open_auth
from tests.e2e.harness import ROOT, running
from tests.storage.hosts import START_MS
from tests.support.wait import wait_until

STORES = ROOT / "tests/fixtures/stores"
NO_SOCKET = "unix:///nowhere/docker.sock"
KEEP = {f"WHARFINGER_STORE__{tier}_DAYS": "36500" for tier in ("RAW", "TEN_SECONDS", "MINUTE", "HOUR")}


def put(kind: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{kind}.db").write_bytes(gzip.decompress((STORES / f"{kind}-form1.db.gz").read_bytes()))


def test_the_data_of_the_first_release_is_taken_over(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for kind in ("series", "state"):
        put(kind, data)
    put("auth", tmp_path / "auth")
    own = {"WHARFINGER_WEB__AUTH_DIR": str(tmp_path / "auth"), "WHARFINGER_DISCOVERY__DOCKER": NO_SOCKET, **KEEP}
    own["WHARFINGER_AGENT__HOST_NAME"] = "web-1"  # whose data it is
    with running(tmp_path, **own) as house:
        old = house.get("/series", metrics="pids", container="a", since=START_MS, until=START_MS + 760_000, step="1s")
        assert old["series"][0]["avg"] == [float(i % 97) for i in range(760)]
        assert house.get("/limits/pause")["paused"], "what was stopped stays stopped"
        assert "ann" in {entry["actor"] for entry in house.items("/audit")}
        wait_until(
            lambda: house.get("/series", metrics="host_load_1m", host="web-1", since="-1m")["series"],
            15,
            "a new second",
        )
        assert "corrupt" not in house.log()
    auth = open_auth(tmp_path / "auth/auth.db")
    assert auth.value("setup") == "x"
    auth.close()
    assert not list(data.glob("*.corrupt-*"))
