"""One tick's look at every rule and every container it means. Commits nothing, tells nobody."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from alerts.asking import present, say_wish, wish
from alerts.changes import SHOWN_MS
from alerts.columns.roster import Roster
from alerts.columns.watch import Watch
from alerts.detectors.all import OUTLIVE
from alerts.hours import within
from alerts.observe import annotated, observe
from alerts.selection import fits, selects
from alerts.state import Observation, Step, advance, end
from model.alert import LIMIT_CHANGED, Alert, AlertState, Condition, Rule, Selector, Severity, Transition, Truth
from model.finding import Finding
from model.identity import fingerprint
from model.sample import HOST_KEY, Snapshot
from model.target import Target
from storage.api import Recent

Place = tuple[str, str]
"""Rule name and container id: where an open alert stands."""
RANK = {Severity.INFO: 0, Severity.WARNING: 1, Severity.CRITICAL: 2}


@dataclass(slots=True)
class Outcome:
    """``open``: the alerts that are pending or firing after the look. ``true``: places whose condition holds now."""

    open: dict[Place, Alert]
    transitions: list[Transition] = field(default_factory=list)
    true: set[Place] = field(default_factory=set)

    def take(self, place: Place, step: Step) -> None:
        """Keep what one step made of one place."""
        if step.alert is None:
            self.open.pop(place, None)
        else:
            self.open[place] = step.alert
        if step.transition is not None:
            self.transitions.append(step.transition)


def worst_of(findings: Sequence[Finding]) -> dict[Place, Finding]:
    """The worst finding by (detector, container)."""
    worst: dict[Place, Finding] = {}
    for finding in findings:
        place = (finding.detector, finding.container_id)
        if place not in worst or RANK[finding.severity] > RANK[worst[place].severity]:
            worst[place] = finding
    return worst


def is_muted(target: Target | None, label: str) -> bool:
    """Whether the container asked for no alerts, by a label of its own."""
    if target is None or label not in target.labels:
        return False
    return target.own_labels().get(label, "").strip().lower() == "off"


class Looker:
    """Evaluates rules. Remembers which rule means which container, until the container's description changes."""

    def __init__(self, host: str, recent: Recent, mute_label: str) -> None:
        self._host, self._recent, self._mute_label = host, recent, mute_label
        self._meant: dict[Place, tuple[Selector, Target, bool]] = {}
        self._roster = Roster()
        self._watches: dict[Condition, Watch] = {}

    def look(
        self,
        rules: Sequence[Rule],
        snapshot: Snapshot,
        findings: Sequence[Finding],
        before: Mapping[Place, Alert],
        gone: frozenset[str],
        acted: frozenset[str],
    ) -> Outcome:
        """``before``: open alerts. ``acted``: ids of alerts for which a limit was changed since the last look."""
        outcome = Outcome(dict(before))
        worst = worst_of(findings)
        named = {rule.name: rule for rule in rules if rule.enabled}
        of_rule: dict[str, set[str]] = {}
        for (rule_name, key), alert in before.items():
            if rule_name == LIMIT_CHANGED:
                self._show_change(outcome, (rule_name, key), alert, snapshot.at_ms)
            elif rule_name not in named:
                outcome.take((rule_name, key), end(alert, snapshot.at_ms, "rule removed"))
            else:
                of_rule.setdefault(rule_name, set()).add(key)
        maybe = self._watch(named.values(), snapshot)
        for rule in named.values():
            open_here = of_rule.get(rule.name, set())
            if rule.hours is not None and not within(rule.hours, snapshot.at_ms):
                for key in open_here:
                    self._rest(outcome, rule, key, snapshot)
                continue
            for key in open_here.union(self._candidates(rule, snapshot, worst, maybe)):
                self._one(outcome, rule, key, snapshot, worst, gone, acted)
        self._forget(snapshot)
        return outcome

    def hands(self, rules: Iterable[Rule], snapshot: Snapshot) -> dict[tuple[str, str], str]:
        """(container id, knob) → the rule that adjusts it: one hand on one knob, the first rule's."""
        held: dict[tuple[str, str], str] = {}
        for rule in rules:
            if not rule.enabled or rule.action is None:
                continue
            for key, target in snapshot.targets.items():
                if self._means(rule, key, target):
                    held.setdefault((key, rule.action.knob), rule.name)
        return held

    def _watch(self, rules: Iterable[Rule], snapshot: Snapshot) -> dict[Condition, list[str]]:
        """The containers that each metric condition may be true of; one watch a condition, whatever rules share it."""
        wanted = {rule.condition for rule in rules if rule.condition.metric and not rule.condition.of_host}
        self._watches = {c: self._watches.get(c) or Watch(c) for c in wanted}
        self._roster.update(snapshot)
        return {c: watch.step(self._roster, self._recent, snapshot.interval_s) for c, watch in self._watches.items()}

    def _candidates(
        self,
        rule: Rule,
        snapshot: Snapshot,
        worst: Mapping[Place, Finding],
        maybe: Mapping[Condition, list[str]],
    ) -> Iterable[str]:
        """Keys that may begin an alert: those with a finding, the host, or containers that the condition may be true
        of."""
        if rule.condition.detector is not None:
            return [key for (detector, key), f in worst.items() if self._means_finding(rule, detector, f, snapshot)]
        if rule.condition.of_host:
            return (HOST_KEY,) if fits_host(rule.selector, self._host) else ()
        targets = snapshot.targets
        return [key for key in maybe[rule.condition] if key in targets and self._means(rule, key, targets[key])]

    def _means(self, rule: Rule, key: str, target: Target) -> bool:
        known = self._meant.get((rule.name, key))
        if known is not None and known[0] is rule.selector and known[1] is target:
            return known[2]
        means = selects(rule.selector, target, self._host)
        self._meant[rule.name, key] = (rule.selector, target, means)
        return means

    def _means_finding(self, rule: Rule, detector: str, finding: Finding, snapshot: Snapshot) -> bool:
        if detector != rule.condition.detector:
            return False
        target = snapshot.targets.get(finding.container_id)
        if target is not None:
            return self._means(rule, finding.container_id, target)
        return fits(rule.selector, name=finding.name, group="", image="", host=self._host, labels={})

    def _one(
        self,
        outcome: Outcome,
        rule: Rule,
        key: str,
        snapshot: Snapshot,
        worst: Mapping[Place, Finding],
        gone: frozenset[str],
        acted: frozenset[str],
    ) -> None:
        place = (rule.name, key)
        alert = outcome.open.get(place)
        target = snapshot.targets.get(key)
        outlives = rule.condition.detector in OUTLIVE
        if is_muted(target, self._mute_label):
            if alert is not None:
                outcome.take(place, end(alert, snapshot.at_ms, "muted"))
            return
        if key in gone and not outlives:
            if alert is not None:
                outcome.take(place, end(alert, snapshot.at_ms, "gone"))
            return
        finding = worst.get((rule.condition.detector or "", key))
        seen = observe(rule, key, finding, snapshot, self._recent)
        if outlives and seen.truth is Truth.NO_DATA and target is None:
            seen = Observation(Truth.FALSE)
        if alert is None and seen.truth is not Truth.TRUE:
            return
        blank = alert or self._blank(rule, key, target, finding, snapshot.at_ms)
        if seen.truth is Truth.TRUE:
            outcome.true.add(place)
            seen = with_wish(rule, blank, annotated(rule, blank, seen), snapshot)
        outcome.take(place, advance(rule, blank, alert, seen, snapshot.at_ms, acted=blank.id in acted))

    def _rest(self, outcome: Outcome, rule: Rule, key: str, snapshot: Snapshot) -> None:
        """Outside of the rule's hours nothing is true; what fires goes through its patience as ever."""
        place = (rule.name, key)
        alert = outcome.open[place]
        step = advance(rule, alert, alert, Observation(Truth.FALSE), snapshot.at_ms, acted=False)
        outcome.take(place, step)

    def _blank(self, rule: Rule, key: str, target: Target | None, finding: Finding | None, now_ms: int) -> Alert:
        name = target.name if target else finding.name if finding else self._host
        return Alert(
            id=fingerprint((rule.name, self._host, key)),
            rule=rule.name,
            severity=rule.severity,
            state=AlertState.INACTIVE,
            host=self._host,
            container_id=key,
            name=name,
            image=(target.image if target else None) or "",
            group=(target.group if target else None) or "",
            since_ms=now_ms,
            started_at_ms=None,
            ended_at_ms=None,
            value=None,
            threshold=None,
            summary="",
            description="",
            advice="",
            labels=rule.labels,
            service=(target.service if target else None) or "",
        )

    def _show_change(self, outcome: Outcome, place: Place, alert: Alert, now_ms: int) -> None:
        if now_ms - alert.since_ms >= SHOWN_MS:
            outcome.take(place, end(alert, now_ms, ""))

    def _forget(self, snapshot: Snapshot) -> None:
        """Drop what is remembered of containers that are no more, once it is much."""
        if len(self._meant) > 1000 and len(self._meant) > 100 * len(snapshot.targets):
            self._meant = {place: known for place, known in self._meant.items() if place[1] in snapshot.targets}


def fits_host(selector: Selector, host: str) -> bool:
    """Whether a rule about the host means this one."""
    return fits(Selector(host=selector.host), name="", group="", image="", host=host, labels={})


def with_wish(rule: Rule, alert: Alert, seen: Observation, snapshot: Snapshot) -> Observation:
    """The advice of a rule with an action says what it asks for."""
    if rule.action is None:
        return seen
    limits = snapshot.limits.get(alert.container_id)
    request, limit = wish(rule, alert, limits), present(rule.action, limits)
    if request is None or limit is None:
        return seen
    asks = f"This rule asks to {say_wish(request, limit)}; it is done where the container's policy is auto."
    return replace(seen, advice=f"{seen.advice} {asks}".strip())
