"""A command's question to the agent, over the link."""

from __future__ import annotations

import getpass
from typing import Any

from config.schema import Settings
from daemon.build import socket_path
from daemon.link_client import LinkClient
from model.errors import InvalidInput, NotThere, Refused, WharfingerError
from model.live import Command


def ask(settings: Settings, command: str, /, **arguments: object) -> Any:
    """The agent's answer to one command. Raises AgentAway, InvalidInput, NotThere, Refused."""
    wanted = {key: value for key, value in arguments.items() if value is not None}
    reply = LinkClient(socket_path(settings)).ask(Command(command, wanted, f"cli:{user()}", "admin"))
    if reply.status < 300:
        return reply.value
    if reply.status == 404:
        raise NotThere(reply.detail)
    if reply.status == 409:
        raise Refused(reply.detail)
    if reply.status == 422:
        raise InvalidInput(reply.faults)
    raise WharfingerError(reply.detail)


def user() -> str:
    """Who runs the command, for the audit."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def container_id(settings: Settings, name: str) -> str:
    """Full id of the container with this name, id or unique beginning of an id. Raises NotThere, UsageError."""
    targets = LinkClient(socket_path(settings)).snapshot().targets
    found = [key for key, target in targets.items() if name in (key, target.name)]
    found = found or [key for key in targets if key.startswith(name)]
    if not found:
        raise NotThere(f"there is no running container {name!r}; see 'wharfinger limits list'")
    if len(found) > 1:
        raise NotThere(f"{name!r} fits {len(found)} containers; give a longer id")
    return found[0]
