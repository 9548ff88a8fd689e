"""What a command does without the daemon: one snapshot, a reader of the series, a look at readiness."""

from __future__ import annotations

import http.client
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from config.schema import Settings
from daemon.build import build_sampler, own_url, series_path, socket_path, state_path
from daemon.clock import now_ms
from daemon.link import answers
from daemon.link_client import LinkClient
from model.errors import AgentAway, NotThere, UsageError
from model.live import Command
from model.sample import Snapshot
from storage.api import SeriesReader

LOOK_S = 5.0
READY_PARTS = ("tick", "store")
"""Without these the agent does not do its work."""


def collect_once(settings: Settings) -> Snapshot:
    """Two readings one interval apart, so that rates exist. Takes one interval."""
    return looked_at(settings)[0]


def looked_at(settings: Settings) -> tuple[Snapshot, Mapping[str, str]]:
    """One snapshot, and what the host offers."""
    sampler = build_sampler(settings)
    try:
        sampler.look()
        interval_ms = round(settings.agent.interval_s * 1000)
        first_ms = now_ms()
        sampler.collect(first_ms)
        time.sleep(interval_ms / 1000)
        snapshot: Snapshot = sampler.collect(first_ms + interval_ms)
        return snapshot, dict(sampler.capabilities())
    finally:
        sampler.close()


def open_series(settings: Settings) -> SeriesReader:
    """A reader of this host's history. Raises NotThere where there is none."""
    from storage.factory import open_series_reader

    path = series_path(settings)
    if not path.exists():
        raise NotThere(f"there is no history in {path.parent}; start wharfinger, or set agent.data_dir")
    return open_series_reader(path)


def lift_left_over(settings: Settings) -> int:
    """Lift every ``memory.high`` that an agent which was killed left behind; how many could not be lifted.

    Raises UsageError while an agent runs, StoreError.
    """
    from limits.actuator.cgroupfs import CgroupActuator
    from limits.actuator.choose import build_actuator
    from limits.airbag import KEPT, Airbag, bags_of
    from limits.desk import Desk
    from limits.journal import Journal
    from storage.factory import open_state

    if answers(socket_path(settings)):
        raise UsageError("the agent runs, and lifts memory.high itself when it stops")
    if not state_path(settings).exists():
        return 0
    state = open_state(state_path(settings))
    actuator = build_actuator(settings.host, settings.discovery)
    try:
        journal = Journal(state, actuator, CgroupActuator(settings.host), lambda _: None)
        desk = Desk(settings.limits, settings.discovery.label_prefix, state, journal, os.cpu_count() or 1)
        Airbag(desk).lift_left_over()
        return len(bags_of(state.value(KEPT)))
    finally:
        actuator.close()
        state.close()


def readiness(settings: Settings) -> tuple[bool, dict[str, Any]]:
    """Whether this host's wharfinger is ready, and the document of ``/readyz``.

    The web process is asked first; where none runs, the agent on its link.
    """
    url = f"{own_url(settings)}/readyz"
    try:
        with urllib.request.urlopen(url, timeout=LOOK_S) as answer:  # noqa: S310 — our own http address
            return True, json.load(answer)
    except urllib.error.HTTPError as error:
        try:
            return False, json.load(error)
        except ValueError:
            return False, not_ready("web")
    except (OSError, http.client.HTTPException, ValueError):
        return agent_readiness(settings)


def agent_readiness(settings: Settings) -> tuple[bool, dict[str, Any]]:
    """The same, from the agent alone."""
    try:
        reply = LinkClient(socket_path(settings)).ask(Command("status", {}, "health", "viewer"))
    except AgentAway:
        return False, not_ready("agent")
    value = reply.value
    parts: list[dict[str, Any]] = value["parts"] if isinstance(value, dict) else []
    states = {p["name"]: p["state"] for p in parts}
    ready = bool(parts) and all(states.get(name) in ("ok", "degraded") for name in READY_PARTS)
    well = all(state in ("ok", "off") for state in states.values())
    status = "not_ready" if not ready else "ready" if well else "degraded"
    return ready, {"status": status, "parts": parts}


def not_ready(name: str) -> dict[str, Any]:
    return {"status": "not_ready", "parts": [{"name": name, "state": "down", "since": None}]}
