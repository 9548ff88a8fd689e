"""Commands to the made-up agent, answered from memory in the outside forms."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from model import outside
from model.alert import AlertState, Delivery, DeliveryState, Receiver, Selector, Silence, Transition
from model.change import Change, ChangeStatus, Knobs, Mode, Policy, Recommendation, WorkClass
from model.live import Command, Reply
from tests.browser.fleet import GIB, GROWER, HERO, HOST, MIB, limits_at

if TYPE_CHECKING:
    from tests.browser.world import World


class Orders:
    """``answer(command)``: what the agent would say."""

    def __init__(self, world: World) -> None:
        self.world = world

    def answer(self, command: Command) -> Reply:
        handler: Callable[[Mapping[str, Any], str], Reply] = getattr(self, "_do_" + command.name.replace(".", "_"))
        return handler(command.arguments, command.actor)

    def _do_status(self, _arguments: Mapping[str, Any], _actor: str) -> Reply:
        return Reply(200, {"metrics": {}})

    def _do_audit_note(self, _arguments: Mapping[str, Any], _actor: str) -> Reply:
        return Reply(204, None)

    def _do_alerts_list(self, arguments: Mapping[str, Any], _actor: str) -> Reply:
        state = arguments.get("state")
        return Reply(
            200, [outside.alert_json(a) for a in self.world.chronicle.alerts() if state in (None, a.state.value)]
        )

    def _do_alerts_history(self, arguments: Mapping[str, Any], _actor: str) -> Reply:
        oom_ms, rows = self.world.story.oom * 1000, []
        for alert in self.world.chronicle.alerts()[:1]:
            past = replace(
                alert, id="a-9", rule="OomKilled", state=AlertState.RESOLVED, summary="Killed for lack of memory.",
                started_at_ms=oom_ms, ended_at_ms=oom_ms + 400_000,
            )  # fmt: skip
            rows.append(Transition(oom_ms + 400_000, AlertState.FIRING, past, True))
        return Reply(
            200,
            [
                {"at": outside.rfc3339(t.at_ms), "before": t.before.value, "alert": outside.alert_json(t.alert)}
                for t in rows
                if t.at_ms >= arguments.get("since_ms", 0)
            ],
        )

    def _do_alerts_acknowledge(self, arguments: Mapping[str, Any], actor: str) -> Reply:
        self.world.acknowledged[arguments["id"]] = actor
        return Reply(200, next(outside.alert_json(a) for a in self.world.chronicle.alerts() if a.id == arguments["id"]))

    def _do_rules_list(self, _arguments: Mapping[str, Any], _actor: str) -> Reply:
        return Reply(200, [outside.rule_json(rule) for rule in self.world.chronicle.rules()])

    def _do_silences_list(self, _arguments: Mapping[str, Any], _actor: str) -> Reply:
        return Reply(200, [outside.silence_json(s) for s in self.world.silences])

    def _do_silences_create(self, arguments: Mapping[str, Any], actor: str) -> Reply:
        now_ms = int(time.time() * 1000)
        ends = arguments.get("ends_at_ms") or now_ms + int(arguments["duration_s"] * 1000)
        silence = Silence(
            f"s-{len(self.world.silences) + 1}", Selector(tuple(arguments.get("name", ()))),
            tuple(arguments.get("rules", ())),
            now_ms, ends, actor, arguments.get("comment", ""),
        )  # fmt: skip
        self.world.silences.append(silence)
        return Reply(201, outside.silence_json(silence))

    def _do_silences_delete(self, arguments: Mapping[str, Any], _actor: str) -> Reply:
        self.world.silences = [s for s in self.world.silences if s.id != arguments["id"]]
        return Reply(204)

    def _do_receivers_list(self, _arguments: Mapping[str, Any], _actor: str) -> Reply:
        return Reply(
            200, [outside.receiver_json(r) | {"waiting": 2 if r.name == "chat" else 0} for r in self.world.receivers]
        )

    def _do_receivers_put(self, arguments: Mapping[str, Any], _actor: str) -> Reply:
        receiver = Receiver(
            arguments["name"], arguments["kind"], arguments["url"], arguments["secret"], source="api",
            repeat_s=arguments["repeat_s"], escalate_after_s=arguments["escalate_after_s"],
        )  # fmt: skip
        self.world.receivers = [r for r in self.world.receivers if r.name != receiver.name] + [receiver]
        return Reply(200, outside.receiver_json(receiver))

    def _do_receivers_delete(self, arguments: Mapping[str, Any], _actor: str) -> Reply:
        self.world.receivers = [r for r in self.world.receivers if r.name != arguments["name"]]
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
        if self.world.states.empty or self.world.states.quiet:
            return Reply(200, [])
        by_name = {ship.target.name: key for key, ship in self.world.ships.items()} | {HERO: self.world.hero}
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
        rows = [c for c in self.world.changes if wanted in (None, c.container_id)]
        return Reply(200, [outside.change_json(c) for c in rows[: arguments.get("limit", 200)]])

    def _do_limits_set(self, arguments: Mapping[str, Any], actor: str) -> Reply:
        key = arguments["container_id"]
        ship, s = self.world.ships[key], int(time.time())
        cpu, memory = limits_at(ship, s, self.world.story, self.world.by_hand.get(key, {}))
        used = self.world.values(ship, s)["memory_working_set_bytes"]
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
            f"c-{len(self.world.changes) + 1}", s * 1000, HOST, key, ship.target.name,
            ChangeStatus.DRY_RUN if dry else ChangeStatus.APPLIED, "manual", arguments.get("reason", ""), before,
            Knobs(**wish), actor=actor,
        )  # fmt: skip
        if not dry:
            self.world.happened(change, {**self.world.by_hand.get(key, {}), **{k: float(v) for k, v in wish.items()}})
        return Reply(200, outside.change_json(change))

    def _do_limits_undo(self, arguments: Mapping[str, Any], actor: str) -> Reply:
        wanted = next((c for c in self.world.changes if c.id == arguments.get("change_id")), None)
        if wanted is None:
            return Reply(404, detail=f"there is no change {arguments.get('change_id')}")
        self.world.changes = [replace(c, undone_by=actor) if c.id == wanted.id else c for c in self.world.changes]
        back = Change(
            f"c-{len(self.world.changes) + 1}", int(time.time()) * 1000, HOST, wanted.container_id, wanted.name,
            ChangeStatus.APPLIED, "undo", f"undone by {actor}", wanted.after, wanted.before, actor=actor,
        )  # fmt: skip
        kept = dict(self.world.by_hand.get(wanted.container_id, {}))
        for knob in ("cpu_cores", "memory_bytes", "cpu_weight"):
            value = getattr(wanted.before, knob)
            if value is not None:
                kept[knob] = float(value)
        self.world.happened(back, kept)
        return Reply(200, {"changes": [outside.change_json(back)]})

    def _do_limits_pause(self, _arguments: Mapping[str, Any], _actor: str) -> Reply:
        return Reply(200, self.world.paused)

    def _do_limits_pause_put(self, arguments: Mapping[str, Any], _actor: str) -> Reply:
        hold = arguments.get("hold_s")
        until = outside.rfc3339(int((time.time() + hold) * 1000)) if arguments["paused"] and hold else None
        self.world.paused = {"paused": arguments["paused"], "reason": arguments.get("reason", ""), "until": until}
        return Reply(200, self.world.paused)

    def _do_policy_get(self, arguments: Mapping[str, Any], _actor: str) -> Reply:
        return Reply(200, outside.policy_json(self.world.policies[arguments["container_id"]]))

    def _do_policy_put(self, arguments: Mapping[str, Any], _actor: str) -> Reply:
        key, fields = arguments["container_id"], arguments["fields"]
        before = self.world.policies[key]
        self.world.policies[key] = replace(
            before,
            mode=Mode(fields.get("mode", before.mode.value)),
            work_class=WorkClass(fields.get("class", before.work_class.value)),
            sources={**before.sources, **dict.fromkeys(fields, "api")},
        )
        return Reply(200, outside.policy_json(self.world.policies[key]))

    def _do_policy_delete(self, arguments: Mapping[str, Any], _actor: str) -> Reply:
        self.world.policies[arguments["container_id"]] = Policy()
        return Reply(200, outside.policy_json(Policy()))
