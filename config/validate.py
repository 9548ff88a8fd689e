"""What no type can say: ranges, forms, and settings that contradict each other. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from typing import Final

from config.schema import (
    AgentSettings,
    AlertSettings,
    DiscoverySettings,
    FleetSettings,
    HostSettings,
    InfluxSettings,
    LimitSettings,
    OidcSettings,
    ReceiverSettings,
    Settings,
    StoreSettings,
    WebSettings,
)
from config.values import parse_duration, parse_listen, parse_size, shown, url_fault
from model.alert import Severity
from model.change import Mode
from model.errors import Fault, Malformed

RECEIVER_KINDS: Final = ("webhook", "alertmanager", "slack", "discord", "ntfy", "pagerduty", "apprise")
INFLUX_VERSIONS: Final = ("auto", "1", "2", "3", "victoriametrics")
MODES: Final = tuple(m.value for m in Mode)
SEVERITIES: Final = tuple(s.value for s in Severity)
ROLES: Final = ("viewer", "operator", "admin")
LOOPBACK_URLS: Final = ("http://127.0.0.1:", "http://localhost:", "http://[::1]:")
SOCKET_PATH_MAX: Final = 107
"""Bytes of a Unix socket's path (sun_path is 108 with its NUL)."""
HOST_NAME: Final = re.compile(r"[^\s\x00-\x1f\x7f,=\"\\]{1,253}")


def check(settings: Settings) -> list[Fault]:
    """All faults of settings that are of the right types; what may be left empty may still be empty."""
    return [
        *agent(settings.agent),
        *host(settings.host),
        *discovery(settings.discovery),
        *store(settings.store),
        *web(settings.web),
        *alerts(settings.alerts),
        *limits(settings.limits),
        *fleet(settings.fleet),
    ]


def check_filled(settings: Settings) -> Iterator[Fault]:
    """Faults of what was filled in from the system where the operator named nothing."""
    s = settings.agent
    if not HOST_NAME.fullmatch(s.host_name):
        yield Fault("agent.host_name", "must be 1 to 253 characters without spaces, quotes, commas and equals signs")
    if len(f"{s.run_dir}/agent.sock".encode()) > SOCKET_PATH_MAX:
        yield Fault("agent.run_dir", f"is too long for a socket: {SOCKET_PATH_MAX - 11} bytes at most")


def agent(s: AgentSettings) -> Iterator[Fault]:
    yield from between("agent.interval_s", s.interval_s, 0.1, 60, "seconds")
    yield from absolute("agent.data_dir", s.data_dir or "/")
    yield from absolute("agent.run_dir", s.run_dir or "/")
    if s.group and not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}", s.group):
        yield Fault("agent.group", "must be the name or the number of a group")


def host(s: HostSettings) -> Iterator[Fault]:
    yield from absolute("host.proc", s.proc)
    yield from absolute("host.sys", s.sys)
    yield from absolute("host.cgroup", s.cgroup)


def discovery(s: DiscoverySettings) -> Iterator[Fault]:
    for path, address in (("discovery.docker", s.docker), ("discovery.podman", s.podman)):
        socket = address.startswith(("unix:///", "http+unix:///"))
        if address not in ("auto", "off") and not socket and url_fault(address, ("tcp", "http", "https")):
            yield Fault(path, "must be auto, off, unix:///path/of.sock or tcp://host:port")
    if s.containerd not in ("auto", "off") and not s.containerd.startswith("/"):
        yield Fault("discovery.containerd", f"must be auto, off or an absolute path, not {s.containerd!r}")
    yield from not_empty_texts("discovery.services", s.services)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._/-]*", s.label_prefix):
        yield Fault("discovery.label_prefix", 'must be the start of a label name, such as "wharfinger."')
    yield from not_empty_texts("discovery.exclude", s.exclude)
    if s.writable_layer_s:
        yield from between("discovery.writable_layer_s", s.writable_layer_s, 60, 86_400, "seconds (or 0)")


def store(s: StoreSettings) -> Iterator[Fault]:
    for name in ("raw_days", "ten_seconds_days", "minute_days", "hour_days"):
        yield from between(f"store.{name}", getattr(s, name), 0.01, 36500, "days")
    if s.max_bytes != 0 and s.max_bytes < 16 * 1024**2:
        yield Fault("store.max_bytes", "must be 0 (no bound) or at least 16777216 (16 MiB)")
    yield from influxdb(s.influxdb)


