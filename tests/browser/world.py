"""An agent and a store made up for the browser: the real application runs on them, in every state that can be named.

The agent answers commands from memory with the outside forms of ``model.outside``; time is the machine's own.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from model import outside
from model.alert import (
    Alert,
    AlertState,
    Condition,
    Delivery,
    DeliveryState,
    Receiver,
    Rule,
    RuleAction,
    Selector,
    Severity,
    Silence,
    Transition,
)
from model.change import Change, ChangeStatus, Knobs, Mode, Policy, Recommendation, WorkClass
from model.errors import AgentAway
from model.event import Event
from model.finding import Evidence, Finding
from model.live import Command, Frame, PartState, Reply
from model.sample import Sample, Snapshot
from storage.api import KnownContainer, SeriesColumn, SeriesQuery, SeriesResult
from tests.browser.fleet import (
    GIB,
    GROWER,
    HERO,
    HOST,
    MIB,
    Ship,
    Story,
    host_sample,
    limits_at,
    limits_of,
    sample,
    ships,
)

SUMMED = (
    "cpu_usage_cores",
    "memory_working_set_bytes",
    "io_read_bytes_per_second",
    "io_write_bytes_per_second",
    "network_receive_bytes_per_second",
    "network_transmit_bytes_per_second",
    "pids",
)


@dataclass(slots=True)
class States:
    """What a test may make so: each is a state that a page must show."""

    away: bool = False
    docker: bool = True
    psi: bool = True
    empty: bool = False
    quiet: bool = False
    """No finding, no alert."""
    hidden: frozenset[str] = frozenset()
    """Names of containers that are gone."""


class World:
    """One made-up host: :class:`dashboard.services.Agent` and :class:`storage.api.SeriesReader` at once."""

    def __init__(self) -> None:
        self.states = States()
        self.story = Story(int(time.time()))
        self.ships = ships(self.story.now_s)
        self.hero = next(k for k, ship in self.ships.items() if ship.target.name == HERO)
        self.grower = next(k for k, ship in self.ships.items() if ship.target.name == GROWER)
        self.by_hand: dict[str, dict[str, float]] = {}
        self.policies = {key: ship.policy for key, ship in self.ships.items()}
        self.paused: dict[str, object] = {"paused": False, "reason": "", "until": None}
        self.silences: list[Silence] = []
        self.receivers = [
            Receiver("ops", "webhook", "https://ops.example/hook/secret", "s3cret"),
            Receiver("chat", "slack", "https://chat.example/services/T0/B0/x"),
            Receiver("night", "ntfy", "https://ntfy.example/night", enabled=False, source="api"),
        ]
        self.acknowledged: dict[str, str] = {}
        self.changes = list(self._past_changes())
        self.events_past = list(self._past_events())
        self.fresh_events: list[Event] = []
        self.fresh_changes: list[Change] = []
        self.commands: list[Command] = []
        self._lock = threading.Lock()
        self._frames: dict[int, Frame] = {}

    # ── the agent ──────────────────────────────────────────────────────────

    def frame(self) -> Frame | None:
        if self.states.away:
            return self._frame_at(int(self._away_s()))
        return self._frame_at(int(time.time()))

    def _away_s(self) -> float:
        return time.time() - 134

    def age_s(self) -> float | None:
        return 134.0 if self.states.away else time.time() % 1

    def wait(self, after_ms: int, timeout_s: float) -> Frame | None:
        if self.states.away:
            threading.Event().wait(min(timeout_s, 0.5))
            return None
        now = time.time()
        if int(now) * 1000 <= after_ms:
            threading.Event().wait(min(timeout_s, int(now) + 1.005 - now))
        frame = self.frame()
        return frame if frame is not None and frame.at_ms > after_ms else None

    def snapshot(self) -> Snapshot:
        if self.states.away:
            raise AgentAway("the agent is away")
        frame = self.frame()
        assert frame is not None
        samples = {key: Sample(values) for key, values in frame.values.items()}
        return Snapshot(
            frame.at_ms, 1.0, HOST, "hybrid", Sample(frame.host_values), frame.targets, samples, frame.limits
        )

    def present(self, s: int) -> dict[str, Ship]:
        del s
        if self.states.empty:
            return {}
        return {key: ship for key, ship in self.ships.items() if ship.target.name not in self.states.hidden}

    def _frame_at(self, s: int) -> Frame:
        """The frame of one second: the same for everybody who asks."""
        with self._lock:
            if s not in self._frames:
                events, self.fresh_events = tuple(self.fresh_events), []
                changes, self.fresh_changes = tuple(self.fresh_changes), []
                self._frames = {k: v for k, v in self._frames.items() if k > s - 300}
                self._frames[s] = self._made(s, events, changes)
            return self._frames[s]

    def _made(self, s: int, events: tuple[Event, ...], changes: tuple[Change, ...]) -> Frame:
        here = self.present(s)
        values = {key: self.values(ship, s) for key, ship in here.items()}
        sums = {name: sum(v.get(name, 0.0) for v in values.values()) for name in SUMMED}
        targets = {
            key: replace(ship.target, restarts=1, id=replace(ship.target.id, started_at_ms=self.story.back * 1000))
            if key == self.hero
            else ship.target
            for key, ship in here.items()
        }
        docker = "ok" if self.states.docker else "down"
        since = (self.story.now_s - 300) * 1000
        return Frame(
            at_ms=s * 1000,
            interval_s=1.0,
            host=HOST,
            cgroup="hybrid",
            host_values=host_sample(sums, s, self.states.psi),
            targets=targets,
            values=values,
            limits={key: limits_of(ship, s, self.story, self.by_hand.get(key, {})) for key, ship in here.items()},
            policies={key: self.policies[key] for key in here},
            findings=self.findings(s, values),
            transitions=(),
            changes=changes,
            events=events,
            gaps=(),
            parts=(
                PartState("agent", "ok", since),
                PartState("tick", "ok", since),
                PartState("store", "ok", since),
                PartState("influxdb", "off", since),
                PartState("docker", docker, since, "" if self.states.docker else "no such file: /var/run/docker.sock"),
                PartState("alerts", "ok", since),
                PartState("limits", "ok", since),
            ),
            capabilities={"psi": "yes" if self.states.psi else "the kernel was started without psi=1", "docker": "yes"},
        )

    def values(self, ship: Ship, s: int) -> dict[str, float]:
        return sample(ship, s, self.story, self.by_hand.get(ship.target.key, {}), self.states.psi)

    # ── what is wrong ──────────────────────────────────────────────────────

    def findings(self, s: int, values: Mapping[str, Mapping[str, float]]) -> tuple[Finding, ...]:
        found: list[Finding] = []
        hero, grower = values.get(self.hero), values.get(self.grower)
        if self.states.quiet:
            return ()
        if hero and self.hero not in self.by_hand:
            past = [self.values(self.ships[self.hero], s - i).get("cpu_throttled_periods_ratio", 0.0) for i in range(30)]
            share, used = sum(past) / len(past), hero["cpu_usage_cores"]
            found.append(
                Finding(
                    "f-cpu", s * 1000, (self.story.rise + 120) * 1000, HOST, self.hero, HERO, "cpu_throttled",
                    Severity.CRITICAL,
                    f"Held back by its CPU limit. Throttled in {share:.0%} of periods for 10 min; uses {used:.2f} of 1.50 cores.",
                    (
                        Evidence("cpu_throttled_periods_ratio", share, 0.05, 60, "ratio"),
                        Evidence("cpu_usage_cores", used, 1.5, 60, "cores"),
                    ),
                    "Raise its CPU limit to about 2.00 cores, or let it do less at once.",
                    "cpu", 2.0, "c-2",
                    "Raised 1.00 → 1.50 cores at 14:02. That is the ceiling its label allows.",
                )
            )  # fmt: skip
        if grower:
            ratio, used = grower["memory_working_set_of_limit_ratio"], grower["memory_working_set_bytes"]
            found.append(
                Finding(
                    "f-memory", s * 1000, (self.story.now_s - 3000) * 1000, HOST, self.grower, GROWER,
                    "memory_near_limit", Severity.CRITICAL,
                    "Running towards its memory limit. Full in about 14 min (11 to 19 min): it grows by 6 MiB a minute.",
                    (
                        Evidence("memory_working_set_of_limit_ratio", ratio, 0.9, 1, "ratio"),
                        Evidence("memory_working_set_bytes", used, 512.0 * MIB, 1, "bytes"),
                    ),
                    "Raise its memory limit to about 768 MiB. If it grows without more work, it leaks.",
                    "memory", 768.0 * MIB, None,
                    "Watching only: its policy is observe. Would raise 512 → 768 MiB.",
                )
            )  # fmt: skip
        for key, ship in self.present(s).items():
            if ship.target.name == "data-postgres" and self.states.psi:
                waits = values[key]["io_pressure_some_ratio"]
                found.append(
                    Finding(
                        "f-io", s * 1000, (self.story.now_s - 1260) * 1000, HOST, key, ship.target.name, "io_wait",
                        Severity.WARNING,
                        f"Waits for the disk {waits:.0%} of the time. media-transcoder on the same host writes 6 MiB/s.",
                        (Evidence("io_pressure_some_ratio", waits, 0.2, 60, "ratio"),),
                        "Move one of the two to another disk.",
                        deed="No CPU or memory limit is the cause, so nothing was changed.",
                    )
                )  # fmt: skip
            if ship.target.name == "shop-payments":
                found.append(
                    Finding(
                        "f-label", s * 1000, (self.story.now_s - 86400) * 1000, HOST, key, ship.target.name,
                        "policy_labels", Severity.INFO,
                        "The label wharfinger.cpu.max=two is not a number and is ignored.",
                        (), "Write a number of cores.", deed="Its policy stays observe.",
                    )
                )  # fmt: skip
        return tuple(found)

    def _alerts(self) -> list[Alert]:
        if self.states.quiet or self.states.empty:
            return []
        now_ms = int(time.time()) * 1000

        def alert(n: int, rule: str, severity: Severity, state: AlertState, key: str, ago: int, **more: Any) -> Alert:
            ship = self.ships[key]
            at_ms = now_ms - ago * 1000
            return Alert(
                f"a-{n}", rule, severity, state, HOST, key, ship.target.name, ship.target.image or "",
                ship.target.group or "", at_ms, at_ms if state is AlertState.FIRING else None, None,
                acknowledged_by=self.acknowledged.get(f"a-{n}"), **more,
            )  # fmt: skip

        postgres = next(k for k, x in self.ships.items() if x.target.name == "data-postgres")
        cart = next(k for k, x in self.ships.items() if x.target.name == "shop-cart")
        firing, pending = AlertState.FIRING, AlertState.PENDING
        return [
            alert(
                1, "CpuThrottled", Severity.CRITICAL, firing, self.hero, 540, value=0.31, threshold=0.2,
                summary="Throttled in 31 % of periods.", description="", advice="Raise its CPU limit.",
                finding_id="f-cpu", action="cpu 1.25 → 1.50 cores", change_id="c-2",
            ),
            alert(
                2, "MemoryNearLimit", Severity.CRITICAL, firing, self.grower, 75, value=0.91, threshold=0.9,
                summary="91 % of its memory limit is in use.", description="", advice="", finding_id="f-memory",
            ),
            alert(
                3, "DiskWait", Severity.WARNING, firing, postgres, 960, value=0.23, threshold=0.2,
                summary="Waits for the disk 23 % of the time.", description="", advice="",
            ),
            alert(
                4, "CpuThrottled", Severity.WARNING, pending, cart, 7, value=0.22, threshold=0.2,
                summary="Throttled in 22 % of periods.", description="", advice="",
            ),
        ]  # fmt: skip

    def _rules(self) -> list[Rule]:
        share = "cpu_throttled_periods_ratio"
        return [
            Rule(
                "CpuThrottled", Severity.CRITICAL, Condition(share, None, "avg", ">", 0.2, 60),
                for_s=15, action=RuleAction("cpu", 0.25, True, 2.0, 3600, True), source="/etc/wharfinger/rules/cpu.toml",
            ),
            Rule("MemoryNearLimit", Severity.CRITICAL, Condition(detector="memory_near_limit"), for_s=10),
            Rule("DiskWait", Severity.WARNING, Condition("io_pressure_some_ratio", None, "avg", ">", 0.2, 300), for_s=300),
            Rule("OomKilled", Severity.CRITICAL, Condition("memory_oom_kills", None, "rate", ">", 0, 60), enabled=False),
        ]  # fmt: skip

    # ── what was done ──────────────────────────────────────────────────────

    def _past_changes(self) -> list[Change]:
        story = self.story

        def change(n: int, s: int, key: str, before: Knobs, after: Knobs, reason: str, **more: Any) -> Change:
            more = {"status": ChangeStatus.APPLIED, "rule": "cpu_law", **more}
            return Change(
                f"c-{n}", s * 1000, HOST, key, self.ships[key].target.name, more.pop("status"), more.pop("rule"),
                reason, before, after, **more,
            )  # fmt: skip

        by_name = {ship.target.name: key for key, ship in self.ships.items()}
        throttled = "throttled_periods_ratio"
        return [
            change(
                2, story.second_raise, self.hero, Knobs(cpu_cores=1.25), Knobs(cpu_cores=1.5),
                "Throttled in 47 % of periods", finding_id="f-cpu",
                effect={f"{throttled}_before": 0.47, f"{throttled}_after": 0.31},
            ),
            change(
                1, story.first_raise, self.hero, Knobs(cpu_cores=1.0), Knobs(cpu_cores=1.25),
                "Throttled in 65 % of periods", finding_id="f-cpu",
                effect={f"{throttled}_before": 0.65, f"{throttled}_after": 0.47},
            ),
            change(
                3, story.oom + 3, self.hero, Knobs(memory_bytes=768 * MIB), Knobs(memory_bytes=GIB),
                "Killed for lack of memory", rule="memory_law",
            ),
            change(
                4, story.now_s - 2200, by_name["shop-worker-2"], Knobs(cpu_cores=0.6), Knobs(cpu_cores=0.5),
                "Peak 0.41 in 5 min", status=ChangeStatus.REVERTED,
                effect={f"{throttled}_before": 0.0, f"{throttled}_after": 0.09},
            ),
            change(
                5, story.now_s - 2900, by_name["data-clickhouse"], Knobs(memory_bytes=8 * GIB),
                Knobs(memory_bytes=5 * GIB), "5.1 GiB is in use: it would be killed", status=ChangeStatus.REFUSED,
                rule="manual", actor="mina",
            ),
            change(
                6, story.now_s - 4200, self.grower, Knobs(memory_bytes=512 * MIB), Knobs(memory_bytes=768 * MIB),
                "Grows 6 MiB a minute", status=ChangeStatus.DRY_RUN, rule="memory_law",
            ),
        ]  # fmt: skip

    def _past_events(self) -> list[Event]:
        story, hero = self.story, self.hero

        def event(s: int, kind: str, key: str = hero, **detail: object) -> Event:
            ship = self.ships[key].target
            return Event(s * 1000, kind, HOST, key, ship.name, ship.service, detail)

        def alert(s: int, rule: str, severity: str, before: str, state: str, key: str = hero) -> Event:
            words = "Killed for lack of memory." if rule == "OomKilled" else "Throttled in 47 % of periods."
            return event(
                s, "alert", key, alert_id=f"x-{rule}", rule=rule, severity=severity, before=before, state=state,
                summary=words,
            )  # fmt: skip

        now, postgres = story.now_s, next(k for k, x in self.ships.items() if x.target.name == "data-postgres")
        made = [
            alert(now - 60000, "CpuThrottled", "warning", "pending", "firing", postgres),
            alert(now - 59000, "CpuThrottled", "warning", "firing", "resolved", postgres),
            alert(now - 31000, "DiskWait", "warning", "pending", "firing", postgres),
            alert(now - 28000, "DiskWait", "warning", "firing", "resolved", postgres),
            event(story.deploy, "stop", exit_code=0, lived_s=86000),
            event(story.deploy + 9, "start"),
            event(story.oom, "oom"),
            alert(story.oom, "OomKilled", "critical", "inactive", "firing"),
            event(story.oom + 3, "limit_change", change_id="c-3", status="applied", rule="memory_law", reason="Killed",
                  cpu_cores=[None, None], memory_bytes=[768 * MIB, GIB]),
            event(story.back, "restart"),
            alert(story.oom + 400, "OomKilled", "critical", "firing", "resolved"),
            alert(now - 960, "DiskWait", "warning", "pending", "firing", postgres),
            alert(now - 540, "CpuThrottled", "critical", "pending", "firing"),
            event(story.first_raise, "limit_change", change_id="c-1", status="applied", rule="cpu_law",
                  reason="Throttled in 65 % of periods", cpu_cores=[1.0, 1.25], memory_bytes=[None, None]),
            event(story.second_raise, "limit_change", change_id="c-2", status="applied", rule="cpu_law",
                  reason="Throttled in 47 % of periods", cpu_cores=[1.25, 1.5], memory_bytes=[None, None]),
        ]  # fmt: skip
        return [replace(e, id=i + 1) for i, e in enumerate(sorted(made, key=lambda e: e.at_ms))]

    # ── commands ───────────────────────────────────────────────────────────

    def ask(self, command: Command) -> Reply:
        if self.states.away:
            raise AgentAway("the agent does not answer on its socket; is it running?")
        self.commands.append(command)
        handler: Callable[[Mapping[str, Any], str], Reply] = getattr(self, "_do_" + command.name.replace(".", "_"))
        return handler(command.arguments, command.actor)

    def _do_status(self, _arguments: Mapping[str, Any], _actor: str) -> Reply:
        return Reply(200, {"metrics": {}})

    def _do_alerts_list(self, arguments: Mapping[str, Any], _actor: str) -> Reply:
        state = arguments.get("state")
        return Reply(200, [outside.alert_json(a) for a in self._alerts() if state in (None, a.state.value)])

    def _do_alerts_history(self, arguments: Mapping[str, Any], _actor: str) -> Reply:
        past = replace(
            self._alerts()[0], id="a-9", rule="OomKilled", state=AlertState.RESOLVED, summary="Killed for lack of memory.",
            started_at_ms=self.story.oom * 1000, ended_at_ms=(self.story.oom + 400) * 1000,
        ) if self._alerts() else None  # fmt: skip
        rows = [Transition((self.story.oom + 400) * 1000, AlertState.FIRING, past, True)] if past else []
        return Reply(
            200,
            [
                {"at": outside.rfc3339(t.at_ms), "before": t.before.value, "alert": outside.alert_json(t.alert)}
                for t in rows
                if t.at_ms >= arguments.get("since_ms", 0)
            ],
        )

    def _do_alerts_acknowledge(self, arguments: Mapping[str, Any], actor: str) -> Reply:
        self.acknowledged[arguments["id"]] = actor
        return Reply(200, next(outside.alert_json(a) for a in self._alerts() if a.id == arguments["id"]))

    def _do_rules_list(self, _arguments: Mapping[str, Any], _actor: str) -> Reply:
        return Reply(200, [outside.rule_json(rule) for rule in self._rules()])

    def _do_silences_list(self, _arguments: Mapping[str, Any], _actor: str) -> Reply:
        return Reply(200, [outside.silence_json(s) for s in self.silences])

    def _do_silences_create(self, arguments: Mapping[str, Any], actor: str) -> Reply:
        now_ms = int(time.time() * 1000)
        ends = arguments.get("ends_at_ms") or now_ms + int(arguments["duration_s"] * 1000)
        silence = Silence(
            f"s-{len(self.silences) + 1}", Selector(tuple(arguments.get("name", ()))), tuple(arguments.get("rules", ())),
            now_ms, ends, actor, arguments.get("comment", ""),
        )  # fmt: skip
        self.silences.append(silence)
        return Reply(201, outside.silence_json(silence))

    def _do_silences_delete(self, arguments: Mapping[str, Any], _actor: str) -> Reply:
        self.silences = [s for s in self.silences if s.id != arguments["id"]]
        return Reply(204)

    def _do_receivers_list(self, _arguments: Mapping[str, Any], _actor: str) -> Reply:
        return Reply(200, [outside.receiver_json(r) | {"waiting": 2 if r.name == "chat" else 0} for r in self.receivers])

    def _do_receivers_put(self, arguments: Mapping[str, Any], _actor: str) -> Reply:
        receiver = Receiver(arguments["name"], arguments["kind"], arguments["url"], arguments["secret"], source="api")
        self.receivers = [r for r in self.receivers if r.name != receiver.name] + [receiver]
        return Reply(200, outside.receiver_json(receiver))

    def _do_receivers_delete(self, arguments: Mapping[str, Any], _actor: str) -> Reply:
        self.receivers = [r for r in self.receivers if r.name != arguments["name"]]
        return Reply(204)

    def _do_receivers_test(self, arguments: Mapping[str, Any], _actor: str) -> Reply:
        return Reply(200, outside.delivery_json(self._delivery(9, arguments["name"], DeliveryState.ACCEPTED, 200, "")))

    def _delivery(self, n: int, receiver: str, state: DeliveryState, http: int | None, detail: str) -> Delivery:
        at_ms = int(time.time() * 1000) - 60_000 * n
        return Delivery(n, f"n-{n}", at_ms, receiver, "a-1", "firing", state, http, 0.043 * n, detail)

    def _do_deliveries_list(self, _arguments: Mapping[str, Any], _actor: str) -> Reply:
        rows = [
            self._delivery(1, "ops", DeliveryState.ACCEPTED, 200, "ok"),
            self._delivery(3, "chat", DeliveryState.RETRY, 503, "Service Unavailable; again in 2 min"),
            self._delivery(9, "ops", DeliveryState.ACCEPTED, 200, "ok"),
            self._delivery(40, "night", DeliveryState.REJECTED, 410, "Gone: the receiver was disabled"),
        ]
        return Reply(200, [outside.delivery_json(d) for d in rows])

    def _do_limits_recommendations(self, _arguments: Mapping[str, Any], _actor: str) -> Reply:
        if self.states.empty or self.states.quiet:
            return Reply(200, [])
        by_name = {ship.target.name: key for key, ship in self.ships.items()} | {HERO: self.hero}
        now_ms = int(time.time()) * 1000
        rows = [
            (HERO, "cpu", 1.5, 2.0, "At its ceiling, throttled 31 %", 0.92, "f-cpu"),
            (GROWER, "memory", 512 * MIB, 768 * MIB, "Full in about 14 min; may be a leak", 0.6, "f-memory"),
            ("media-transcoder", "cpu", 2.0, 2.4, "Throttled 6 %, host half idle", 0.9, None),
            ("data-clickhouse", "memory", 8 * GIB, 6.25 * GIB, "Peak 5.4 GiB in 34 d", 0.95, None),
            ("shop-search", "memory", 4 * GIB, 2.31 * GIB, "Peak 1.92 GiB in 21 d", 0.9, None),
            ("data-broker", "cpu", 2.0, 1.1, "Above 0.82 cores 2 % of the time", 0.3, None),
        ]
        return Reply(
            200,
            [
                outside.recommendation_json(
                    Recommendation(f"r-{i}", now_ms, HOST, by_name[name], name, knob, now, to, reason, sure, finding)
                )
                for i, (name, knob, now, to, reason, sure, finding) in enumerate(rows)
            ],
        )

    def _do_limits_changes(self, arguments: Mapping[str, Any], _actor: str) -> Reply:
        wanted = arguments.get("container_id")
        rows = [c for c in self.changes if wanted in (None, c.container_id)]
        return Reply(200, [outside.change_json(c) for c in rows[: arguments.get("limit", 200)]])

    def _do_limits_set(self, arguments: Mapping[str, Any], actor: str) -> Reply:
        key = arguments["container_id"]
        ship, s = self.ships[key], int(time.time())
        cpu, memory = limits_at(ship, s, self.story, self.by_hand.get(key, {}))
        used = self.values(ship, s)["memory_working_set_bytes"]
        if "memory_bytes" in arguments and arguments["memory_bytes"] < used:
            return Reply(409, detail=f"{ship.target.name} uses {used / MIB:.0f} MiB: a limit below that would kill it")
        wish = {k: arguments[k] for k in ("cpu_cores", "memory_bytes", "cpu_weight") if k in arguments}
        before = Knobs(
            cpu_cores=cpu if "cpu_cores" in wish else None,
            memory_bytes=int(memory) if memory and "memory_bytes" in wish else None,
            cpu_weight=100 if "cpu_weight" in wish else None,
            unlimited=tuple(k for k, v in (("cpu_cores", cpu), ("memory_bytes", memory)) if k in wish and v is None),
        )
        dry = arguments.get("dry_run", False)
        change = Change(
            f"c-{len(self.changes) + 1}", s * 1000, HOST, key, ship.target.name,
            ChangeStatus.DRY_RUN if dry else ChangeStatus.APPLIED, "manual", arguments.get("reason", ""), before,
            Knobs(**wish), actor=actor,
        )  # fmt: skip
        if not dry:
            self._happened(change, {**self.by_hand.get(key, {}), **{k: float(v) for k, v in wish.items()}})
        return Reply(200, outside.change_json(change))

    def _happened(self, change: Change, by_hand: dict[str, float]) -> None:
        self.by_hand[change.container_id] = by_hand
        detail = {
            "change_id": change.id, "status": change.status.value, "rule": change.rule, "reason": change.reason,
            "cpu_cores": [change.before.cpu_cores, change.after.cpu_cores],
            "memory_bytes": [change.before.memory_bytes, change.after.memory_bytes],
        }  # fmt: skip
        event = Event(
            change.at_ms, "limit_change", HOST, change.container_id, change.name, None, detail, len(self.events_past) + 1
        )
        with self._lock:
            self.changes.insert(0, change)
            self.events_past.append(event)
            self.fresh_events.append(event)
            self.fresh_changes.append(change)

    def _do_limits_undo(self, arguments: Mapping[str, Any], actor: str) -> Reply:
        wanted = next((c for c in self.changes if c.id == arguments.get("change_id")), None)
        if wanted is None:
            return Reply(404, detail=f"there is no change {arguments.get('change_id')}")
        self.changes = [replace(c, undone_by=actor) if c.id == wanted.id else c for c in self.changes]
        back = Change(
            f"c-{len(self.changes) + 1}", int(time.time()) * 1000, HOST, wanted.container_id, wanted.name,
            ChangeStatus.APPLIED, "undo", f"undone by {actor}", wanted.after, wanted.before, actor=actor,
        )  # fmt: skip
        kept = dict(self.by_hand.get(wanted.container_id, {}))
        for knob in ("cpu_cores", "memory_bytes", "cpu_weight"):
            value = getattr(wanted.before, knob)
            if value is not None:
                kept[knob] = float(value)
        self._happened(back, kept)
        return Reply(200, {"changes": [outside.change_json(back)]})

    def _do_limits_pause(self, _arguments: Mapping[str, Any], _actor: str) -> Reply:
        return Reply(200, self.paused)

    def _do_limits_pause_put(self, arguments: Mapping[str, Any], _actor: str) -> Reply:
        hold = arguments.get("hold_s")
        until = outside.rfc3339(int((time.time() + hold) * 1000)) if arguments["paused"] and hold else None
        self.paused = {"paused": arguments["paused"], "reason": arguments.get("reason", ""), "until": until}
        return Reply(200, self.paused)

    def _do_policy_get(self, arguments: Mapping[str, Any], _actor: str) -> Reply:
        return Reply(200, outside.policy_json(self.policies[arguments["container_id"]]))

    def _do_policy_put(self, arguments: Mapping[str, Any], _actor: str) -> Reply:
        key, fields = arguments["container_id"], arguments["fields"]
        before = self.policies[key]
        self.policies[key] = replace(
            before,
            mode=Mode(fields.get("mode", before.mode.value)),
            work_class=WorkClass(fields.get("class", before.work_class.value)),
            sources={**before.sources, **dict.fromkeys(fields, "api")},
        )
        return Reply(200, outside.policy_json(self.policies[key]))

    def _do_policy_delete(self, arguments: Mapping[str, Any], _actor: str) -> Reply:
        self.policies[arguments["container_id"]] = Policy()
        return Reply(200, outside.policy_json(Policy()))


class WorldSeries:
    """History of the same world, computed when asked: :class:`storage.api.SeriesReader`."""

    FIRST_AGO_S = 6 * 3600

    def __init__(self, world: World) -> None:
        self._world = world

    def query(self, query: SeriesQuery) -> SeriesResult:
        step_ms = query.step_ms or 1000
        if query.points:
            step_ms = max(1000, -(-(query.until_ms - query.since_ms) // query.points // 1000) * 1000)
        first = query.since_ms // step_ms * step_ms
        moments = range(first, query.until_ms, step_ms)
        now_s, begin = int(time.time()), self._world.story.now_s - self.FIRST_AGO_S
        columns: list[SeriesColumn] = []
        world = self._world
        wanted = [] if query.of_host else query.containers or list(world.ships)
        if query.services:
            wanted = [k for k, ship in world.ships.items() if ship.target.service in query.services]
        for key in wanted:
            ship = world.ships[key]
            rows = [world.values(ship, ms // 1000) if begin <= ms // 1000 <= now_s else {} for ms in moments]
            columns += [self._column(query, key, ship.target.name, metric, rows) for metric in query.metrics]
        if query.of_host:
            rows = []
            for ms in moments:
                s = ms // 1000
                values = [world.values(ship, s) for ship in world.ships.values()] if begin <= s <= now_s else []
                sums = {name: sum(v.get(name, 0.0) for v in values) for name in SUMMED}
                rows.append(host_sample(sums, s) if values else {})
            columns += [self._column(query, "", HOST, metric, rows) for metric in query.metrics]
        return SeriesResult(first, step_ms, tuple(c for c in columns if any(v is not None for v in c.avg)))

    def _column(
        self, query: SeriesQuery, key: str, name: str, metric: str, rows: list[dict[str, float]]
    ) -> SeriesColumn:
        del query
        values = [row.get(metric) for row in rows]
        return SeriesColumn(HOST, key, name, metric, "", values, values, values)

    def hosts(self) -> tuple[str, ...]:
        return (HOST,)

    def containers(self, *, seen_since_ms: int | None = None) -> tuple[KnownContainer, ...]:
        del seen_since_ms
        if self._world.states.empty:
            return ()
        now_s = int(time.time())
        past = now_s - 3600
        return tuple(
            KnownContainer(
                key, HOST, ship.target.name, "docker", ship.target.image, ship.target.group, ship.target.service,
                (self._world.story.now_s - self.FIRST_AGO_S) * 1000,
                (past if ship.target.name in self._world.states.hidden else now_s) * 1000,
                self._world.values(ship, past),
            )
            for key, ship in self._world.ships.items()
        )  # fmt: skip

    def events(
        self,
        *,
        since_ms: int | None = None,
        until_ms: int | None = None,
        container_id: str | None = None,
        kinds: tuple[str, ...] = (),
        after_id: int = 0,
        limit: int = 1000,
    ) -> tuple[Event, ...]:
        found = [
            e
            for e in self._world.events_past
            if e.id > after_id
            and e.at_ms >= (since_ms or 0)
            and (until_ms is None or e.at_ms < until_ms)
            and container_id in (None, e.container_id)
            and (not kinds or e.kind in kinds)
        ]
        return tuple(found[:limit])

    def span(self) -> tuple[int, int] | None:
        return ((self._world.story.now_s - self.FIRST_AGO_S) * 1000, int(time.time()) * 1000)

    def close(self) -> None:
        return
