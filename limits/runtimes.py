"""Programs that size themselves by the memory limit that they find when they start. Pure.

A Java heap is a quarter of it (``MaxRAMPercentage``), Node's half, OpenJ9's by a table, PostgreSQL's, Redis's and
MySQL's caches are set in a file that was written for it: raising the limit gives them nothing before a restart, and
lowering it below what they started with ends them later. For these memory only grows.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

START_SIZED: Final = frozenset(
    {
        "java", "node", "nodejs", "postgres", "mysqld", "mariadbd", "redis-server", "mongod", "beam.smp", "dotnet",
        "elasticsearch", "memcached", "clickhouse-serv", "varnishd", "cache-main",
    }
)  # fmt: skip
"""By ``comm``, which the kernel cuts to fifteen characters."""


def start_sized(commands: Collection[str]) -> str | None:
    """Which of these programs sized itself at its start; None: none that is known."""
    return next((name for name in sorted(commands) if name in START_SIZED or name.startswith("java")), None)