def influxdb(s: InfluxSettings) -> Iterator[Fault]:
    if s.url:
        yield from url("store.influxdb.url", s.url)
        if "@" in s.url:
            yield Fault("store.influxdb.url", "must not hold a password: put user:password into token or token_file")
        if not s.bucket or any(not c.isprintable() for c in s.bucket):
            yield Fault("store.influxdb.bucket", "must name a bucket (InfluxDB 1: a database)")
    yield from one_of("store.influxdb.version", s.version, INFLUX_VERSIONS)
    yield from between("store.influxdb.batch_lines", s.batch_lines, 1, 100_000, "lines")
    yield from between("store.influxdb.flush_s", s.flush_s, 0.1, 60, "seconds")
    if s.spool_max_bytes < 1024**2:
        yield Fault("store.influxdb.spool_max_bytes", "must be at least 1048576 (1 MiB)")


def web(s: WebSettings) -> Iterator[Fault]:
    yield from form("web.listen", s.listen, parse_listen)
    if s.public_url:
        yield from url("web.public_url", s.public_url)
    for i, network in enumerate(s.trusted_proxies):
        try:
            ipaddress.ip_network(network, strict=False)
        except ValueError:
            yield Fault(f"web.trusted_proxies[{i}]", f"{shown(network)} is no address or network such as 10.0.0.0/8")
    for name, header in (("login_header", s.login_header), ("role_header", s.role_header)):
        if header and not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]{0,63}", header):
            yield Fault(f"web.{name}", "must be the name of a header, such as Remote-User")
    if s.login_header and not s.trusted_proxies:
        yield Fault("web.login_header", "is believed from nobody: name the proxy in web.trusted_proxies")
    if s.role_header and not s.login_header:
        yield Fault("web.role_header", "says nothing without web.login_header")
    if s.user and not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}", s.user):
        yield Fault("web.user", "must be the name or the number of a user")
    yield from between("web.max_streams", s.max_streams, 1, 1000, "streams")
    yield from absolute("web.auth_dir", s.auth_dir or "/")
    yield from oidc(s.oidc)


def oidc(s: OidcSettings) -> Iterator[Fault]:
    if not s.issuer:
        if s.client_id:
            yield Fault("web.oidc.issuer", "is missing: which provider knows this client_id?")
        return
    if url_fault(s.issuer, ("https",)) and not s.issuer.startswith(LOOPBACK_URLS):
        yield Fault("web.oidc.issuer", "must be an https URL, or http on a loopback address")
    if not s.client_id:
        yield Fault("web.oidc.client_id", "is missing: the provider gives it when the dashboard is registered there")
    if "openid" not in s.scopes:
        yield Fault("web.oidc.scopes", "must have openid in it, or the provider does not say who signed in")
    if not s.name_claim:
        yield Fault("web.oidc.name_claim", "is empty: name the claim that names the user, such as email")
    for role in s.roles:
        yield from one_of(f"web.oidc.roles.{role}", role, ROLES)
    if bool(s.roles) != bool(s.role_claim):
        missing = "web.oidc.roles" if s.role_claim else "web.oidc.role_claim"
        yield Fault(missing, "is missing: role_claim names the claim, roles says which of its values mean which role")
    if s.default_role:
        yield from one_of("web.oidc.default_role", s.default_role, ROLES[:2])
    elif not s.roles:
        yield Fault("web.oidc.default_role", "is empty, and so are the roles: nobody could sign in")


def alerts(s: AlertSettings) -> Iterator[Fault]:
    yield from not_empty_texts("alerts.rules", s.rules)
    if s.webhook_url:
        yield from url("alerts.webhook_url", s.webhook_url)
    elif s.webhook_secret:
        yield Fault("alerts.webhook_secret", "signs nothing without alerts.webhook_url")
    names: set[str] = {"webhook"} if s.webhook_url else set()
    for i, item in enumerate(s.receiver):
        yield from receiver(f"alerts.receiver[{i}]", item, names)
        names.add(item.name)
    yield from between("alerts.group_wait_s", s.group_wait_s, 0, 300, "seconds")
    yield from between("alerts.group_interval_s", s.group_interval_s, 0, 86_400, "seconds")
    if s.flapping_firings != 0:
        yield from between("alerts.flapping_firings", s.flapping_firings, 2, 100, "firings, or 0 to hold none")
    yield from between("alerts.flapping_window_s", s.flapping_window_s, 60, 86_400, "seconds")
    yield from between("alerts.flapping_hold_s", s.flapping_hold_s, 1, 86_400, "seconds")


