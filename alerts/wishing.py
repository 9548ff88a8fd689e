"""When rules with an action ask the limit controller, again and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from alerts.asking import SETTLE_MS, give_back, rule_of_change, wish
from alerts.changes import BACK
from alerts.look import Outcome, Place
from model.alert import AlertState, Rule
from model.change import Change, ChangeStatus, LimitRequest
from model.sample import Snapshot

RULE = rule_of_change("")
ASKED_BACK = 6
"""How often a rule asks for its change to be put back before it gives up."""


class Wishes:
    """Remembers when each rule asked last, and what each got. Not thread-safe: the engine's lock is around it."""

    def __init__(self) -> None:
        self.now: tuple[LimitRequest, ...] = ()
        self._asked_ms: dict[Place, int] = {}
        self._given: dict[Place, Change] = {}
        self._back: dict[Place, tuple[int, int]] = {}
        """When it was asked back last, and how often."""

    def restore(self, made: Sequence[Change]) -> None:
        """What rules got before the agent ended and what is still in force. ``made``: the journal, newest first."""
        for change in reversed(made):
            if change.undone_by is None:
                self.note(change)

    def note(self, change: Change) -> None:
        """A change that was made or put back."""
        over = change.status is ChangeStatus.APPLIED and change.rule in BACK
        if over or change.status is ChangeStatus.REVERTED:
            for place in [p for p in self._given if p[1] == change.container_id]:
                del self._given[place]
                self._back.pop(place, None)
        elif change.status is ChangeStatus.APPLIED and change.rule.startswith(RULE):
            self._given[change.rule.removeprefix(RULE), change.container_id] = change

    def renew(self, rules: Sequence[Rule], outcome: Outcome, snapshot: Snapshot) -> None:
        """What is asked for in this tick becomes :attr:`now`."""
        acting = {rule.name: rule for rule in rules if rule.enabled and rule.action is not None}
        if not acting and not self._given:
            self.now = ()
            return
        self._asked_ms = {place: at_ms for place, at_ms in self._asked_ms.items() if place in outcome.open}
        self.now = (*self._forward(acting, outcome, snapshot), *self._backward(acting, outcome, snapshot))

    def _forward(self, acting: Mapping[str, Rule], outcome: Outcome, snapshot: Snapshot) -> list[LimitRequest]:
        wanted = []
        for place in sorted(outcome.true):
            rule, alert = acting.get(place[0]), outcome.open.get(place)
            if rule is None or alert is None or alert.state is not AlertState.FIRING:
                continue
            if snapshot.at_ms - self._asked_ms.get(place, -SETTLE_MS) < SETTLE_MS:
                continue
            request = wish(rule, alert, snapshot.limits.get(place[1]))
            if request is not None:
                self._asked_ms[place] = snapshot.at_ms
                wanted.append(request)
        return wanted

    def _backward(self, acting: Mapping[str, Rule], outcome: Outcome, snapshot: Snapshot) -> list[LimitRequest]:
        wanted = []
        for place, change in tuple(self._given.items()):
            rule = acting.get(place[0])
            action = rule.action if rule else None
            if rule is None or action is None or not action.revert or place[1] not in snapshot.targets:
                del self._given[place]
                self._back.pop(place, None)
                continue
            alert = outcome.open.get(place)
            fires = alert is not None and alert.state is AlertState.FIRING
            if fires or snapshot.at_ms < change.at_ms + round(action.hold_s * 1000):
                self._back.pop(place, None)
                continue
            asked_ms, times = self._back.get(place, (-SETTLE_MS, 0))
            if snapshot.at_ms - asked_ms < SETTLE_MS:
                continue
            if times >= ASKED_BACK:
                del self._given[place], self._back[place]
                continue
            self._back[place] = (snapshot.at_ms, times + 1)
            wanted.append(give_back(rule, change))
        return wanted
