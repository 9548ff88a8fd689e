"""Which server this is, by what it says of itself."""

from __future__ import annotations

import json

import pytest

from storage.influx.client import shown
from storage.influx.dialect import BY_NAME, V1, V2, V3, VICTORIA, Dialect, Kind, Reply, is_basic, recognise

NONE = Reply(404, {}, b"404 page not found")


def ping(status: int = 204, body: bytes = b"", **headers: str) -> Reply:
    return Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


def health(version: str) -> Reply:
    return Reply(200, {}, json.dumps({"name": "influxdb", "status": "pass", "version": version}).encode())


@pytest.mark.parametrize(
    ("pinged", "healthy", "kind", "version"),
    [
        (ping(x_influxdb_version="1.6.7~rc0"), NONE, Kind.V1, "1.6.7~rc0"),
        (ping(x_influxdb_version="1.8.10"), health("1.8.10"), Kind.V1, "1.8.10"),
        (ping(x_influxdb_version="v2.7.12"), health("v2.7.12"), Kind.V2, "2.7.12"),
        (ping(x_influxdb_version="1.6.7"), health("v2.7.12-front"), Kind.V2, "2.7.12-front"),
        (ping(x_influxdb_version="Cloud"), Reply(200, {}, b"ready"), Kind.V2, "Cloud"),
        (ping(200, b'{"version":"3.1.0"}', x_influxdb_version="3.1.0"), Reply(200, {}, b"OK"), Kind.V3, "3.1.0"),
        (ping(200, b'{"version":"3.0.2"}'), Reply(200, {}, b"OK"), Kind.V3, "3.0.2"),
        (ping(x_server_hostname="vm"), Reply(200, {}, b"OK"), Kind.VICTORIA, ""),
        (ping(x_server_hostname="vm", x_influxdb_version="1.8.0"), Reply(200, {}, b"OK"), Kind.VICTORIA, ""),
        (ping(), NONE, Kind.V1, ""),
    ],
)
def test_recognised(pinged: Reply, healthy: Reply, kind: Kind, version: str) -> None:
    found = recognise(pinged, healthy)
    assert found is not None
    assert (found.kind, found.version) == (kind, version)


@pytest.mark.parametrize(
    ("pinged", "healthy"),
    [
        (NONE, NONE),
        (Reply(401, {}, b""), Reply(401, {}, b"")),
        (Reply(200, {}, b"<html>"), Reply(200, {}, b"<html>")),
        (Reply(200, {}, b"[1]"), Reply(200, {}, b"[1]")),
    ],
)
def test_not_recognised(pinged: Reply, healthy: Reply) -> None:
    assert recognise(pinged, healthy) is None


def test_parameters() -> None:
    assert V1.write_path == VICTORIA.write_path == "/write"
    assert V2.write_path == V3.write_path == "/api/v2/write"
    assert V1.write_parameters("b", "o") == [("db", "b"), ("precision", "ms")]
    assert V2.write_parameters("b", "o") == [("org", "o"), ("bucket", "b"), ("precision", "ms")]
    assert V2.query_parameters("db/rp") == [("db", "db"), ("rp", "rp")]
    assert V2.query_parameters("plain") == V1.query_parameters("plain") == [("db", "plain")]
    assert V3.query_parameters("a/b") == [("db", "a/b")]
    assert set(BY_NAME) == {kind.value for kind in Kind}


def test_names() -> None:
    assert str(Dialect(Kind.V2, version="2.7.12")) == "InfluxDB 2.7.12"
    assert str(V3) == "InfluxDB 3"
    assert str(VICTORIA) == "VictoriaMetrics"


def test_token_forms() -> None:
    assert is_basic("user:password")
    assert not is_basic("qDl5k3Wd0u-9w==")
    assert not is_basic("")


def test_a_url_in_a_log_shows_no_password() -> None:
    assert shown("https://user:secret@influx.example:8086/path/?token=x") == "https://influx.example:8086/path"
