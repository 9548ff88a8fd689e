"""Which container a selector means, and whom an alert is for. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from alerts.hours import end_ms, within
from model.alert import Alert, Receiver, Selector, Severity, Silence
from model.target import Target

DEFAULT_SEVERITIES = (Severity.WARNING.value, Severity.CRITICAL.value)
"""What a receiver gets that names no severity: ``info`` is only sent where it is asked for."""


def any_of(globs: Iterable[str], value: str) -> bool:
    """Whether a value matches one of the globs; no globs at all match everything."""
    globs = tuple(globs)
    return not globs or any(fnmatchcase(value, glob) for glob in globs)


def fits(selector: Selector, *, name: str, group: str, image: str, host: str, labels: Mapping[str, str]) -> bool:
    """Whether all parts of the selector match."""
    return (
        any_of(selector.name, name)
        and any_of(selector.group, group)
        and any_of(selector.image, image)
        and any_of(selector.host, host)
        and all(key in labels and fnmatchcase(labels[key], glob) for key, glob in selector.labels.items())
    )


def selects(selector: Selector, target: Target, host: str) -> bool:
    """Whether a selector means this container."""
    return fits(
        selector,
        name=target.name,
        group=target.group or "",
        image=target.image or "",
        host=host,
        labels=target.labels,
    )


def selected(selector: Selector, targets: Iterable[Target], host: str) -> tuple[Target, ...]:
    """The containers that a selector means: the preview of a rule."""
    return tuple(target for target in targets if selects(selector, target, host))


def mutes(silence: Silence, alert: Alert, labels: Mapping[str, str], now_ms: int) -> bool:
    """Whether a silence holds for an alert now. ``labels``: the container's own."""
    return (
        silence.starts_at_ms <= now_ms < silence.ends_at_ms
        and (silence.hours is None or within(silence.hours, now_ms))
        and any_of(silence.rules, alert.rule)
        and fits(
            silence.selector,
            name=alert.name,
            group=alert.group,
            image=alert.image,
            host=alert.host,
            labels=labels,
        )
    )


def silent_until_ms(silence: Silence, now_ms: int) -> int:
    """When a silence that holds now ends; one with hours ends with them, until they come again."""
    if silence.hours is None:
        return silence.ends_at_ms
    return min(silence.ends_at_ms, end_ms(silence.hours, now_ms))


def wants(receiver: Receiver, labels: Mapping[str, str]) -> bool:
    """Whether a receiver is to be told of an alert with these outside labels."""
    match = dict(receiver.match)
    match.setdefault("severity", DEFAULT_SEVERITIES)
    return receiver.enabled and all(any_of(accepted, labels.get(label, "")) for label, accepted in match.items())
