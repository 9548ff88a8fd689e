"""Questions and orders to the agent on behalf of a caller."""

from __future__ import annotations

from typing import Any

from dashboard.api.layer import Call
from dashboard.errors import Problem
from model.live import Command


def ask(call: Call[Any, Any], name: str, /, **arguments: object) -> Any:
    """The agent's answer to a command in the caller's name. Raises Problem with its refusal, AgentAway without one.

    Arguments that are None are left out: the agent has its own defaults.
    """
    given = {key: value for key, value in arguments.items() if value is not None}
    reply = call.services.agent.ask(Command(name, given, call.identity.name, call.identity.role))
    if reply.status >= 400:
        raise Problem(reply.status, reply.detail or "the agent refused this", faults=reply.faults)
    return reply.value


def page(items: Any, following: str | None = None) -> dict[str, object]:
    """The form of every list."""
    return {"items": items or [], "next": following}
