"""What is refused although its type is right; one row a fault."""

from __future__ import annotations

from typing import Any

import pytest

from config.describe import settings as every_setting
from config.load import load
from model.errors import InvalidInput

BAD: list[tuple[str, Any, str]] = [
    ("agent.interval_s", 0.05, "must be 0.1 to 60 seconds, not 0.05"),
    ("discovery.writable_layer_s", 5, "must be 60 to 86400 seconds (or 0), not 5"),
    ("agent.interval_s", 61, "must be 0.1 to 60 seconds, not 61"),
    ("agent.interval_s", float("nan"), "must be a finite number"),
    ("agent.host_name", "a b", "must be 1 to 253 characters without spaces, quotes, commas and equals signs"),
    ("agent.data_dir", "var", "must be a path that starts with /"),
    ("agent.run_dir", "/" + "x" * 100, "is too long for a socket: 96 bytes at most"),
    ("agent.group", "a b", "must be the name or the number of a group"),
    ("host.proc", "proc", "must be a path that starts with /"),
    ("host.sys", "", "must be a path that starts with /"),
    ("host.cgroup", "x", "must be a path that starts with /"),
    ("discovery.docker", "/var/run/docker.sock", "must be auto, off, unix:///path/of.sock or tcp://host:port"),
    ("discovery.podman", "on", "must be auto, off, unix:///path/of.sock or tcp://host:port"),
    ("discovery.containerd", "on", "must be auto, off or an absolute path, not 'on'"),
    ("discovery.label_prefix", "", 'must be the start of a label name, such as "wharfinger."'),
    ("store.raw_days", 0, "must be 0.01 to 36500 days, not 0"),
    ("store.hour_days", -1, "must be 0.01 to 36500 days, not -1"),
    ("store.max_bytes", 5, "must be 0 (no bound) or at least 16777216 (16 MiB)"),
    ("store.influxdb.version", "4", "must be auto, 1, 2, 3 or victoriametrics, not '4'"),
    ("store.influxdb.batch_lines", 0, "must be 1 to 100000 lines, not 0"),
    ("store.influxdb.flush_s", 0, "must be 0.1 to 60 seconds, not 0"),
    ("store.influxdb.spool_max_bytes", 5, "must be at least 1048576 (1 MiB)"),
    ("store.influxdb.url", "influx:8086", "must be a URL such as http://host:port"),
    ("web.listen", "0.0.0.0", "'0.0.0.0' is no address: write 127.0.0.1:9321 or [::1]:9321"),
    ("web.public_url", "ftp://x", "must be a URL such as http://host:port"),
    ("web.max_streams", 0, "must be 1 to 1000 streams, not 0"),
    ("web.auth_dir", "x", "must be a path that starts with /"),
    ("alerts.webhook_url", "example.com", "must be a URL such as http://host:port"),
    ("alerts.webhook_secret", "x", "signs nothing without alerts.webhook_url"),
    ("limits.mode", "AUTO", "must be off, observe or auto, not 'AUTO'"),
    ("limits.cpu_max", -1, "must be 0 to 4096 cores, not -1"),
    ("limits.cpu_max", 0.001, "must be 0 (no cap) or at least 0.01 cores, the least that Docker accepts"),
    ("limits.memory_max", "lots", "'lots' is no size: write 512m, 2g or a number of bytes"),
    ("limits.memory_max", "1m", "must be at least 6m"),
    ("limits.memory_peak_window", "24", "'24' is no duration: write 30s, 5m, 1h30m or 2d"),
    ("limits.memory_peak_window", "5s", "must be at least 1m"),
]
BAD_ITEMS: list[tuple[str, Any, str, str]] = [
    ("discovery.exclude", ["a", " "], "discovery.exclude[1]", "is empty: remove it"),
    ("alerts.rules", [""], "alerts.rules[0]", "is empty: remove it"),
    (
        "web.trusted_proxies",
        ["10.0.0.0/33"],
        "web.trusted_proxies[0]",
        "'10.0.0.0/33' is no address or network such as 10.0.0.0/8",
    ),
    (
        "alerts.receiver",
        [{"url": "http://h"}],
        "alerts.receiver[0].name",
        "must be 1 to 63 letters, digits, dots, hyphens and underscores",
    ),
    ("alerts.receiver", [{"name": "a"}], "alerts.receiver[0].url", "is missing: where should notifications go?"),
    (
        "alerts.receiver",
        [{"name": "a", "url": "http://h"}, {"name": "a", "url": "http://h"}],
        "alerts.receiver[1].name",
        "a is taken: give each receiver a name of its own",
    ),
    (
        "alerts.receiver",
        [{"name": "a", "url": "http://h", "match": {"severity": ["bad"]}}],
        "alerts.receiver[0].match.severity",
        "must be info, warning or critical, not 'bad'",
    ),
    (
        "alerts.receiver",
        [{"name": "a", "url": "http://h", "match": {"group": []}}],
        "alerts.receiver[0].match.group",
        "accepts no value, so nothing would ever be sent",
    ),
    ("fleet", [{"name": "", "url": "http://h"}], "fleet[0].name", "must be the host name of the other agent"),
    ("fleet", [{"name": "b", "url": "http://h"}] * 2, "fleet[1].name", "b stands here twice"),
    ("fleet", [{"name": "b"}], "fleet[0].url", "must be a URL such as http://host:port"),
]


