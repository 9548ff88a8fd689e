"""Which hosts and containers there are, put together from the newest tick and the stores."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from dashboard.api.fleet_lists import of_fleet, with_fleet
from dashboard.errors import Problem
from dashboard.services import Services
from model.errors import NotThere, StoreError
from model.finding import Finding
from model.live import Frame
from model.outside import finding_json, limits_json, policy_json, rfc3339, target_json, values_json
from model.target import Target
from storage.api import KnownContainer

Item = dict[str, Any]
Names = tuple[str, ...] | None
"""Metrics; None for all."""

GONE_MS = 60_000
"""A container whose last second is older than this is not running any more, as far as a store can tell."""
LATELY_MS = 7 * 86400 * 1000
ENDED = ("exited", "removed")
SEVERITIES = {"info": 1, "warning": 2, "critical": 3}


@dataclass(frozen=True, slots=True)
class Found:
    """One container: from the newest tick (``target``), from a store (``known``), or both."""

    id: str
    host: str
    name: str
    target: Target | None
    known: KnownContainer | None


def worst_of(findings: Iterable[Finding]) -> str | None:
    """The severest word among them; None without any. Pure."""
    return max((f.severity.value for f in findings), key=SEVERITIES.__getitem__, default=None)


def findings_by_container(frame: Frame) -> dict[str, list[Finding]]:
    """Findings of one tick by container id. Pure."""
    found: dict[str, list[Finding]] = {}
    for finding in frame.findings:
        found.setdefault(finding.container_id, []).append(finding)
    return found


def live_item(frame: Frame, target: Target, findings: Sequence[Finding]) -> Item:
    """A container of the newest tick, with its findings, as a list item. Pure."""
    policy = frame.policies.get(target.key)
    form = target_json(target)
    return {
        **{key: form[key] for key in ("id", "name", "runtime", "image", "group", "service")},
        "host": frame.host,
        "state": target.state,
        "at": rfc3339(frame.at_ms),
        "policy": None if policy is None else policy_json(policy),
        "limits": limits_json(frame.limits.get(target.key)),
        "latest": values_json(frame.values.get(target.key, {})),
        "findings": len(findings),
        "worst": worst_of(findings),
    }


def known_item(known: KnownContainer, now_ms: int) -> Item:
    """A container that only a store knows: gone, or of a host whose agent does not answer here. Pure."""
    latest = known.latest
    memory = latest.get("memory_limit_bytes")
    return {
        "id": known.id,
        "name": known.name,
        "runtime": known.runtime,
        "image": known.image,
        "group": known.group,
        "service": known.service,
        "host": known.host,
        "state": "running" if now_ms - known.last_ms < GONE_MS else "gone",
        "at": rfc3339(known.last_ms),
        "policy": None,
        "limits": limits_json(None)
        | {"cpu_cores": latest.get("cpu_limit_cores"), "memory_bytes": None if memory is None else int(memory)},
        "latest": values_json(latest),
        "findings": 0,
        "worst": None,
    }


def items(
    services: Services, now_ms: int, *, host: str | None = None, everything: bool = False, metrics: Names = None
) -> list[Item]:
    """Containers of every host. ``everything``: the gone ones too. ``metrics``: the latest values that are needed."""
    own = services.own_host()
    frame = services.fresh_frame()
    found: dict[tuple[str, str], Item] = {}
    if host in (None, own):
        if frame is not None:
            wrong = findings_by_container(frame)
            for target in frame.targets.values():
                if everything or target.state not in ENDED:
                    found[own, target.key] = live_item(frame, target, wrong.get(target.key, ()))
        if everything or frame is None:
            for known in services.series.containers():
                item = known_item(known, now_ms)
                if frame is not None:
                    item["state"] = "gone"
                if known.host in ("", own) and (everything or item["state"] != "gone"):
                    found.setdefault((own, known.id), item | {"host": own})
    if host != own:
        for known in elsewhere(services, host, now_ms - (LATELY_MS if everything else GONE_MS), metrics):
            found[known.host, known.id] = known_item(known, now_ms)
        for item in of_fleet(services, host, everything=everything):
            found[item["host"], item["id"]] = item
    return list(found.values())


def elsewhere(
    services: Services, host: str | None, since_ms: int | None, metrics: Names = None
) -> Iterable[KnownContainer]:
    """Containers of the other hosts. A remote store that does not answer hides nothing of this host:
    StoreError is raised only where one of the other hosts was asked for by name."""
    if services.remote is None:
        return ()
    own = services.own_host()
    try:
        found = services.remote.containers(seen_since_ms=since_ms, metrics=metrics)
    except StoreError:
        if host is not None:
            raise
        return ()
    return [known for known in found if known.host != own and host in (None, known.host)]


def resolve(services: Services, wanted: str, *, host: str | None = None, live: bool = False) -> Found:
    """The container meant by a full id, a name or a unique prefix. Raises NotThere, or Problem 409 when several match.

    A running container wins over a gone one of the same name. ``live``: of this host's newest tick alone,
    for orders; raises NotThere with the reason elsewhere.
    """
    named = list(running_of(services, host, wanted))
    found = pick(named, wanted, prefixes=False) or pick(
        [*running_of(services, host), *past_of(services, host)], wanted, prefixes=True
    )
    if found is None:
        raise NotThere(f"there is no container {wanted[:80]!r}; GET /api/v1/containers?state=all lists them")
    if live and found.target is None:
        where = f"it was last seen on {found.host}" if found.host != services.own_host() else "it is gone"
        raise NotThere(f"{found.name} is not running on this host: {where}")
    return found


def pick(candidates: Sequence[Found], wanted: str, *, prefixes: bool) -> Found | None:
    """The one that is meant; None when none is. Raises Problem 409 when it could be several. Pure."""
    for matches in (
        [found for found in candidates if found.id in (wanted, f"/{wanted}")],
        [found for found in candidates if found.name == wanted],
        [found for found in candidates if prefixes and found.id.startswith(wanted)],
    ):
        chosen = [found for found in matches if found.target is not None] or matches
        if chosen and chosen[0].target is None and all(f.name == wanted and f.host == chosen[0].host for f in chosen):
            chosen = [max(chosen, key=lambda f: f.known.last_ms if f.known else 0)]
        if len({(found.host, found.id) for found in chosen}) > 1:
            names = ", ".join(f"{f.name} ({f.id[:12]}) on {f.host}" for f in chosen[:5])
            raise Problem(409, f"{wanted[:80]!r} means several containers: {names}; write more of the id, or host=")
        if chosen:
            return chosen[0]
    return None


def running_of(services: Services, host: str | None, wanted: str | None = None) -> Iterable[Found]:
    """Containers of the newest tick, fresh or not; ``wanted``: only those of that full id or name."""
    frame = services.agent.frame()
    if frame is not None and host in (None, frame.host):
        for key, target in frame.targets.items():
            if wanted is None or target.name == wanted or key in (wanted, f"/{wanted}"):
                yield Found(key, frame.host, target.name, target, None)


def past_of(services: Services, host: str | None) -> Iterable[Found]:
    """Containers that only the stores know."""
    own, frame = services.own_host(), services.agent.frame()
    if host in (None, own):
        for past in services.series.containers():
            if frame is None or past.id not in frame.targets:
                yield Found(past.id, own, past.name, None, past)
    if host != own:
        seen = set()
        for past in elsewhere(services, host, None):
            seen.add((past.host, past.id))
            yield Found(past.id, past.host, past.name, None, past)
        for item in of_fleet(services, host, everything=False):
            if (item["host"], item["id"]) not in seen:
                yield Found(item["id"], item["host"], item["name"], None, None)


def detail(services: Services, found: Found, now_ms: int) -> Item:
    """Everything known of one container but its limits' history."""
    frame = services.agent.frame()
    target = found.target
    if frame is None or target is None:
        if found.known is None:
            raise NotThere(f"nothing is known of {found.name} any more")
        item = known_item(found.known, now_ms) | {"host": found.host}
        if services.fresh_frame() is not None and found.host == services.own_host():
            item["state"] = "gone"
        findings: Sequence[Finding] = ()
    else:
        findings = findings_by_container(frame).get(found.id, ())
        item = live_item(frame, target, findings)
    return item | {
        "findings": [finding_json(f) for f in findings],
        "cgroup": target.cgroup if target else None,
        "labels": dict(target.labels) if target else {},
        "health": target.health if target else None,
        "restarts": target.restarts if target else None,
        "started_at": rfc3339(target.id.started_at_ms) if target else None,
        "created_at": rfc3339(target.created_at_ms) if target else None,
        "managed_by": target.managed_by if target else None,
        "network": target.network if target else None,
        "gaps": [
            {"part": gap.part, "reason": gap.reason}
            for gap in (frame.gaps if frame and target else ())
            if gap.target == found.id
        ],
    }


