"""What happened on the demo host: who ran when, restarts, a leak with its OOM kill, alerts, limit changes. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random

from daemon.demo.load import MIB, Plan
from daemon.pipeline import event_of_alert, event_of_change
from model.alert import Alert, AlertState, Severity, Transition
from model.change import Change, ChangeStatus, Knobs
from model.event import Event
from model.identity import fingerprint
from model.target import Target, TargetId

SERVICES = (
    ("shop", "checkout-api", "busy"),
    ("shop", "report-worker", "leak"),
    ("shop", "catalog", "steady"),
    ("data", "nightly-export", "batch"),
    ("shop", "search", "busy"),
    ("shop", "queue-consumer", "steady"),
    ("data", "postgres", "busy"),
    ("data", "redis", "steady"),
    ("shop", "cart", "steady"),
    ("shop", "payments", "steady"),
    ("ops", "ingress", "busy"),
    ("ops", "log-shipper", "steady"),
    ("ops", "mail-relay", "idle"),
    ("data", "schema-tool", "idle"),
    ("ops", "ldap-proxy", "idle"),
    ("shop", "feature-flags", "idle"),
    ("ops", "status-page", "idle"),
    ("data", "s3-gateway", "steady"),
    ("ops", "dns-cache", "idle"),
    ("shop", "image-resizer", "batch"),
)
"""Group, service and kind; the first six are the ones that things happen to."""
CORES = {"idle": 0.01, "steady": 0.12, "busy": 0.9, "batch": 0.7, "leak": 0.15}


@dataclass(frozen=True, slots=True)
class Story:
    """Plans ordered by their begin; the rest by time."""

    plans: tuple[Plan, ...]
    events: tuple[Event, ...]
    transitions: tuple[Transition, ...]
    changes: tuple[Change, ...]


def told(host: str, since_ms: int, until_ms: int, containers: int, seed: int) -> Story:
    """The same for the same arguments. Times lie on whole seconds."""
    draw = Random(seed)  # noqa: S311 — plausible numbers, nothing secret
    span = until_ms - since_ms

    def at(share: float) -> int:
        return since_ms + round(share * span / 10_000) * 10_000

    plans: list[Plan] = []
    events: list[Event] = []
    transitions: list[Transition] = []
    changes: list[Change] = []
    for i in range(containers):
        first = plan_of(draw, i, since_ms, until_ms)
        mine = [first]
        name = SERVICES[i][1] if i < 6 else ""
        if name == "checkout-api":
            t = at(0.6)
            first = replace(first, cores=1.4, limits=((0, 1.0), (t + 60_000, 1.5)), squeezed=(t, t + 60_000))
            mine = [first]
            change = raised(first, host, t + 60_000, 1.0, 1.5, "CpuThrottled: 45 % of the periods were throttled")
            changes += [change, again(first, host, at(0.75), ChangeStatus.REFUSED, "no CPU is left within the budget")]
            transitions += alerted(first, host, "CpuThrottled", t + 10_000, t + 150_000, change)
        elif name == "report-worker":
            died = at(0.7)
            one = replace(first, until_ms=died, killed=True)
            two = replace(
                first,
                since_ms=died + 10_000,
                started_ms=died + 8000,
                restarts=1,
                until_ms=until_ms + 2 * span,
            )
            mine = [one, two]
            transitions += alerted(one, host, "MemoryNearLimit", at(0.66), died + 60_000)
            transitions += alerted(one, host, "MemoryOomKilled", died, died + 240_000, severity=Severity.CRITICAL)
            events += died_and_back(one, host, died, oom=True)
        elif name == "catalog":
            t = at(0.45)
            newer = new_target(draw, first.target)
            two = replace(first, target=newer, since_ms=t + 20_000, started_ms=t + 18_000)
            mine = [replace(first, until_ms=t), two]
            events += recreated(first.target, newer, host, t)
        elif name == "search":
            change = raised(first, host, at(0.4), 2.0, 2.5, "asked for by hand before a campaign", by_hand=True)
            back = raised(first, host, at(0.8), 2.5, 2.0, "the owner put it back", by_hand=True)
            changes += [change, replace(back, status=ChangeStatus.REVERTED, rule="undo")]
            mine = [replace(first, limits=((0, 2.0), (at(0.4), 2.5), (at(0.8), 2.0)))]
        elif name == "queue-consumer":
            mine = []
            begin, restarts = since_ms, 0
            for share in (0.2, 0.5, 0.85):
                mine.append(replace(first, since_ms=begin, until_ms=at(share), restarts=restarts))
                events += died_and_back(first, host, at(share), oom=False)
                first = replace(first, started_ms=at(share) + 8000)
                begin, restarts = at(share) + 10_000, restarts + 1
            mine.append(replace(first, since_ms=begin, restarts=restarts))
        plans += mine
    events += [event_of_change(c) for c in changes] + [event_of_alert(t) for t in transitions]
    return Story(
        tuple(sorted(plans, key=lambda p: p.since_ms)),
        tuple(sorted(events, key=lambda e: e.at_ms)),
        tuple(sorted(transitions, key=lambda t: t.at_ms)),
        tuple(sorted(changes, key=lambda c: c.at_ms)),
    )


def plan_of(draw: Random, i: int, since_ms: int, until_ms: int) -> Plan:
    """The container of number ``i``, for the whole range."""
    group, service, kind = SERVICES[i % len(SERVICES)]
    if i >= len(SERVICES):
        service = f"{service}-{i // len(SERVICES) + 1}"
        kind = "idle" if i % 5 in (0, 1, 3) else "steady" if kind in ("leak", "idle") else kind
    key = f"{draw.getrandbits(256):064x}"
    target = Target(
        TargetId("docker", key, 0),
        f"/docker/{key}",
        service,
        image=f"registry.example/{service.rstrip('-0123456789')}:{draw.randint(1, 4)}.{draw.randint(0, 20)}",
        group=group,
        service=f"{group}/{service}",
    )
    memory = {"idle": 12, "steady": 90, "busy": 600, "batch": 220, "leak": 130}[kind] * MIB
    memory = int(memory * draw.uniform(0.6, 1.6)) // 4096 * 4096
    cores = CORES[kind] * draw.uniform(0.5, 1.5)
    started = since_ms - draw.randint(1, 20) * 86_400_000
    limit = 512 * MIB if kind == "leak" else 4 * memory
    return Plan(target, kind, since_ms, until_ms, cores, memory, limit, draw.randint(0, 3_600_000), started)


def new_target(draw: Random, old: Target) -> Target:
    key = f"{draw.getrandbits(256):064x}"
    return replace(old, id=TargetId("docker", key, 0), cgroup=f"/docker/{key}", image=f"{old.image}-next")


def mark(kind: str, target: Target, host: str, at_ms: int, **detail: object) -> Event:
    return Event(at_ms, kind, host, target.key, target.name, target.service, detail)


def died_and_back(plan: Plan, host: str, at_ms: int, *, oom: bool) -> Iterator[Event]:
    """The end of one life of a container, and the next."""
    if oom:
        yield mark("oom", plan.target, host, at_ms)
    yield mark(
        "stop",
        plan.target,
        host,
        at_ms,
        exit_code=137 if oom else 1,
        lived_s=(at_ms - plan.started_ms) / 1000,
        cpu_seconds=round((at_ms - plan.started_ms) / 1000 * plan.cores / 2, 1),
        memory_peak_bytes=plan.memory_limit if oom else plan.memory_bytes,
        oom_killed=oom,
    )
    yield mark("restart", plan.target, host, at_ms + 8000)


def recreated(old: Target, new: Target, host: str, at_ms: int) -> Iterator[Event]:
    """A deployment: the old container goes, one of the same service comes."""
    yield mark("stop", old, host, at_ms, exit_code=0, oom_killed=False)
    yield mark("start", new, host, at_ms + 18_000)


def raised(
    plan: Plan, host: str, at_ms: int, before: float, after: float, reason: str, *, by_hand: bool = False
) -> Change:
    """A CPU limit that was changed."""
    return Change(
        id=fingerprint(("demo", plan.target.key, str(at_ms))),
        at_ms=at_ms,
        host=host,
        container_id=plan.target.key,
        name=plan.target.name,
        status=ChangeStatus.APPLIED,
        rule="manual" if by_hand else "cpu_law",
        reason=reason,
        before=Knobs(cpu_cores=before),
        after=Knobs(cpu_cores=after),
        read_back=Knobs(cpu_cores=after),
        actor="demo" if by_hand else "wharfinger",
        effect={} if by_hand else {"throttled_periods_ratio_before": 0.45, "throttled_periods_ratio_after": 0.0},
    )


def again(plan: Plan, host: str, at_ms: int, status: ChangeStatus, reason: str) -> Change:
    """A change that did not come about."""
    return replace(raised(plan, host, at_ms, 1.5, 2.2, reason), status=status, read_back=None, effect={})


def alerted(
    plan: Plan,
    host: str,
    rule: str,
    since_ms: int,
    until_ms: int,
    change: Change | None = None,
    severity: Severity = Severity.WARNING,
) -> Sequence[Transition]:
    """Fires, and resolves."""
    said = SAID[rule]
    firing = Alert(
        id=fingerprint((rule, host, plan.target.key)),
        rule=rule,
        severity=severity,
        state=AlertState.FIRING,
        host=host,
        container_id=plan.target.key,
        name=plan.target.name,
        image=plan.target.image or "",
        group=plan.target.group or "",
        since_ms=since_ms,
        started_at_ms=since_ms,
        ended_at_ms=None,
        value=said[0],
        threshold=said[1],
        summary=f"{plan.target.name} {said[2]}",
        description=f"{plan.target.name} {said[2]}.",
        advice=said[3],
        change_id=change.id if change else None,
        action=f"CPU limit {change.before.cpu_cores} → {change.after.cpu_cores} cores" if change else None,
    )
    over = replace(firing, state=AlertState.RESOLVED, since_ms=until_ms, ended_at_ms=until_ms)
    return (
        Transition(since_ms, AlertState.PENDING, firing, notify=False),
        Transition(until_ms, AlertState.FIRING, over, notify=False),
    )


SAID = {
    "CpuThrottled": (0.45, 0.05, "is stopped by its CPU limit in 45 % of the periods", "Raise its CPU limit."),
    "MemoryNearLimit": (0.93, 0.9, "uses 93 % of its memory limit", "Raise its memory limit, or look for a leak."),
    "MemoryOomKilled": (1.0, 0.0, "lost a process to the OOM killer", "It grew to its limit in a line: a leak."),
}
"""Value, threshold, sentence and advice."""
