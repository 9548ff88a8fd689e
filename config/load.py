"""Settings from file, environment and flags, in that order; every fault told at once."""

from __future__ import annotations

import dataclasses
import socket
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

from config.build import Text, build
from config.describe import types_of
from config.schema import Settings
from config.validate import check, check_filled
from config.values import redacted_url
from model.errors import Fault, InvalidInput

PREFIX: Final = "WHARFINGER_"
PATH_VARIABLE: Final = "WHARFINGER_CONFIG"
SYSTEM_PATH: Final = Path("/etc/wharfinger/config.toml")
SECRET_MAX_BYTES: Final = 65536
URL_KEYS: Final = frozenset({"url", "webhook_url"})

Raw = dict[str, Any]


def load(
    path: Path | None,
    environ: Mapping[str, str],
    *,
    root: bool,
    overrides: Mapping[str, object] | None = None,
    needs: Collection[str] | None = None,
) -> Settings:
    """The settings in force, checked, with every default filled in.

    ``path``: the file; None: ``$WHARFINGER_CONFIG``, else /etc/wharfinger/config.toml if it is there.
    ``root`` chooses the default folders. ``overrides``: dotted path → value (a text takes the field's
    type). ``needs``: top-level sections whose secret files are read (None: all); a process that runs
    without the rights to another's secrets names its own. Raises InvalidInput with all faults;
    no fault repeats a secret.
    """
    faults: list[Fault] = []
    named = path or (Path(environ[PATH_VARIABLE]) if environ.get(PATH_VARIABLE) else None)
    table = read_table(named or SYSTEM_PATH, must_exist=named is not None, faults=faults)
    for layer in (from_environment(environ), from_overrides(overrides or {})):
        both_given(layer, "", faults)
        overlay(table, layer)
    add_influxdb_client_environment(table, environ)
    settings: Settings = build(Settings, table, "", faults)
    settings = with_secrets(settings, "", faults, needs)
    seen = {f.path for f in faults}
    faults += [f for f in check(settings) if f.path not in seen]
    settings = with_folders(settings, environ, root=root)
    faults += check_filled(settings) if not faults else ()
    if faults:
        raise InvalidInput(tuple(faults))
    return settings


def read_table(path: Path, *, must_exist: bool, faults: list[Fault]) -> Raw:
    """The file's table; a fault and an empty one when it can't be read."""
    try:
        table: Raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if must_exist:
            faults.append(Fault(str(path), "no such file; name another with --config or $WHARFINGER_CONFIG"))
        return {}
    except OSError as error:
        faults.append(Fault(str(path), f"can't be read: {error.strerror}"))
        return {}
    except UnicodeDecodeError:
        faults.append(Fault(str(path), "is not UTF-8 text"))
        return {}
    except tomllib.TOMLDecodeError as error:
        faults.append(Fault(str(path), f"is not TOML: {error}"))
        return {}
    both_given(table, "", faults)
    return table


def from_environment(environ: Mapping[str, str]) -> Raw:
    """``WHARFINGER_STORE__INFLUXDB__URL`` → ``{"store": {"influxdb": {"url": …}}}``.

    Another variable without ``__`` than a section's name is no setting (Kubernetes makes such ones for a
    service of our name), and an empty one is as good as none.
    """
    layer: Raw = {}
    for name, text in sorted(environ.items()):
        parts = name.removeprefix(PREFIX).lower().split("__")
        ours = len(parts) > 1 or parts[0] in types_of(Settings)
        if name.startswith(PREFIX) and ours and text != "":
            place(layer, parts, Text(text, name))
    return layer


def from_overrides(overrides: Mapping[str, object]) -> Raw:
    """``{"agent.interval_s": 0.5}`` → nested; None is "not given"."""
    layer: Raw = {}
    for path, value in overrides.items():
        if value is not None:
            place(layer, path.split("."), Text(value, "the command line") if isinstance(value, str) else value)
    return layer


def place(layer: Raw, parts: list[str], value: object) -> None:
    for part in parts[:-1]:
        below = layer.setdefault(part, {})
        if not isinstance(below, dict):
            layer[part] = below = {}
        layer = below
    layer[parts[-1]] = value


def overlay(table: Raw, layer: Raw) -> None:
    """Put one layer over another. A secret given above displaces the secret's file given below, and back."""
    for key, value in layer.items():
        below = table.get(key)
        if isinstance(value, dict) and isinstance(below, dict):
            overlay(below, value)
            continue
        table[key] = value
        table.pop(key.removesuffix("_file") if key.endswith("_file") else f"{key}_file", None)


