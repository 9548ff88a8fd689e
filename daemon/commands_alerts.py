"""Commands about alerts, silences, receivers and deliveries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from alerts.engine import Engine
from alerts.hours import hours_asked
from alerts.outbox import Dispatcher
from daemon.commands import Entry
from model import outside
from model.alert import Receiver, Selector, Silence
from model.errors import Fault, InvalidInput, NotThere
from model.identity import fingerprint
from storage.api import StateStore


@dataclass(frozen=True, slots=True)
class Nothing:
    pass


@dataclass(frozen=True, slots=True)
class ListAlerts:
    state: str | None = None


@dataclass(frozen=True, slots=True)
class History:
    since_ms: int = 0
    limit: int = 1000


@dataclass(frozen=True, slots=True)
class ById:
    id: str


@dataclass(frozen=True, slots=True)
class ByName:
    name: str


@dataclass(frozen=True, slots=True)
class NewSilence:
    comment: str = ""
    rules: tuple[str, ...] = ()
    name: tuple[str, ...] = ()
    group: tuple[str, ...] = ()
    host: tuple[str, ...] = ()
    duration_s: float | None = None
    starts_at_ms: int | None = None
    ends_at_ms: int | None = None
    hours: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class NewReceiver:
    name: str
    kind: str
    url: str
    secret: str = ""
    match: dict[str, tuple[str, ...]] = field(default_factory=dict)
    repeat_s: float = 0.0
    escalate_after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class ListDeliveries:
    receiver: str | None = None
    limit: int = 200


class AlertCommands:
    """Answers for the alerting room. ``changed`` is called after receivers changed."""

    def __init__(
        self,
        engine: Engine,
        dispatcher: Dispatcher,
        state: StateStore,
        receivers: Callable[[], tuple[Receiver, ...]],
        changed: Callable[[], None],
        check: Callable[[Receiver], tuple[Fault, ...]],
    ) -> None:
        self._engine, self._dispatcher, self._state = engine, dispatcher, state
        self._receivers, self._changed, self._check = receivers, changed, check

    def entries(self) -> tuple[Entry[Any], ...]:
        return (
            Entry("alerts.list", "viewer", ListAlerts, self._list),
            Entry("alerts.history", "viewer", History, self._history),
            Entry("alerts.acknowledge", "operator", ById, self._acknowledge),
            Entry("rules.list", "viewer", Nothing, self._rules),
            Entry("silences.list", "viewer", Nothing, self._silences),
            Entry("silences.create", "operator", NewSilence, self._silence),
            Entry("silences.delete", "operator", ById, self._unsilence),
            Entry("receivers.list", "viewer", Nothing, self._list_receivers),
            Entry("receivers.put", "admin", NewReceiver, self._put_receiver),
            Entry("receivers.delete", "admin", ByName, self._delete_receiver),
            Entry("receivers.test", "operator", ByName, self._test_receiver),
            Entry("deliveries.list", "viewer", ListDeliveries, self._deliveries),
        )

    def _list(self, wanted: ListAlerts, _actor: str, _now_ms: int) -> object:
        return [
            outside.alert_json(a)
            for a in self._engine.alerts()
            if wanted.state is None or a.state.value == wanted.state
        ]

    def _history(self, wanted: History, _actor: str, _now_ms: int) -> object:
        past = self._state.alert_history(since_ms=wanted.since_ms, limit=min(wanted.limit, 10_000))
        return [
            {"at": outside.rfc3339(t.at_ms), "before": t.before.value, "alert": outside.alert_json(t.alert)}
            for t in past
        ]

    def _acknowledge(self, wanted: ById, actor: str, now_ms: int) -> object:
        alert = self._engine.acknowledge(wanted.id, actor, now_ms)
        self._state.audit(now_ms, actor, "alert.acknowledge", wanted.id, {"rule": alert.rule, "name": alert.name})
        return outside.alert_json(alert)

    def _rules(self, _wanted: Nothing, _actor: str, _now_ms: int) -> object:
        return [outside.rule_json(rule) for rule in self._engine.rules()]

    def _silences(self, _wanted: Nothing, _actor: str, now_ms: int) -> object:
        return [outside.silence_json(s) for s in self._engine.silences(now_ms)]

    def _silence(self, wanted: NewSilence, actor: str, now_ms: int) -> object:
        starts_at_ms = now_ms if wanted.starts_at_ms is None else wanted.starts_at_ms
        ends_at_ms = wanted.ends_at_ms
        if ends_at_ms is None:
            ends_at_ms = starts_at_ms + round((wanted.duration_s or 0) * 1000)
        if ends_at_ms <= max(now_ms, starts_at_ms):
            fault = "must lie in the future and after starts_at: give ends_at, or duration_s above 0"
            raise InvalidInput((Fault("ends_at", fault),))
        silence = Silence(
            id=fingerprint(("silence", str(now_ms), actor, *wanted.rules, "|", *wanted.name, "|", *wanted.group)),
            selector=Selector(name=wanted.name, group=wanted.group, host=wanted.host),
            rules=wanted.rules,
            starts_at_ms=starts_at_ms,
            ends_at_ms=ends_at_ms,
            created_by=actor,
            comment=wanted.comment,
            hours=None if wanted.hours is None else hours_asked(wanted.hours),
        )
        self._engine.add_silence(silence)
        self._state.audit(now_ms, actor, "silence.create", silence.id, outside.silence_json(silence))
        return outside.silence_json(silence)

    def _unsilence(self, wanted: ById, actor: str, now_ms: int) -> object:
        known = next((s for s in self._engine.silences(now_ms) if s.id == wanted.id), None)
        if known is None:
            raise NotThere(f"there is no silence {wanted.id}")
        if known.source == "config":
            raise InvalidInput((Fault("id", "this window stands in alerts.maintenance; change it there"),))
        self._engine.remove_silence(wanted.id)
        self._state.audit(now_ms, actor, "silence.delete", wanted.id, {})
        return None

    def _list_receivers(self, _wanted: Nothing, _actor: str, _now_ms: int) -> object:
        waiting = self._state.undelivered()
        return [outside.receiver_json(r) | {"waiting": waiting.get(r.name, 0)} for r in self._receivers()]

    def _put_receiver(self, wanted: NewReceiver, actor: str, now_ms: int) -> object:
        receiver = Receiver(
            wanted.name,
            wanted.kind,
            wanted.url,
            wanted.secret,
            wanted.match,
            source="api",
            repeat_s=wanted.repeat_s,
            escalate_after_s=wanted.escalate_after_s,
        )
        if any(r.name == wanted.name and r.source == "config" for r in self._receivers()):
            raise InvalidInput((Fault("name", "this receiver stands in the configuration; change it there"),))
        if faults := self._check(receiver):
            raise InvalidInput(faults)
        self._state.put_receiver(receiver)
        self._state.audit(now_ms, actor, "receiver.put", wanted.name, outside.receiver_json(receiver))
        self._changed()
        return outside.receiver_json(receiver)

    def _delete_receiver(self, wanted: ByName, actor: str, now_ms: int) -> object:
        self._known(wanted.name)
        if not self._state.delete_receiver(wanted.name):
            raise InvalidInput((Fault("name", "this receiver stands in the configuration; remove it there"),))
        self._state.audit(now_ms, actor, "receiver.delete", wanted.name, {})
        self._changed()
        return None

    def _test_receiver(self, wanted: ByName, actor: str, now_ms: int) -> object:
        self._known(wanted.name)
        delivery = self._dispatcher.test(wanted.name, now_ms)
        self._state.audit(now_ms, actor, "receiver.test", wanted.name, {"state": delivery.state.value})
        return outside.delivery_json(delivery)

    def _deliveries(self, wanted: ListDeliveries, _actor: str, _now_ms: int) -> object:
        found = self._state.deliveries(receiver=wanted.receiver, limit=max(1, min(wanted.limit, 1000)))
        return [outside.delivery_json(d) for d in found]

    def _known(self, name: str) -> None:
        if not any(r.name == name for r in self._receivers()):
            raise NotThere(f"there is no receiver {name}")
