"""Commands about limits, policies, and the state of the daemon."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from daemon.commands import Entry
from daemon.commands_alerts import Nothing
from limits.controller import Controller
from model import outside
from model.change import LimitRequest
from model.errors import Fault, InvalidInput, NotThere
from storage.api import StateStore

NOTED = re.compile(r"(user|token|session)\.[a-z_]{1,32}")


@dataclass(frozen=True, slots=True)
class ListChanges:
    container_id: str | None = None
    since_ms: int | None = None
    limit: int = 200
    before_id: str | None = None


@dataclass(frozen=True, slots=True)
class SetLimits:
    container_id: str
    cpu_cores: float | Literal["unlimited"] | None = None
    memory_bytes: int | None = None
    cpu_weight: int | None = None
    reason: str = ""
    hold_s: float | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Undo:
    change_id: str | None = None
    container_id: str | None = None
    everything: bool = False


@dataclass(frozen=True, slots=True)
class Pause:
    paused: bool
    reason: str = ""
    hold_s: float | None = None


@dataclass(frozen=True, slots=True)
class OfContainer:
    container_id: str


@dataclass(frozen=True, slots=True)
class PutPolicy:
    container_id: str
    fields: dict[str, object]


@dataclass(frozen=True, slots=True)
class Note:
    """Something the web process did by itself: users, tokens, logins."""

    action: str
    subject: str
    detail: dict[str, str | int | float | bool | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ListAudit:
    since_ms: int | None = None
    limit: int = 200


class LimitCommands:
    """Answers for the limits room, and ``status`` and ``audit.list``."""

    def __init__(
        self, controller: Controller, state: StateStore, status: Callable[[int], Mapping[str, object]]
    ) -> None:
        self._controller, self._state, self._status = controller, state, status

    def entries(self) -> tuple[Entry[Any], ...]:
        return (
            Entry("status", "viewer", Nothing, lambda _w, _a, now_ms: self._status(now_ms)),
            Entry("audit.list", "admin", ListAudit, self._audit),
            Entry("audit.note", "viewer", Note, self._note),
            Entry("limits.recommendations", "viewer", Nothing, self._recommendations),
            Entry("limits.changes", "viewer", ListChanges, self._changes),
            Entry("limits.set", "operator", SetLimits, self._set),
            Entry("limits.undo", "operator", Undo, self._undo),
            Entry("limits.pause", "viewer", Nothing, lambda _w, _a, now_ms: dict(self._controller.pause_state(now_ms))),
            Entry("limits.pause.put", "operator", Pause, self._pause),
            Entry("policy.get", "viewer", OfContainer, self._policy),
            Entry("policy.put", "operator", PutPolicy, self._put_policy),
            Entry("policy.delete", "operator", OfContainer, self._delete_policy),
        )

    def _audit(self, wanted: ListAudit, _actor: str, _now_ms: int) -> object:
        found = self._state.audit_entries(since_ms=wanted.since_ms, limit=max(1, min(wanted.limit, 1000)))
        return [
            {
                "id": e.id,
                "at": outside.rfc3339(e.at_ms),
                "actor": e.actor,
                "action": e.action,
                "subject": e.subject,
                "detail": dict(e.detail),
            }
            for e in found
        ]

    def _note(self, wanted: Note, actor: str, now_ms: int) -> object:
        """Only what is the web process's own may be noted: nobody writes a limit change that never was."""
        if not NOTED.fullmatch(wanted.action):
            raise InvalidInput((Fault("action", "must be user., token. or session. and a word"),))
        detail = {key[:64]: value[:200] if isinstance(value, str) else value for key, value in wanted.detail.items()}
        self._state.audit(now_ms, actor, wanted.action, wanted.subject[:200], detail)
        return {}

    def _recommendations(self, _wanted: Nothing, _actor: str, _now_ms: int) -> object:
        return [outside.recommendation_json(r) for r in self._controller.recommendations()]

    def _changes(self, wanted: ListChanges, _actor: str, _now_ms: int) -> object:
        found = self._state.changes(
            container_id=wanted.container_id,
            since_ms=wanted.since_ms,
            limit=max(1, min(wanted.limit, 1000)),
            before_id=wanted.before_id,
        )
        return [outside.change_json(c) for c in found]

    def _set(self, wanted: SetLimits, actor: str, now_ms: int) -> object:
        if wanted.cpu_cores is None and wanted.memory_bytes is None and wanted.cpu_weight is None:
            raise InvalidInput((Fault("", "name at least one of cpu_cores, memory_bytes, cpu_weight"),))
        request = LimitRequest(
            container_id=wanted.container_id,
            rule="manual",
            reason=wanted.reason or f"set by {actor}",
            actor=actor,
            cpu_cores=None if wanted.cpu_cores == "unlimited" else wanted.cpu_cores,
            lift_quota=wanted.cpu_cores == "unlimited",
            memory_bytes=wanted.memory_bytes,
            cpu_weight=wanted.cpu_weight,
            hold_s=wanted.hold_s,
            dry_run=wanted.dry_run,
        )
        return outside.change_json(self._controller.set(request, now_ms))

    def _undo(self, wanted: Undo, actor: str, now_ms: int) -> object:
        named = [wanted.change_id is not None, wanted.container_id is not None, wanted.everything]
        if sum(named) != 1:
            raise InvalidInput((Fault("", "name one of change_id, container_id, everything"),))
        changes = self._controller.undo(
            actor,
            now_ms,
            change_id=wanted.change_id,
            container_id=wanted.container_id,
            everything=wanted.everything,
        )
        return {"changes": [outside.change_json(c) for c in changes]}

    def _pause(self, wanted: Pause, actor: str, now_ms: int) -> object:
        return dict(self._controller.pause(wanted.paused, wanted.reason, wanted.hold_s, actor, now_ms))

    def _policy(self, wanted: OfContainer, _actor: str, _now_ms: int) -> object:
        policy = self._controller.policies().get(wanted.container_id)
        if policy is None:
            raise NotThere(f"there is no running container {wanted.container_id}")
        return outside.policy_json(policy)

    def _put_policy(self, wanted: PutPolicy, actor: str, now_ms: int) -> object:
        return outside.policy_json(self._controller.set_policy(wanted.container_id, wanted.fields, actor, now_ms))

    def _delete_policy(self, wanted: OfContainer, actor: str, now_ms: int) -> object:
        return outside.policy_json(self._controller.delete_policy(wanted.container_id, actor, now_ms))
