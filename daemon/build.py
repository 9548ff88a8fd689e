"""The composition root: the only place that knows which part stands behind which contract.

Everything heavy is imported where it is built, so that the agent loads no web framework and the web process no
Docker client.
"""

from __future__ import annotations

import logging
import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

from alerts.detectors.influxdb_points_lost import Losses
from config.schema import Settings
from config.values import parse_listen
from daemon.link import SOCKET_NAME, gid_of
from model.errors import UsageError

log = logging.getLogger(__name__)


def host_name(settings: Settings) -> str:
    """The name of this host in stores and alerts."""
    return settings.agent.host_name or socket.gethostname()


def socket_path(settings: Settings) -> Path:
    """Where the agent's link is."""
    return Path(settings.agent.run_dir) / SOCKET_NAME


def series_path(settings: Settings) -> Path:
    return Path(settings.agent.data_dir) / "series.db"


def state_path(settings: Settings) -> Path:
    return Path(settings.agent.data_dir) / "state.db"


def spool_folder(settings: Settings) -> Path:
    """What waits for InfluxDB."""
    return Path(settings.agent.data_dir) / "spool"


def auth_path(settings: Settings) -> Path:
    folder = settings.web.auth_dir or str(Path(settings.agent.data_dir) / "web")
    return Path(folder) / "auth.db"


def local(host: str) -> str:
    """The address under which this machine reaches a listener, ready for a URL. Pure."""
    place = "127.0.0.1" if host in ("0.0.0.0", "::", "*") else host  # noqa: S104 — compared, not bound
    return f"[{place}]" if ":" in place else place


def own_url(settings: Settings) -> str:
    """Where a browser on this machine reaches the dashboard, where web.public_url says nothing else."""
    host, port = parse_listen(settings.web.listen)
    return f"http://{local(host)}:{port}"


def make_folder(path: Path, setting: str, group: str = "") -> None:
    """A data folder, readable by its group alone; what is made in it belongs to ``group`` too (set-group-ID).

    Raises UsageError that names the setting.
    """
    try:
        path.mkdir(mode=0o750, parents=True, exist_ok=True)
        if group and not is_shared(path, gid_of(group)):
            os.chown(path, -1, gid_of(group))
            path.chmod(0o2750)
    except OSError as error:
        raise UsageError(f"cannot make the folder {path} ({error.strerror}); set {setting} to another one") from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise UsageError(f"cannot write in {path}; run as its owner, or set {setting} to another folder")


def is_shared(path: Path, gid: int) -> bool:
    """Whether the folder is as it should be. Then it is left alone: a chmod without CAP_FSETID would take the
    set-group-ID bit away, and a container's root has no such capability."""
    status = path.stat()
    return status.st_gid == gid and stat.S_IMODE(status.st_mode) == 0o2750


def share_series(settings: Settings, group: str) -> None:
    """What the group may read is the series alone, also when it was made before there was a group; the state
    (receivers' secrets) stays the agent's own. Raises UsageError."""
    if not group:
        return
    try:
        for path in series_path(settings).parent.glob("series.db*"):
            os.chown(path, -1, gid_of(group))
        for path in state_path(settings).parent.glob("state.db*"):
            path.chmod(0o600)
    except OSError as error:
        raise UsageError(f"cannot give the series to the group {group} ({error.strerror}); set agent.group") from error


def build_sampler(settings: Settings) -> Any:
    """The collector alone: for the agent, for ``collect --once`` and for ``doctor``."""
    from collector.sampler import Sampler

    return Sampler(settings.host, settings.discovery, host_name(settings), settings.agent.interval_s)


def build_push(settings: Settings) -> tuple[Any, Any]:
    """Spool and sender where InfluxDB is named; (None, None) elsewhere."""
    if not settings.store.influxdb.url:
        return None, None
    from storage.influx.sender import Sender
    from storage.influx.spool import DiskSpool

    spool = DiskSpool(spool_folder(settings), settings.store.influxdb.spool_max_bytes)
    return spool, Sender(settings.store.influxdb, spool)


def push_losses(spool: Any, sender: Any) -> Callable[[], Losses]:
    """What the push lost since the start, for the detector that tells of it; without a push: nothing."""
    if spool is None:
        return Losses
    return lambda: Losses(spool.dropped_lines(), sender.counters()["lines_rejected"], spool.is_full())


def check_rules(settings: Settings) -> tuple[int, int]:
    """Numbers of rules and receivers. Raises InvalidInput with every fault of rule files, receivers or maintenance."""
    from alerts.maintenance import windows
    from alerts.receivers import configured
    from alerts.rules import load

    windows(settings.alerts)
    return len(load(settings.alerts)), len(configured(settings.alerts))
