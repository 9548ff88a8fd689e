"""The receivers in force, and what may be wrong with one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from alerts.notify.kinds import NOTIFIERS
from alerts.notify.networks import denied_networks
from alerts.table import nearest
from config.schema import AlertSettings
from config.values import shown, url_fault
from model.alert import Receiver, Severity
from model.errors import Fault, InvalidInput

WEBHOOK: Final = "webhook"
"""Name of the receiver that ``alerts.webhook_url`` makes."""
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
LEAST_REPEAT_S: Final = 60.0
SEVERITIES: Final = tuple(severity.value for severity in Severity)


def configured(settings: AlertSettings) -> tuple[Receiver, ...]:
    """The receivers of the configuration, the one-line form first. Raises InvalidInput with all faults."""
    denied_networks(settings)
    receivers: list[tuple[str, Receiver]] = []
    if settings.webhook_url:
        plain = Receiver(WEBHOOK, "webhook", settings.webhook_url, settings.webhook_secret)
        receivers.append(("alerts.webhook_url", plain))
    for i, item in enumerate(settings.receiver):
        match = {label: tuple(values) for label, values in item.match.items()}
        receiver = Receiver(
            item.name,
            item.kind,
            item.url,
            item.secret,
            match,
            source="config",
            repeat_s=item.repeat_s,
            escalate_after_s=item.escalate_after_s,
        )
        receivers.append((f"alerts.receiver[{i}]", receiver))
    faults, names = [], set()
    for path, receiver in receivers:
        faults += [Fault(f"{path}.{fault.path}", fault.message) for fault in faults_of(receiver)]
        if receiver.name in names:
            faults.append(Fault(f"{path}.name", f"{receiver.name} is taken: give each receiver a name of its own"))
        names.add(receiver.name)
    if faults:
        raise InvalidInput(tuple(faults))
    return tuple(receiver for _, receiver in receivers)


def merged(configured: Sequence[Receiver], stored: Sequence[Receiver]) -> tuple[Receiver, ...]:
    """Receivers of the configuration, then those made through the API. Pure.

    Of a stored receiver that has the name of a configured one only "disabled" counts: it said 410 Gone; another URL in
    the configuration makes it a new one.
    """
    kept = {receiver.name: receiver for receiver in stored}
    disabled = {r.name for r in configured if (s := kept.get(r.name)) and not s.enabled and s.url == r.url}
    first = tuple(replace(r, enabled=False) if r.name in disabled else r for r in configured)
    names = {receiver.name for receiver in configured}
    return first + tuple(r for r in stored if r.name not in names and r.source == "api")


def faults_of(receiver: Receiver) -> tuple[Fault, ...]:
    """Everything that is wrong with a receiver, without its secret or URL. Pure."""
    faults = []
    if not NAME.fullmatch(receiver.name):
        faults.append(Fault("name", "must be 1 to 63 letters, digits, dots, hyphens and underscores"))
    notifier = NOTIFIERS.get(receiver.kind)
    if notifier is None:
        faults.append(Fault("kind", f"{shown(receiver.kind)} is not known{nearest(receiver.kind, tuple(NOTIFIERS))}"))
    if not receiver.url:
        faults.append(Fault("url", "is missing: where should notifications go?"))
    elif notifier is not None:
        fault = url_fault(receiver.url) if notifier.is_http else None
        faults += [Fault("url", fault)] if fault else list(notifier.faults_of(receiver))
    if receiver.repeat_s and receiver.repeat_s < LEAST_REPEAT_S:
        faults.append(Fault("repeat_s", f"must be at least {LEAST_REPEAT_S:.0f} seconds, or 0 to be told once"))
    for label, values in receiver.match.items():
        if not values:
            faults.append(Fault(f"match.{label}", "accepts no value, so nothing would ever be sent"))
        for value in values if label == "severity" else ():
            if value not in SEVERITIES:
                faults.append(Fault("match.severity", f"{shown(value)} is no severity{nearest(value, SEVERITIES)}"))
    return tuple(faults)
