"""What is wrong in the made-up world, what was done about it, and what is told: the content of its pages."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from model.alert import Alert, AlertState, Condition, Rule, RuleAction, Severity
from model.change import Change, ChangeStatus, Knobs
from model.event import Event
from model.finding import Evidence, Finding
from model.outside import rfc3339
from tests.browser.fleet import GIB, GROWER, HERO, HOST, MIB

if TYPE_CHECKING:
    from tests.browser.world import World


class Chronicle:
    """Findings, alerts, changes and events of one world."""

    def __init__(self, world: World) -> None:
        self.world = world

    def findings(self, s: int, values: Mapping[str, Mapping[str, float]]) -> tuple[Finding, ...]:
        found: list[Finding] = []
        hero, grower = values.get(self.world.hero), values.get(self.world.grower)
        if self.world.states.quiet:
            return ()
        if hero and self.world.hero not in self.world.by_hand:
            ship, ratio_of = self.world.ships[self.world.hero], "cpu_throttled_periods_ratio"
            past = [self.world.values(ship, s - i).get(ratio_of, 0.0) for i in range(30)]
            share, used = sum(past) / len(past), hero["cpu_usage_cores"]
            uses = f"uses {used:.2f} of 1.50 cores"
            found.append(
                Finding(
                    "f-cpu", s * 1000, (self.world.story.rise + 120) * 1000, HOST, self.world.hero, HERO,
                    "cpu_throttled", Severity.CRITICAL,
                    f"Held back by its CPU limit. Throttled in {share * 100:.0f} % of periods for 10 min; {uses}.",
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
                    "f-memory", s * 1000, (self.world.story.now_s - 3000) * 1000, HOST, self.world.grower, GROWER,
                    "memory_near_limit", Severity.CRITICAL,
                    "Running towards its memory limit. Full in about 14 min (11 to 19 min): it grows by 6 MiB a min.",
                    (
                        Evidence("memory_working_set_of_limit_ratio", ratio, 0.9, 1, "ratio"),
                        Evidence("memory_working_set_bytes", used, 512.0 * MIB, 1, "bytes"),
                    ),
                    "Raise its memory limit to about 768 MiB. If it grows without more work, it leaks.",
                    "memory", 768.0 * MIB, None,
                    "Watching only: its policy is observe. Would raise 512 → 768 MiB.",
                )
            )  # fmt: skip
        for key, ship in self.world.present().items():
            if ship.target.name == "data-postgres" and self.world.states.psi:
                waits = values[key]["io_pressure_some_ratio"]
                found.append(
                    Finding(
                        "f-io", s * 1000, (self.world.story.now_s - 1260) * 1000, HOST, key, ship.target.name,
                        "io_wait", Severity.WARNING,
                        f"Waits for the disk sda. All of its tasks waited in {waits * 100:.0f} % of the last 1 min,"
                        " at 2.10 MiB/s of its own.",
                        (Evidence("io_pressure_some_ratio", waits, 0.2, 60, "ratio"),),
                        "Move one of the two to another disk.",
                        deed="No CPU or memory limit is the cause, so nothing was changed.",
                    )
                )  # fmt: skip
            if ship.target.name == "shop-payments":
                found.append(
                    Finding(
                        "f-label", s * 1000, (self.world.story.now_s - 86400) * 1000, HOST, key, ship.target.name,
                        "policy_labels", Severity.INFO,
                        "The label wharfinger.cpu.max=two is not a number and is ignored.",
                        (), "Write a number of cores.", deed="Its policy stays observe.",
                    )
                )  # fmt: skip
        return tuple(found)

    def alerts(self) -> list[Alert]:
        if self.world.states.quiet or self.world.states.empty:
            return []
        now_ms = int(time.time()) * 1000

        def alert(n: int, rule: str, severity: Severity, state: AlertState, key: str, ago: int, **more: Any) -> Alert:
            ship = self.world.ships[key]
            at_ms = now_ms - ago * 1000
            return Alert(
                f"a-{n}", rule, severity, state, HOST, key, ship.target.name, ship.target.image or "",
                ship.target.group or "", at_ms, at_ms if state is AlertState.FIRING else None, None,
                acknowledged_by=self.world.acknowledged.get(f"a-{n}"), **more,
            )  # fmt: skip

        postgres = next(k for k, x in self.world.ships.items() if x.target.name == "data-postgres")
        cart = next(k for k, x in self.world.ships.items() if x.target.name == "shop-cart")
        firing, pending = AlertState.FIRING, AlertState.PENDING
        return [
            alert(
                1, "CpuThrottled", Severity.CRITICAL, firing, self.world.hero, 540, value=0.31, threshold=0.2,
                summary="Throttled in 31 % of periods.", description="", advice="Raise its CPU limit.",
                finding_id="f-cpu", action="cpu 1.25 → 1.50 cores", change_id="c-2",
            ),
            alert(
                2, "MemoryNearLimit", Severity.CRITICAL, firing, self.world.grower, 75, value=0.91, threshold=0.9,
                summary="91 % of its memory limit is in use.", description="", advice="", finding_id="f-memory",
            ),
            alert(
                3, "DiskWait", Severity.WARNING, firing, postgres, 960, value=0.23, threshold=0.2,
                summary="Waits for the disk sda.", description="", advice="",
            ),
            alert(
                4, "CpuThrottled", Severity.WARNING, pending, cart, 7, value=0.22, threshold=0.2,
                summary="Throttled in 22 % of periods.", description="", advice="",
            ),
        ]  # fmt: skip

    def rules(self) -> list[Rule]:
        share = "cpu_throttled_periods_ratio"
        return [
            Rule(
                "CpuThrottled", Severity.CRITICAL, Condition(share, None, "avg", ">", 0.2, 60),
                for_s=15, action=RuleAction("cpu", 0.25, True, 2.0, 3600, True), source="/etc/wharfinger/cpu.toml",
            ),
            Rule("MemoryNearLimit", Severity.CRITICAL, Condition(detector="memory_near_limit"), for_s=10),
            Rule("DiskWait", Severity.WARNING, Condition("io_pressure_some_ratio", None, "avg", ">", 0.2, 300)),
            Rule("OomKilled", Severity.CRITICAL, Condition("memory_oom_kills", threshold=0.0), enabled=False),
        ]  # fmt: skip

    def firings(self, since_ms: int, until_ms: int) -> list[dict[str, object]]:
        """When the rules would have fired: in the forms of a replay. The first is older than an hour."""

        def firing(rule: str, severity: str, key: str, ago_s: int, lasted_s: int | None) -> dict[str, object]:
            began = until_ms - ago_s * 1000
            return {
                "rule": rule, "severity": severity, "container_id": key, "name": self.world.ships[key].target.name,
                "started_at": rfc3339(began), "ended_at": rfc3339(lasted_s and began + lasted_s * 1000),
                "value": 0.31, "summary": "Throttled in 31 % of periods.",
            }  # fmt: skip

        made = [
            firing("CpuThrottled", "critical", self.world.hero, 60000, 1000),
            firing("DiskWait", "warning", self.world.grower, 3000, 60),
            firing("CpuThrottled", "critical", self.world.hero, 2400, 300),
            firing("CpuThrottled", "critical", self.world.hero, 540, None),
        ]
        return [f for f in made if str(f["started_at"]) >= str(rfc3339(since_ms))]

    def past_changes(self) -> list[Change]:
        story = self.world.story

        def change(n: int, s: int, key: str, before: Knobs, after: Knobs, reason: str, **more: Any) -> Change:
            more = {"status": ChangeStatus.APPLIED, "rule": "cpu_law", **more}
            return Change(
                f"c-{n}", s * 1000, HOST, key, self.world.ships[key].target.name, more.pop("status"), more.pop("rule"),
                reason, before, after, **more,
            )  # fmt: skip

        by_name = {ship.target.name: key for key, ship in self.world.ships.items()}
        throttled = "throttled_periods_ratio"
        return [
            change(
                2, story.second_raise, self.world.hero, Knobs(cpu_cores=1.25), Knobs(cpu_cores=1.5),
                "Throttled in 47 % of periods", finding_id="f-cpu",
                effect={f"{throttled}_before": 0.47, f"{throttled}_after": 0.31},
            ),
            change(
                1, story.first_raise, self.world.hero, Knobs(cpu_cores=1.0), Knobs(cpu_cores=1.25),
                "Throttled in 65 % of periods", finding_id="f-cpu",
                effect={f"{throttled}_before": 0.65, f"{throttled}_after": 0.47},
            ),
            change(
                3, story.oom + 3, self.world.hero, Knobs(memory_bytes=768 * MIB), Knobs(memory_bytes=GIB),
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
                6, story.now_s - 4200, self.world.grower, Knobs(memory_bytes=512 * MIB), Knobs(memory_bytes=768 * MIB),
                "Grows 6 MiB a minute", status=ChangeStatus.DRY_RUN, rule="memory_law",
            ),
        ]  # fmt: skip

    def past_events(self) -> list[Event]:
        story, hero = self.world.story, self.world.hero

        def event(s: int, kind: str, key: str = hero, **detail: object) -> Event:
            ship = self.world.ships[key].target
            return Event(s * 1000, kind, HOST, key, ship.name, ship.service, detail)

        def alert(s: int, rule: str, severity: str, before: str, state: str, key: str = hero) -> Event:
            words = "Killed for lack of memory." if rule == "OomKilled" else "Throttled in 47 % of periods."
            return event(
                s, "alert", key, alert_id=f"x-{rule}", rule=rule, severity=severity, before=before, state=state,
                summary=words,
            )  # fmt: skip

        now, postgres = story.now_s, next(k for k, x in self.world.ships.items() if x.target.name == "data-postgres")
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


def limit_event(change: Change, number: int) -> Event:
    """The mark of a limit change on the charts."""
    detail: dict[str, object] = {
        "change_id": change.id,
        "status": change.status.value,
        "rule": change.rule,
        "reason": change.reason,
        "cpu_cores": [change.before.cpu_cores, change.after.cpu_cores],
        "memory_bytes": [change.before.memory_bytes, change.after.memory_bytes],
    }
    return Event(change.at_ms, "limit_change", HOST, change.container_id, change.name, None, detail, number)