def faults(path: str, value: object) -> dict[str, str]:
    with pytest.raises(InvalidInput) as caught:
        load(None, {}, root=True, overrides={path: value})
    return {f.path: f.message for f in caught.value.faults}


@pytest.mark.parametrize(("path", "value", "message"), BAD, ids=lambda v: str(v)[:40])
def test_impossible_values(path: str, value: object, message: str) -> None:
    told = faults(path, value)
    assert told == {path: message}


@pytest.mark.parametrize(("path", "value", "at", "message"), BAD_ITEMS, ids=lambda v: str(v)[:40])
def test_impossible_items(path: str, value: object, at: str, message: str) -> None:
    assert faults(path, value) == {at: message}


SIGN_IN = {"issuer": "https://sso.example.com", "client_id": "wharf", "default_role": "viewer"}


@pytest.mark.parametrize(
    ("change", "path", "message"),
    [
        ({"issuer": ""}, "issuer", "is missing: which provider knows this client_id?"),
        ({"issuer": "http://sso.example.com"}, "issuer", "must be an https URL, or http on a loopback address"),
        ({"client_id": ""}, "client_id", "is missing: the provider gives it when the dashboard is registered there"),
        ({"scopes": ["email"]}, "scopes", "must have openid in it, or the provider does not say who signed in"),
        ({"name_claim": ""}, "name_claim", "is empty: name the claim that names the user, such as email"),
        (
            {"role_claim": "groups", "roles": {"boss": ["x"]}},
            "roles.boss",
            "must be viewer, operator or admin, not 'boss'",
        ),
        (
            {"role_claim": "groups"},
            "roles",
            "is missing: role_claim names the claim, roles says which of its values mean which role",
        ),
        ({"default_role": "admin"}, "default_role", "must be viewer or operator, not 'admin'"),
        ({"default_role": ""}, "default_role", "is empty, and so are the roles: nobody could sign in"),
    ],
    ids=lambda v: str(v)[:30],
)
def test_a_sign_in_that_could_not_work_is_told(change: dict[str, object], path: str, message: str) -> None:
    assert faults("web.oidc", SIGN_IN | change) == {f"web.oidc.{path}": message}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("web.oidc", SIGN_IN),
        ("web.oidc", SIGN_IN | {"issuer": "http://127.0.0.1:8080/realms/main"}),
        ("web.oidc", SIGN_IN | {"role_claim": "groups", "roles": {"admin": ["a"]}, "default_role": ""}),
        ("discovery.docker", "unix:///run/docker.sock"),
        ("discovery.docker", "tcp://10.0.0.1:2375"),
        ("discovery.podman", "off"),
        ("web.trusted_proxies", ["127.0.0.1", "fd00::/8"]),
        ("limits.memory_max", "2g"),
        ("limits.cpu_max", 2),
        ("alerts.receiver", [{"name": "a", "kind": "apprise", "url": "mailto://u:p@h"}]),
        ("fleet", [{"name": "b", "url": "https://h:9321"}]),
    ],
)
def test_possible_values(path: str, value: object) -> None:
    load(None, {}, root=True, overrides={path: value})


def test_every_setting_has_help_and_every_secret_a_file() -> None:
    rows = {s.path: s for s in every_setting()}
    assert len(rows) > 50
    assert all(s.help.endswith(".") for s in rows.values())
    assert all(f"{s.path}_file" in rows for s in rows.values() if s.secret)
