"""One InfluxDB as a whole: what it is, writing to it, asking it, making its database."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from config.schema import InfluxSettings
from model.errors import StoreError
from storage.influx.answer import reason
from storage.influx.client import Wire
from storage.influx.dialect import BY_NAME, Dialect, Kind, Reply, recognise
from storage.influx.influxql import identifier

WRITE_S: Final = 5.0
QUERY_S: Final = 30.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Table:
    """One series of an answer: ``tags`` of ``GROUP BY``, column names, rows (``time`` in ms comes first)."""

    tags: Mapping[str, str]
    columns: tuple[str, ...]
    rows: list[list[Any]]


class Server:
    """The server that the settings name. Thread-safe; nothing is asked before it is needed.

    Every method raises :class:`StoreError`: its :class:`storage.influx.client.Unreachable` where nothing answered.
    """

    def __init__(self, settings: InfluxSettings) -> None:
        self._settings = settings
        self._wire = Wire(settings.url, settings.token)
        self._guard = threading.Lock()
        self._dialect = BY_NAME.get(settings.version)
        self._org: str | None = settings.org or None

    @property
    def name(self) -> str:
        return self._wire.name

    def dialect(self) -> Dialect:
        """What answers there; asked once and remembered until :meth:`forget`."""
        with self._guard:
            if self._dialect is None:
                self._dialect = self._recognise()
                log.info("%s is %s", self.name, self._dialect)
            return self._dialect

    def forget(self) -> None:
        """The server may have been replaced by another generation: look again next time."""
        with self._guard:
            self._dialect = BY_NAME.get(self._settings.version)

    def write(self, packed: bytes) -> Reply:
        """Send gzip-packed lines; the answer whatever its status."""
        dialect = self.dialect()
        org = self._find_org() if dialect.kind is Kind.V2 else ""
        return self._wire.call(
            "POST",
            dialect.write_path,
            dialect.write_parameters(self._settings.bucket, org),
            body=packed,
            headers={"Content-Type": "text/plain; charset=utf-8", "Content-Encoding": "gzip"},
            timeout_s=WRITE_S,
        )

    def query(self, text: str) -> tuple[Table, ...]:
        """One InfluxQL SELECT or SHOW. A database, measurement or series that is not there answers nothing."""
        dialect = self.dialect()
        if not dialect.reads:
            raise StoreError(f"{self.name}: VictoriaMetrics takes our points but answers no InfluxQL; chart them there")
        reply = self._wire.call(
            "GET",
            "/query",
            [*dialect.query_parameters(self._settings.bucket), ("epoch", "ms"), ("q", text)],
            headers={"Accept": "application/x-msgpack" if dialect.msgpack else "application/json"},
            timeout_s=QUERY_S,
        )
        if reply.status in (401, 403):
            raise StoreError(f"{self.name} refuses the token (HTTP {reply.status}); set store.influxdb.token")
        if reply.status == 404 and "not found" in reply.text and "database" in reply.text:
            return ()
        if reply.status != 200:
            raise StoreError(f"{self.name}: query failed (HTTP {reply.status}): {reason(reply.text)}")
        return tables(reply)

    def create(self) -> None:
        """Make the database or bucket; where that is not allowed the error says how to."""
        kind, bucket = self.dialect().kind, self._settings.bucket
        if kind is Kind.V1:
            reply = self._wire.call("POST", "/query", [("q", f"CREATE DATABASE {identifier(bucket)}")])
            how = f"run: influx -execute 'CREATE DATABASE {identifier(bucket)}'"
        elif kind is Kind.V2:
            reply = self._create_bucket(bucket)
            how = f"run: influx bucket create -n '{bucket}', or give the token the right to write it"
        else:
            raise StoreError(
                f"{self.name}: database {bucket!r} is not there; run: influxdb3 create database '{bucket}'"
            )
        if reply.status not in (200, 201, 204) or b'"error"' in reply.body:
            why = reason(reply.text) or reply.status
            raise StoreError(f"{self.name}: {bucket!r} is not there and may not be made ({why}); {how}")
        log.info("%s: %r is made", self.name, bucket)

    def close(self) -> None:
        self._wire.close()

    def _recognise(self) -> Dialect:
        ping = self._wire.call("GET", "/ping")
        health = self._wire.call("GET", "/health")
        found = recognise(ping, health)
        if found is not None:
            return found
        if 401 in (ping.status, health.status):
            raise StoreError(f"{self.name} refuses the token (HTTP 401); set store.influxdb.token")
        raise StoreError(
            f"{self.name} is no InfluxDB that we know (/ping answers {ping.status}, /health {health.status}); "
            "check store.influxdb.url, or set store.influxdb.version to 1, 2, 3 or victoriametrics"
        )

    def _find_org(self) -> str:
        """The organisation: as set, else the only one that the token sees; empty where the server lists none."""
        if self._org is None:
            reply = self._wire.call("GET", "/api/v2/orgs")
            if reply.status != 200:
                self._org = ""
            else:
                names = [str(org.get("name")) for org in _objects(reply, "orgs")]
                if len(names) != 1:
                    raise StoreError(f"{self.name}: the token sees {len(names)} organisations; set store.influxdb.org")
                self._org = names[0]
        return self._org

    def _create_bucket(self, bucket: str) -> Reply:
        reply = self._wire.call("GET", "/api/v2/orgs", [("org", self._find_org())])
        found = _objects(reply, "orgs") if reply.status == 200 else []
        if len(found) != 1:
            return reply if reply.status != 200 else Reply(404, {}, b"organization not found")
        body: dict[str, object] = {"orgID": str(found[0].get("id")), "name": bucket, "retentionRules": []}
        return self._wire.call("POST", "/api/v2/buckets", body=body)


def tables(reply: Reply) -> tuple[Table, ...]:
    """The series of the first statement; an error inside a 200 raises, but for a database that is not there."""
    packed = "msgpack" in reply.headers.get("content-type", "")
    try:
        found = msgspec.msgpack.decode(reply.body) if packed else msgspec.json.decode(reply.body)
        result = found["results"][0] if found.get("results") else found
        if error := result.get("error"):
            if "not found" in error:
                return ()
            raise StoreError(f"InfluxDB: {reason(str(error))}")
        return tuple(
            Table(dict(series.get("tags") or {}), tuple(series["columns"]), series.get("values") or [])
            for series in result.get("series") or ()
        )
    except (msgspec.DecodeError, LookupError, AttributeError, TypeError) as error:
        raise StoreError(f"InfluxDB: the answer is not one of InfluxQL ({error}); check store.influxdb.url") from error


def _objects(reply: Reply, name: str) -> list[dict[str, Any]]:
    try:
        found = json.loads(reply.body)
    except ValueError:
        return []
    items = found.get(name) if isinstance(found, dict) else None
    return [item for item in items or [] if isinstance(item, dict)]
