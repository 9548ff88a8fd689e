"""Alerts, notifications and changes for tests, with every field that does not matter filled in."""

from __future__ import annotations

from dataclasses import replace

from model.alert import Alert, AlertState, Delivery, DeliveryState, Notification, Severity, Transition
from model.change import Change, ChangeStatus, Knobs


def alert(alert_id: str = "a1", state: AlertState = AlertState.FIRING, **more: object) -> Alert:
    plain = Alert(
        id=alert_id,
        rule="cpu",
        severity=Severity.WARNING,
        state=state,
        host="web-1",
        container_id="c" * 64,
        name="shop",
        image="shop:1",
        group="shop",
        since_ms=1000,
        started_at_ms=1000,
        ended_at_ms=None,
        value=0.5,
        threshold=0.25,
        summary="slow",
        description="it waits",
        advice="give it more",
    )
    return replace(plain, **more)  # type: ignore[arg-type]


def transition(at_ms: int = 1000, alert_id: str = "a1", state: AlertState = AlertState.FIRING) -> Transition:
    return Transition(at_ms, AlertState.PENDING, alert(alert_id, state), notify=True)


def notification(
    number: str, status: str = "firing", *, receiver: str = "ops", alert_id: str = "a1", **more: object
) -> Notification:
    plain = Notification(number, 0, receiver, alert_id, status, 1000, alert(alert_id))
    return replace(plain, **more)  # type: ignore[arg-type]


def attempt(of: Notification, state: DeliveryState, http_status: int | None = 200) -> tuple[Notification, Delivery]:
    after = replace(of, state=state, attempts=of.attempts + 1)
    return after, Delivery(0, of.id, 2000, of.receiver, of.alert_id, of.status, state, http_status, 0.1, "")


def change(number: str, at_ms: int = 1000, status: ChangeStatus = ChangeStatus.APPLIED, **more: object) -> Change:
    plain = Change(
        number, at_ms, "web-1", "c" * 64, "shop", status, "manual", "asked", Knobs(cpu_cores=1.0), Knobs(cpu_cores=1.5)
    )
    return replace(plain, **more)  # type: ignore[arg-type]