def receiver(path: str, s: ReceiverSettings, taken: set[str]) -> Iterator[Fault]:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", s.name):
        yield Fault(f"{path}.name", "must be 1 to 63 letters, digits, dots, hyphens and underscores")
    elif s.name in taken:
        yield Fault(f"{path}.name", f"{s.name} is taken: give each receiver a name of its own")
    yield from one_of(f"{path}.kind", s.kind, RECEIVER_KINDS)
    if not s.url:
        yield Fault(f"{path}.url", "is missing: where should notifications go?")
    elif s.kind != "apprise":
        yield from url(f"{path}.url", s.url)
    if s.repeat_s != 0:
        yield from between(f"{path}.repeat_s", s.repeat_s, 60, 7 * 86_400, "seconds, or 0 to be told once")
    yield from between(f"{path}.escalate_after_s", s.escalate_after_s, 0, 7 * 86_400, "seconds")
    for label, values in s.match.items():
        if not values:
            yield Fault(f"{path}.match.{label}", "accepts no value, so nothing would ever be sent")
        if label == "severity":
            for value in values:
                yield from one_of(f"{path}.match.severity", value, SEVERITIES)


def limits(s: LimitSettings) -> Iterator[Fault]:
    yield from one_of("limits.mode", s.mode, MODES)
    yield from one_of("limits.cpu_control", s.cpu_control, ("quota", "weight"))
    yield from between("limits.cpu_max", s.cpu_max, 0, 4096, "cores")
    if 0 < s.cpu_max < 0.01:
        yield Fault("limits.cpu_max", "must be 0 (no cap) or at least 0.01 cores, the least that Docker accepts")
    if s.memory_max:
        yield from form("limits.memory_max", s.memory_max, parse_size, least=6 * 1024**2, least_text="6m")
    yield from form("limits.memory_peak_window", s.memory_peak_window, parse_duration, least=60, least_text="1m")


def fleet(items: list[FleetSettings]) -> Iterator[Fault]:
    names: set[str] = set()
    for i, item in enumerate(items):
        if not HOST_NAME.fullmatch(item.name):
            yield Fault(f"fleet[{i}].name", "must be the host name of the other agent")
        elif item.name in names:
            yield Fault(f"fleet[{i}].name", f"{item.name} stands here twice")
        names.add(item.name)
        yield from url(f"fleet[{i}].url", item.url)


def between(path: str, value: float, least: float, most: float, unit: str) -> Iterator[Fault]:
    if not least <= value <= most:
        yield Fault(path, f"must be {least:g} to {most:g} {unit}, not {value:g}")


def one_of(path: str, value: str, accepted: tuple[str, ...]) -> Iterator[Fault]:
    if value not in accepted:
        yield Fault(path, f"must be {', '.join(accepted[:-1])} or {accepted[-1]}, not {shown(value)}")


def absolute(path: str, value: str) -> Iterator[Fault]:
    if not value.startswith("/") or "\0" in value:
        yield Fault(path, "must be a path that starts with /")


def url(path: str, value: str) -> Iterator[Fault]:
    fault = url_fault(value)
    if fault:
        yield Fault(path, fault)


def not_empty_texts(path: str, values: list[str]) -> Iterator[Fault]:
    yield from (Fault(f"{path}[{i}]", "is empty: remove it") for i, value in enumerate(values) if not value.strip())


def form(
    path: str, value: str, parse: Callable[[str], object], *, least: float | None = None, least_text: str = ""
) -> Iterator[Fault]:
    """The text must parse; a number must not be below ``least``."""
    try:
        parsed = parse(value)
    except Malformed as fault:
        yield Fault(path, str(fault))
        return
    if least is not None and isinstance(parsed, (int, float)) and parsed < least:
        yield Fault(path, f"must be at least {least_text}")
