"""Docker's and Podman's event messages in our words. Pure; the messages are hostile text."""

from __future__ import annotations

from collector.discovery.describe import mapping, text, whole
from collector.discovery.runtime import RuntimeEvent

ACTIONS = {
    "create": "create",
    "start": "start",
    "die": "die",
    "died": "die",
    "oom": "oom",
    "restart": "restart",
    "health_status": "health_status",
    "rename": "rename",
    "pause": "pause",
    "unpause": "unpause",
    "update": "update",
    "destroy": "destroy",
    "remove": "destroy",
}
"""What is listened to (Podman's own names beside Docker's) → the name we use."""


def event_of(message: object) -> tuple[RuntimeEvent, int] | None:
    """(event, its time in ns) of one message; None for one that is not about a container or not understood."""
    fields = mapping(message)
    actor = mapping(fields.get("Actor"))
    action, _, detail = (text(fields.get("Action")) or text(fields.get("status")) or "").partition(":")
    container_id = text(actor.get("ID")) or text(fields.get("id"))
    known = ACTIONS.get(action)
    if fields.get("Type", "container") != "container" or known is None or container_id is None:
        return None
    seconds = whole(fields.get("time")) or 0
    time_ns = whole(fields.get("timeNano")) or seconds * 10**9
    attributes = mapping(actor.get("Attributes"))
    code = text(attributes.get("exitCode")) or text(attributes.get("containerExitCode")) or ""
    exit_code = int(code) if code.isdigit() and len(code) < 6 else None
    health = detail.strip() or text(attributes.get("health_status")) if known == "health_status" else None
    return RuntimeEvent(time_ns // 10**6, known, container_id, exit_code, health), time_ns
