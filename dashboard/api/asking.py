"""Questions and orders to the agent on behalf of a caller."""

from __future__ import annotations

import logging
from typing import Any

from dashboard.api.layer import Call
from dashboard.errors import Problem
from model.errors import AgentAway
from model.live import Command

log = logging.getLogger(__name__)


def ask(call: Call[Any, Any], name: str, /, **arguments: object) -> Any:
    """The agent's answer to a command in the caller's name. Raises Problem with its refusal, AgentAway without one.

    Arguments that are None are left out: the agent has its own defaults.
    """
    given = {key: value for key, value in arguments.items() if value is not None}
    reply = call.services.agent.ask(Command(name, given, call.identity.name, call.identity.role))
    if reply.status >= 400:
        raise Problem(reply.status, reply.detail or "the agent refused this", faults=reply.faults)
    return reply.value


def note(call: Call[Any, Any], action: str, subject: str, /, *, actor: str = "", **detail: object) -> None:
    """Enter what the web process did by itself into the audit, which the agent keeps.

    Without an agent the deed stands and the log alone has it: nobody is kept from revoking a token.
    """
    command = Command(
        "audit.note", {"action": action, "subject": subject, "detail": detail}, actor or call.identity.name, "admin"
    )
    try:
        reply = call.services.agent.ask(command)
    except AgentAway as away:
        log.warning("%s of %s by %s is not in the audit: %s", action, subject, command.actor, away)
        return
    if reply.status >= 400:
        log.warning("%s of %s by %s is not in the audit: %s", action, subject, command.actor, reply.detail)


def page(items: Any, following: str | None = None) -> dict[str, object]:
    """The form of every list."""
    return {"items": items or [], "next": following}