def hosts(services: Services, now_ms: int) -> list[Item]:
    """Every host, worst first: this one from the newest tick, the others from the remote store."""
    own = services.own_host()
    frame = services.agent.frame()
    fresh = services.fresh_frame() is not None
    found: list[Item] = []
    if frame is not None or own:
        findings = frame.findings if frame is not None and fresh else ()
        age_s = services.agent.age_s()
        found.append(
            host_item(own, "live" if fresh else "away", frame.at_ms if frame else None)
            | {
                "own": True,
                "lag_s": None if age_s is None else round(age_s, 3),
                "cgroup": frame.cgroup if frame else None,
                "containers": sum(t.state not in ENDED for t in frame.targets.values()) if frame else 0,
                "findings": len(findings),
                "worst": worst_of(findings),
                "capabilities": dict(frame.capabilities) if frame else {},
                "parts": [
                    {"name": p.name, "state": p.state, "since": rfc3339(p.since_ms), "detail": p.detail}
                    for p in (frame.parts if frame else ())
                ],
                "latest": values_json(frame.host_values) if frame else {},
                "own_cost": {**(frame.own_cost if frame and fresh else {}), **services.own_cost()},
            }
        )
    found += [
        host_item(name, "remote", max(last, default=None))
        | {"containers": len(last), "lag_s": (now_ms - max(last)) / 1000 if last else None}
        for name, last in remote_hosts(services, now_ms).items()
    ]
    found = with_fleet(services, found, lambda name: host_item(name, "away", None))
    if frame is None and len(found) > 1 and not services.series.hosts():
        found = [item for item in found if not item["own"]]  # a dashboard that never had an agent beside it
    return sorted(found, key=lambda h: (-SEVERITIES.get(h["worst"] or "", 0), -h["findings"], h["name"]))


def remote_hosts(services: Services, now_ms: int) -> dict[str, list[int]]:
    """Other hosts → the last second of each of their running containers; none while the remote store is away."""
    own = services.own_host()
    try:
        names = services.remote.hosts() if services.remote is not None else ()
    except StoreError:
        return {}
    found: dict[str, list[int]] = {name: [] for name in names if name != own}
    for known in elsewhere(services, None, now_ms - GONE_MS):
        found.setdefault(known.host, []).append(known.last_ms)
    return found


def host_item(name: str, state: str, at_ms: int | None) -> Item:
    return {
        "id": name,
        "name": name,
        "at": rfc3339(at_ms),
        "state": state,
        "lag_s": None,
        "own": False,
        "cgroup": None,
        "containers": 0,
        "findings": 0,
        "worst": None,
        "capabilities": {},
        "parts": [],
        "latest": {},
        "own_cost": {},
    }
