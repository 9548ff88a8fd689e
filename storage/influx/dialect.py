"""Which InfluxDB this is, and how that one wants to be spoken to. Pure.

One header fits all: ``Authorization: Token …`` is understood by 2.x and 3.x for reading and writing, and
``user:password`` goes as Basic, which 1.x wants. Times are always milliseconds: 1.x takes an unknown
precision such as ``us`` silently for nanoseconds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

DAY_MS: Final = 86_400_000


class Kind(Enum):
    V1 = "1"
    V2 = "2"
    V3 = "3"
    VICTORIA = "victoriametrics"


@dataclass(frozen=True, slots=True)
class Dialect:
    """``version``: the server's own word. ``reads``: it answers InfluxQL. ``msgpack``: it packs answers so.
    ``whole_or_nothing``: one faulty line keeps all others of its request out."""

    kind: Kind
    version: str = ""
    write_path: str = "/api/v2/write"
    reads: bool = True
    msgpack: bool = False
    whole_or_nothing: bool = False
    lookback_ms: int = 30 * DAY_MS
    """How far back hosts and containers are looked for when no range is given."""

    def write_parameters(self, bucket: str, org: str) -> list[tuple[str, str]]:
        if self.write_path == "/write":
            return [("db", bucket), ("precision", "ms")]
        return [("org", org), ("bucket", bucket), ("precision", "ms")]

    def query_parameters(self, bucket: str) -> list[tuple[str, str]]:
        """``db`` (and ``rp``): on 2.x the bucket ``a/b`` answers only to database a with retention policy b."""
        if self.kind is Kind.V2 and "/" in bucket:
            database, _, policy = bucket.partition("/")
            return [("db", database), ("rp", policy)]
        return [("db", bucket)]

    def __str__(self) -> str:
        name = "VictoriaMetrics" if self.kind is Kind.VICTORIA else f"InfluxDB {self.version or self.kind.value}"
        return name.strip()


V1: Final = Dialect(Kind.V1, write_path="/write", msgpack=True)
V2: Final = Dialect(Kind.V2, msgpack=True)
# 3 Core refuses a query over more than 432 files, which is 72 hours of seconds.
V3: Final = Dialect(Kind.V3, whole_or_nothing=True, lookback_ms=DAY_MS * 5 // 2)
VICTORIA: Final = Dialect(Kind.VICTORIA, write_path="/write", reads=False)
BY_NAME: Final[Mapping[str, Dialect]] = {"1": V1, "2": V2, "3": V3, "victoriametrics": VICTORIA}


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer: header names in lower case, the body as bytes."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text, cut: an error may echo a line of 70 kB."""
        return self.body[:65_536].decode("utf-8", "replace")


def recognise(ping: Reply, health: Reply) -> Dialect | None:
    """The dialect by the answers to ``/ping`` and ``/health``; None where this looks like none of them.

    ``/health`` outranks ``/ping``: a 2.x front may stand before an older server that answers the ping.
    VictoriaMetrics is known by the header that it puts on every answer.
    """
    if "x-server-hostname" in ping.headers:
        return VICTORIA
    healthy = _version_in(health)
    version = healthy or ping.headers.get("x-influxdb-version") or _version_in(ping)
    number = version.lower().lstrip("v")
    for first, dialect in (("1", V1), ("2", V2), ("cloud", V2), ("3", V3)):
        if number.startswith(first):
            return replace(dialect, version=version.lstrip("v")[:40])
    return V1 if ping.status == 204 else None


def _version_in(reply: Reply) -> str:
    """``version`` of a JSON body; empty where there is none."""
    if not 200 <= reply.status < 300:
        return ""
    try:
        found = json.loads(reply.body)
    except ValueError:
        return ""
    return str(found.get("version") or "") if isinstance(found, dict) else ""


def is_basic(token: str) -> bool:
    """``user:password`` (1.x, or a proxy): no API token has a colon in it."""
    return ":" in token
