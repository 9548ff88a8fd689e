"""The rooms that have benches, in the order in which they are measured."""

from __future__ import annotations

ROOMS = ("collector", "storage", "influx", "alerts", "limits", "daemon", "dashboard", "browser")
