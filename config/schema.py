"""Every setting: its section, its type, its default, its help. Nothing else knows a default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


def setting(default: Any, text: str, *, secret: bool = False) -> Any:
    """A field with help; ``secret`` values are redacted wherever settings are shown."""
    metadata = {"help": text, "secret": secret}
    if isinstance(default, (list, dict)):
        return field(default_factory=lambda: type(default)(default), metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True)
class AgentSettings:
    host_name: str = setting("", "Name of this host in every store and alert; empty: the system's host name.")
    interval_s: float = setting(1.0, "Seconds between two ticks.")
    data_dir: str = setting(
        "",
        "Folder of databases and spool; empty: /var/lib/wharfinger, without root $XDG_STATE_HOME/wharfinger.",
    )
    run_dir: str = setting(
        "", "Folder of the link's socket; empty: /run/wharfinger, or $XDG_RUNTIME_DIR/wharfinger without root."
    )
    group: str = setting("", "Group (name or number) that may use the link and read the series: the web process's.")


@dataclass(frozen=True, slots=True)
class HostSettings:
    proc: str = setting("/proc", "Where the host's /proc is seen (another path inside a container).")
    sys: str = setting("/sys", "Where the host's /sys is seen.")
    cgroup: str = setting("/sys/fs/cgroup", "Where the host's cgroup tree is seen.")


@dataclass(frozen=True, slots=True)
class DiscoverySettings:
    docker: str = setting("auto", "Docker socket: auto, off, or an address such as unix:///var/run/docker.sock.")
    podman: str = setting("auto", "Podman socket: auto, off, or an address.")
    containerd: str = setting(
        "auto", "containerd (and CRI-O): auto, off, or the folder of containerd's state, such as /run/containerd."
    )
    cgroup_walk: bool = setting(True, "Find containers by walking the cgroup tree as well.")
    services: list[str] = setting([], 'Globs of systemd services that are watched like containers: ["nginx", "app-*"].')
    exclude: list[str] = setting([], "Globs of container names that are not watched.")
    label_prefix: str = setting("wharfinger.", "Prefix of the container labels that are read.")
    writable_layer_s: float = setting(
        0.0, "Seconds between two looks at the sizes of writable layers, which Docker walks file by file; 0: never."
    )


@dataclass(frozen=True, slots=True)
class InfluxSettings:
    url: str = setting("", "InfluxDB to push to; empty: no push.")
    version: str = setting("auto", "Dialect: auto, 1, 2, 3 or victoriametrics.")
    org: str = setting("", "Organisation (InfluxDB 2).")
    bucket: str = setting("wharfinger", "Bucket, or database on InfluxDB 1.")
    token: str = setting("", "Token; user:password on InfluxDB 1.", secret=True)
    token_file: str = setting("", "File that holds the token.")
    batch_lines: int = setting(5000, "Lines a request at most.")
    flush_s: float = setting(1.0, "Seconds that a line waits for company at most.")
    spool_max_bytes: int = setting(1073741824, "Size of the disk spool at which the oldest lines are dropped.")


@dataclass(frozen=True, slots=True)
class StoreSettings:
    raw_days: float = setting(2.0, "Days that seconds are kept.")
    ten_seconds_days: float = setting(14.0, "Days that 10-second roll-ups are kept.")
    minute_days: float = setting(90.0, "Days that minutes are kept.")
    hour_days: float = setting(730.0, "Days that hours are kept.")
    max_bytes: int = setting(0, "Size of series.db at which the oldest is dropped; 0: no bound.")
    influxdb: InfluxSettings = field(default_factory=InfluxSettings)


@dataclass(frozen=True, slots=True)
class OidcSettings:
    issuer: str = setting("", "URL of the OpenID Connect provider, exactly as it names itself; empty: none.")
    client_id: str = setting("", "What the provider calls this dashboard.")
    client_secret: str = setting("", "Its secret there; empty: a public client, by PKCE alone.", secret=True)
    client_secret_file: str = setting("", "File that holds that secret.")
    label: str = setting("", "Name of the provider on the button of the login page; empty: the issuer's host.")
    scopes: list[str] = setting(["openid", "profile", "email"], "What the provider is asked to tell.")
    name_claim: str = setting("preferred_username", "Claim that names the user; dots lead into objects.")
    role_claim: str = setting("", "Claim whose values decide the role, such as groups or realm_access.roles.")
    roles: dict[str, list[str]] = setting(
        {}, 'Role to values of that claim: { admin = ["wharf-admins"], operator = ["ops"], viewer = ["staff"] }.'
    )
    default_role: str = setting("", "Role of who has none by the claim: viewer or operator; empty: refused.")


@dataclass(frozen=True, slots=True)
class WebSettings:
    listen: str = setting("127.0.0.1:9321", "Address and port of dashboard, API and /metrics.")
    public_url: str = setting("", "URL under which people reach the dashboard, for links in alerts and behind a proxy.")
    trusted_proxies: list[str] = setting([], "Addresses or networks whose X-Forwarded-* headers are believed.")
    login_header: str = setting(
        "", "Header in which a trusted proxy names who logged in there, such as Remote-User; empty: none is believed."
    )
    role_header: str = setting(
        "", "Header in which that proxy says viewer, operator or admin; without it such a user is a viewer."
    )
    metrics_auth: bool = setting(True, "Ask for a token on /metrics.")
    max_streams: int = setting(48, "Live streams at the same time; more get 503 with Retry-After.")
    admin_password: str = setting("", "Password of the user admin, made at the first start.", secret=True)
    admin_password_file: str = setting("", "File that holds the admin password.")
    api_token: str = setting("", "A bearer token with role admin, for automation.", secret=True)
    api_token_file: str = setting("", "File that holds the API token.")
    auth_dir: str = setting("", "Folder of auth.db; empty: web below agent.data_dir.")
    user: str = setting(
        "", "User that the web process becomes when started as root; empty: wharfinger, else uid 65532; root: it stays."
    )
    oidc: OidcSettings = field(default_factory=OidcSettings)


@dataclass(frozen=True, slots=True)
class ReceiverSettings:
    name: str = setting("", "Name of the receiver.")
    kind: str = setting("webhook", "webhook, alertmanager, slack, discord, ntfy, pagerduty or apprise.")
    url: str = setting("", "Where to send to.")
    secret: str = setting("", "Secret of the signature (whsec_… or any text).", secret=True)
    secret_file: str = setting("", "File that holds the secret.")
    match: dict[str, list[str]] = setting({}, 'Label name to accepted values, such as severity = ["critical"].')
    repeat_s: float = setting(
        0.0, "Seconds after which it is told again of what still fires and nobody acknowledged; 0: told once."
    )
    escalate_after_s: float = setting(
        0.0, "It is told only of what fires for so many seconds and nobody acknowledged; 0: at once."
    )


@dataclass(frozen=True, slots=True)
class MaintenanceSettings:
    comment: str = setting("", "What is done in these hours.")
    rules: list[str] = setting([], "Globs of rule names; empty: every rule.")
    name: list[str] = setting([], "Globs of container names; empty: every container, and the host.")
    group: list[str] = setting([], "Globs of groups; empty: every group, and none.")
    host: list[str] = setting([], "Globs of host names; empty: every host.")
    start: str = setting("", "Time of day at which it begins, such as 02:00; empty: midnight.")
    end: str = setting("", "Time of day at which it ends; earlier than start: on the next day; empty: midnight.")
    days: list[str] = setting([], "Days on which it begins: mon, tue, wed, thu, fri, sat, sun; empty: every day.")
    zone: str = setting("", "Time zone, such as Europe/Berlin; empty: the host's own.")


@dataclass(frozen=True, slots=True)
class AlertSettings:
    rules: list[str] = setting(["/etc/wharfinger/rules/*.toml"], "Globs of rule files.")
    default_rules: bool = setting(True, "Have the built-in rule of every detector.")
    webhook_url: str = setting("", "The one-line form of a receiver for warning and critical.")
    webhook_secret: str = setting("", "Secret of that receiver's signature.", secret=True)
    webhook_secret_file: str = setting("", "File that holds that secret.")
    receiver: list[ReceiverSettings] = setting([], "Receivers of notifications.")
    maintenance: list[MaintenanceSettings] = setting([], "Hours that recur in which nobody is told.")
    group_wait_s: float = setting(
        10.0, "Seconds that the first alert of a service with several containers waits for those of the others."
    )
    group_interval_s: float = setting(
        300.0, "Seconds between two messages about one rule and one service with several containers, at least."
    )
    flapping_firings: int = setting(
        4, "An alert that fires so often within flapping_window_s is held as firing; 0: none is."
    )
    flapping_window_s: float = setting(3600.0, "Seconds in which the firings of an alert are counted.")
    flapping_hold_s: float = setting(900.0, "Seconds that it must be quiet before a held alert is over.")
    denied_networks: list[str] = setting(
        ["0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "::/128", "fd00:ec2::/32", "fe80::/10", "ff00::/8"],
        "Networks that receivers made through the API may not reach; private: every address that is not public.",
    )


@dataclass(frozen=True, slots=True)
class LimitSettings:
    mode: str = setting("observe", "Default of every container: off, observe or auto.")
    cpu_control: str = setting("quota", "How auto gives CPU: by quota, or by weight alone.")
    cpu_max: float = setting(0.0, "Host-wide cap on any container's CPU limit, in cores; 0: none.")
    memory_max: str = setting("", "Host-wide cap on any container's memory limit (512m, 2g); empty: none.")
    shrink_memory: bool = setting(False, "Let auto take memory back that it did not give.")
    memory_peak_window: str = setting("24h", "How far back the memory peak is looked for before taking memory back.")


@dataclass(frozen=True, slots=True)
class FleetSettings:
    name: str = setting("", "Host name of the other agent.")
    url: str = setting("", "URL of its web process.")
    token: str = setting("", "Bearer token there.", secret=True)
    token_file: str = setting("", "File that holds the token.")


@dataclass(frozen=True, slots=True)
class Settings:
    agent: AgentSettings = field(default_factory=AgentSettings)
    host: HostSettings = field(default_factory=HostSettings)
    discovery: DiscoverySettings = field(default_factory=DiscoverySettings)
    store: StoreSettings = field(default_factory=StoreSettings)
    web: WebSettings = field(default_factory=WebSettings)
    alerts: AlertSettings = field(default_factory=AlertSettings)
    limits: LimitSettings = field(default_factory=LimitSettings)
    fleet: list[FleetSettings] = field(default_factory=list)


Table = Mapping[str, object]
"""A TOML table as parsed."""