def both_given(table: Raw, prefix: str, faults: list[Fault]) -> None:
    """A secret and its file in one layer: which one was meant?"""
    for key, value in table.items():
        if isinstance(value, dict):
            both_given(value, f"{prefix}{key}.", faults)
        elif isinstance(value, list):
            for i, item in enumerate(value):
                if isinstance(item, dict):
                    both_given(item, f"{prefix}{key}[{i}].", faults)
        elif value and table.get(f"{key}_file"):
            faults.append(Fault(f"{prefix}{key}_file", f"give {key} or {key}_file, not both"))


def add_influxdb_client_environment(table: Raw, environ: Mapping[str, str]) -> None:
    """influxdb-client's own variables, below everything of ours.

    Token and organisation belong to the URL beside them: they are not sent to another one.
    """
    store = table.setdefault("store", {})
    influxdb = store.setdefault("influxdb", {}) if isinstance(store, dict) else None
    if not isinstance(influxdb, dict):
        return
    url = environ.get("INFLUXDB_V2_URL", "")
    ours = influxdb.get("url")
    if url and ours and (ours.text if isinstance(ours, Text) else ours) != url:
        return
    for key in ("url", "token", "org"):
        text = environ.get(f"INFLUXDB_V2_{key.upper()}", "")
        if text and not influxdb.get(key) and not influxdb.get(f"{key}_file"):
            influxdb[key] = Text(text, f"INFLUXDB_V2_{key.upper()}")


def with_secrets(section: Any, prefix: str, faults: list[Fault], needs: Collection[str] | None) -> Any:
    """The same section with each ``*_file`` read into its plain field."""
    changed: dict[str, object] = {}
    for field in dataclasses.fields(section):
        if not prefix and needs is not None and field.name not in needs:
            continue
        value, path = getattr(section, field.name), f"{prefix}{field.name}"
        if dataclasses.is_dataclass(value):
            changed[field.name] = with_secrets(value, f"{path}.", faults, needs)
        elif isinstance(value, list) and value and dataclasses.is_dataclass(value[0]):
            changed[field.name] = [with_secrets(v, f"{path}[{i}].", faults, needs) for i, v in enumerate(value)]
        elif field.name.endswith("_file") and value and not getattr(section, field.name.removesuffix("_file")):
            changed[field.name.removesuffix("_file")] = read_secret(Path(value), path, faults)
    return dataclasses.replace(section, **changed)


def read_secret(file: Path, path: str, faults: list[Fault]) -> str:
    """The file's text without the white space around it; empty with a fault when there is none."""
    try:
        with file.open("rb") as stream:
            text = stream.read(SECRET_MAX_BYTES + 1).decode().strip()
    except OSError as error:
        faults.append(Fault(path, f"{file} can't be read: {error.strerror}"))
        return ""
    except UnicodeDecodeError:
        faults.append(Fault(path, f"{file} is not UTF-8 text"))
        return ""
    if not text or len(text) > SECRET_MAX_BYTES:
        faults.append(Fault(path, f"{file} is {'empty' if not text else 'too large for a secret'}"))
        return ""
    return text


def with_folders(settings: Settings, environ: Mapping[str, str], *, root: bool) -> Settings:
    """Host name and folders where none was named; without root by the XDG base directory specification."""
    agent = settings.agent
    home = environ.get("HOME") or "/"
    state = absolute(environ.get("XDG_STATE_HOME")) or f"{home.rstrip('/')}/.local/state"
    data = agent.data_dir or ("/var/lib/wharfinger" if root else f"{state}/wharfinger")
    runtime = absolute(environ.get("XDG_RUNTIME_DIR"))
    run = agent.run_dir or ("/run/wharfinger" if root else f"{runtime}/wharfinger" if runtime else f"{data}/run")
    name = agent.host_name or socket.gethostname()
    return dataclasses.replace(
        settings,
        agent=dataclasses.replace(agent, host_name=name, data_dir=data, run_dir=run),
        web=dataclasses.replace(settings.web, auth_dir=settings.web.auth_dir or f"{data}/web"),
    )


def absolute(path: str | None) -> str | None:
    """The XDG specification has relative paths ignored."""
    return path if path and path.startswith("/") else None


def show(settings: Settings) -> dict[str, Any]:
    """The settings as plain values for people: secrets and what URLs may carry are hidden."""

    def plain(section: Any) -> dict[str, Any]:
        shown: dict[str, Any] = {}
        for field in dataclasses.fields(section):
            value = getattr(section, field.name)
            if dataclasses.is_dataclass(value):
                shown[field.name] = plain(value)
            elif isinstance(value, list) and value and dataclasses.is_dataclass(value[0]):
                shown[field.name] = [plain(v) for v in value]
            elif field.metadata.get("secret"):
                shown[field.name] = "***" if value else ""
            else:
                shown[field.name] = redacted_url(value) if field.name in URL_KEYS else value
        return shown

    return plain(settings)
