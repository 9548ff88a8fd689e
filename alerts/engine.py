"""Rules over ticks: what fires, who is told, what is asked of the limit controller.

Transitions, alerts and notifications are committed together; the engine moves on only when they are, so that a store
that fails for a while delays alerts and loses none.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from alerts.changes import concerns, limit_changed, sentence
from alerts.flapping import HISTORY, Swings
from alerts.grouping import grouping
from alerts.look import Looker, Outcome, Place, is_muted
from alerts.maintenance import windows
from alerts.presence import Presence
from alerts.selection import mutes, silent_until_ms
from alerts.telling import tell_firing, tell_resolved
from alerts.wishing import Wishes
from config.schema import AlertSettings
from model.alert import LIMIT_CHANGED, Alert, AlertState, Notification, Receiver, Rule, Silence, Transition
from model.change import Change, ChangeStatus, LimitRequest
from model.errors import NotThere
from model.finding import Finding
from model.sample import Snapshot
from storage.api import Recent, StateStore

CHANGES_REMEMBERED = 2000
FORGET_MS = 600_000


class Engine:
    """Evaluates rules once a tick (tick thread); everything else may be called from any thread.

    ``label_prefix``: of container labels; ``<prefix>alerts=off`` on a container mutes it. ``wake``: called after
    notifications were queued; the daemon sets it to wake the delivery workers. ``settings``: grouping, flapping, and
    maintenance windows; raises InvalidInput for a window that is none.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        receivers: Sequence[Receiver],
        state: StateStore,
        recent: Recent,
        host: str,
        public_url: str = "",
        *,
        label_prefix: str = "wharfinger.",
        settings: AlertSettings | None = None,
    ) -> None:
        self.wake: Callable[[], None] = lambda: None
        self.public_url = public_url
        self._rules, self._receivers = tuple(rules), tuple(receivers)
        self._state, self._host = state, host
        self._mute_label = f"{label_prefix}alerts"
        self._looker = Looker(host, recent, self._mute_label)
        self._presence, self._wishes = Presence(), Wishes()
        self._settings = settings or AlertSettings()
        self._windows, self._swings = windows(self._settings), Swings(self._settings)
        self._lock = threading.RLock()
        self._restored = self._swings_known = False
        self._open: dict[Place, Alert] = {}
        self._silences: tuple[Silence, ...] = ()
        self._waiting: list[Change] = []
        self._hands: dict[tuple[str, str], str] = {}
        self._told_changes: OrderedDict[str, None] = OrderedDict()

    def evaluate(self, snapshot: Snapshot, findings: Sequence[Finding], now_ms: int) -> tuple[Transition, ...]:
        """One tick: every rule over every container it means. Returns what changed state; raises StoreError, and
        then nothing has changed."""
        with self._lock:
            self._restore(now_ms)
            self._restore_swings(now_ms)
            changes = tuple(self._waiting)
            open_now, acted, touched = self._with_changes(changes)
            gone = self._presence.gone([key for name, key in open_now if name != LIMIT_CHANGED], snapshot)
            outcome = self._looker.look(self._rules, snapshot, findings, open_now, gone, acted)
            self._hold(outcome, now_ms)
            self._add_limit_changes(outcome, changes, snapshot)
            transitions, notifications, told = self._tell(outcome, snapshot, now_ms)
            kept = {a.id: a for a in (*told, *(t.alert for t in transitions))}
            kept |= {a.id: a for p, a in outcome.open.items() if p in touched}
            if transitions or notifications or kept:
                self._state.commit(transitions, tuple(kept.values()), notifications)
            self._open = outcome.open
            self._swings.note(transitions)
            del self._waiting[: len(changes)]
            self._remember(changes)
            self._wishes.renew(self._rules, outcome, snapshot)
            self._hands = self._looker.hands(self._rules, snapshot)
        if notifications:
            self.wake()
        return transitions

    def record_change(self, change: Change) -> None:
        """A limit change was made, refused, or put back; it is told at the next :meth:`evaluate`."""
        if change.status is not ChangeStatus.PENDING:
            with self._lock:
                self._waiting.append(change)

    def wishes(self) -> tuple[LimitRequest, ...]:
        """What rules with an action ask for in this tick."""
        with self._lock:
            return self._wishes.now

    def hands(self) -> Mapping[tuple[str, str], str]:
        """(container id, knob) → the rule whose action adjusts it; the limit controller's law leaves it alone."""
        return self._hands

    def reload(
        self, rules: Sequence[Rule], receivers: Sequence[Receiver], settings: AlertSettings | None = None
    ) -> None:
        """Others from the next tick on; alerts of rules that are no more are resolved then. Raises InvalidInput for a
        maintenance window that is none."""
        with self._lock:
            if settings is not None:
                self._windows, self._settings, self._swings.settings = windows(settings), settings, settings
            self._rules, self._receivers = tuple(rules), tuple(receivers)

    def rules(self) -> tuple[Rule, ...]:
        with self._lock:
            return self._rules

    def alerts(self) -> tuple[Alert, ...]:
        """What is pending or firing, the longest-lasting first."""
        with self._lock:
            self._restore(None)
            return tuple(sorted(self._open.values(), key=lambda a: (a.since_ms, a.id)))

    def acknowledge(self, alert_id: str, actor: str, now_ms: int) -> Alert:
        """Somebody takes care of it: nobody new is told. Raises NotThere."""
        with self._lock:
            self._restore(now_ms)
            for place, alert in self._open.items():
                if alert.id == alert_id:
                    known = replace(alert, acknowledged_by=actor)
                    self._state.commit((), (known,), ())
                    self._open[place] = known
                    return known
        raise NotThere(f"there is no open alert {alert_id}: it may be resolved by now; see the history")

    def silences(self, now_ms: int) -> tuple[Silence, ...]:
        """The maintenance windows of the configuration, then every silence that has not ended."""
        return self._windows + tuple(self._state.silences(now_ms))

    def add_silence(self, silence: Silence) -> None:
        """From its start to its end nobody is told of what it matches."""
        with self._lock:
            self._restore(silence.starts_at_ms)
            self._state.put_silence(silence)
            self._silences = (*(s for s in self._silences if s.id != silence.id), silence)

    def remove_silence(self, silence_id: str) -> None:
        """End a silence now. Raises NotThere."""
        with self._lock:
            self._restore(None)
            if not self._state.delete_silence(silence_id):
                raise NotThere(f"there is no silence {silence_id}")
            self._silences = tuple(s for s in self._silences if s.id != silence_id)

    def _restore(self, now_ms: int | None) -> None:
        """Once, before the first use: what was open, silenced, and given by rules when the agent ended."""
        if self._restored:
            return
        self._open = {place_of(a): a for a in self._state.alerts() if a.host == self._host}
        self._silences = tuple(self._state.silences(now_ms or 0))
        made = (ChangeStatus.APPLIED.value, ChangeStatus.REVERTED.value)
        self._wishes.restore(self._state.changes(statuses=made, limit=1000))
        self._restored = True

    def _restore_swings(self, now_ms: int) -> None:
        """Once, at the first tick: what fired in the window before the agent ended."""
        if self._swings_known:
            return
        since_ms = now_ms - round(self._settings.flapping_window_s * 1000)
        self._swings.restore(self._state.alert_history(since_ms=since_ms, limit=HISTORY))
        self._swings_known = True

    def _hold(self, outcome: Outcome, now_ms: int) -> None:
        """What fires too often is held."""
        for transition in outcome.transitions:
            place = place_of(transition.alert)
            if transition.alert.state is AlertState.FIRING and place in outcome.open:
                outcome.open[place] = self._swings.held(outcome.open[place], now_ms)
        if now_ms // FORGET_MS != (now_ms - 1000) // FORGET_MS:
            self._swings.forget(now_ms)

    def _with_changes(self, changes: Sequence[Change]) -> tuple[dict[Place, Alert], frozenset[str], set[Place]]:
        """Open alerts with what was done about them; ids of those that were acted for; places that differ."""
        open_now, acted, touched = dict(self._open), set(), set()
        for change in changes:
            if change.status is ChangeStatus.DRY_RUN:
                continue
            for place, alert in open_now.items():
                if concerns(change, alert):
                    open_now[place] = replace(alert, action=sentence(change), change_id=change.id)
                    touched.add(place)
                    if change.status is ChangeStatus.APPLIED:
                        acted.add(alert.id)
        return open_now, frozenset(acted), touched

    def _add_limit_changes(self, outcome: Outcome, changes: Sequence[Change], snapshot: Snapshot) -> None:
        """The LimitChanged alerts of changes that nobody was told of yet."""
        for change in changes:
            target = snapshot.targets.get(change.container_id)
            alert = limit_changed(change, target, snapshot.at_ms)
            if alert is None or alert.id in self._told_changes or is_muted(target, self._mute_label):
                continue
            outcome.open[place_of(alert)] = alert
            outcome.transitions.append(Transition(snapshot.at_ms, AlertState.INACTIVE, alert, notify=True))

    def _remember(self, changes: Sequence[Change]) -> None:
        for change in changes:
            self._wishes.note(change)
            if (alert := limit_changed(change, None, 0)) is not None:
                self._told_changes[alert.id] = None
        while len(self._told_changes) > CHANGES_REMEMBERED:
            self._told_changes.popitem(last=False)

    def _tell(
        self, outcome: Outcome, snapshot: Snapshot, now_ms: int
    ) -> tuple[tuple[Transition, ...], tuple[Notification, ...], list[Alert]]:
        """Marks silences and who is told, in ``outcome.open``; the final transitions, messages, and alerts told of."""
        self._silences = tuple(s for s in self._silences if s.ends_at_ms > now_ms)
        groups = grouping(self._settings, snapshot, outcome.open.values())
        messages: list[Notification] = []
        told = []
        for place, alert in outcome.open.items():
            silenced = self._silenced(alert, snapshot, now_ms)
            heard, fresh = tell_firing(silenced, self._receivers, now_ms, groups)
            outcome.open[place] = heard
            if fresh:
                messages += fresh
                told.append(heard)
        known = [receiver.name for receiver in self._receivers]
        final = []
        for transition in outcome.transitions:
            over = transition.alert.state not in (AlertState.PENDING, AlertState.FIRING)
            alert = transition.alert if over else outcome.open[place_of(transition.alert)]
            fresh = tell_resolved(alert, known, now_ms, groups) if alert.state is AlertState.RESOLVED else ()
            messages += fresh
            notify = bool(fresh) or (alert.state is AlertState.FIRING and bool(alert.told))
            final.append(replace(transition, alert=alert, notify=notify))
        return tuple(final), tuple(messages), told

    def _silenced(self, alert: Alert, snapshot: Snapshot, now_ms: int) -> Alert:
        """The alert with the end of the longest silence that holds for it, if any."""
        target = snapshot.targets.get(alert.container_id)
        labels = target.labels if target else {}
        holding = (s for s in self._windows + self._silences if mutes(s, alert, labels, now_ms))
        until = max((silent_until_ms(s, now_ms) for s in holding), default=None)
        return alert if until == alert.silenced_until_ms else replace(alert, silenced_until_ms=until)


def place_of(alert: Alert) -> Place:
    """Where an alert stands; a LimitChanged alert is one of many on its container."""
    return alert.rule, f"{alert.container_id}#{alert.id}" if alert.rule == LIMIT_CHANGED else alert.container_id
