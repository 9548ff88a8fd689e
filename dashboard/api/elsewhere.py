"""What is on another host: lists of all hosts as one, and requests handed on to the dashboard of their host.

Roles are checked here before; there the token of the host's ``[[fleet]]`` entry counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from flask import Response

from dashboard.api.layer import API, Call
from dashboard.errors import Problem
from dashboard.fleet import PeerAnswer
from dashboard.live import HEARTBEAT_S, Hub
from model.errors import AgentAway, NotThere

Item = dict[str, Any]


def is_elsewhere(call: Call[Any, Any], host: str | None) -> bool:
    """Whether a host is another one whose dashboard we know."""
    services = call.services
    return bool(host) and host != services.own_host() and services.fleet is not None and host in services.fleet.names()


def on_its_host(call: Call[Any, Any], host: str | None, path: str | None = None) -> Response | None:
    """The answer of the other host to this very request; None when it is for this one. Raises AgentAway, NotThere.

    ``path``: below the API's base, percent-encoded, where it is not the one that was asked for.
    """
    own, fleet = call.services.own_host(), call.services.fleet
    if not host or host == own:
        return None
    if fleet is None or host not in fleet.names():
        raise NotThere(f"{host[:80]!r} is neither this host ({own}) nor a [[fleet]] entry of it")
    return response_of(handed_on(call, host, path))


def handed_on(call: Call[Any, Any], host: str, path: str | None = None) -> PeerAnswer:
    """The other host's answer to this request. Raises AgentAway."""
    fleet, asked = call.services.fleet, call.request
    if fleet is None:
        raise AgentAway(f"{host} is no [[fleet]] entry")
    query = {key: value for key, value in asked.args.items() if key != "host"}
    query |= {"host": host} if "host" in names_of(call) else {}
    body = asked.get_data() if call.body is not None else None
    path = path if path is not None else quote(asked.path.removeprefix(API))
    return fleet.order(host, asked.method, path, query, body)


def names_of(call: Call[Any, Any]) -> frozenset[str]:
    """Keys that the route's query takes."""
    return frozenset(type(call.query).__struct_fields__)


def response_of(answer: PeerAnswer) -> Response:
    return Response(answer.body or None, answer.status, content_type=answer.kind or "application/json")


def container_path(container_id: str, tail: str = "") -> str:
    """Path of a container below the API's base; ids of bare cgroups are paths themselves."""
    return f"/containers/{quote(container_id, safe='')}{tail}"


def everywhere(
    call: Call[Any, Any], path: str, host: str | None, own: Callable[[], list[Item]], query: Mapping[str, str]
) -> list[Item]:
    """A list of one host, or of all that answer. ``own``: the items of this host. Raises AgentAway, NotThere.

    A host that is away hides nothing of the others, nor does an agent that is away here while others are known.
    """
    fleet, here = call.services.fleet, call.services.own_host()
    if host and host != here:
        if fleet is None or host not in fleet.names():
            raise NotThere(f"{host[:80]!r} is neither this host ({here}) nor a [[fleet]] entry of it")
        return fleet.items(host, path, {**query, "host": host})
    if host or fleet is None or not fleet.names():
        return own()
    try:
        found, away = list(own()), None
    except AgentAway as error:
        found, away = [], error
    others = fleet.gather(path, query)
    if away is not None and not others:
        raise away
    return found + [item for items in others.values() for item in items]


def where_known(call: Call[Any, Any], host: str | None, own: Callable[[], object]) -> object:
    """An order that names a thing by its id: here, or on the first host that knows it."""
    answer = on_its_host(call, host)
    if answer is not None:
        return answer
    fleet = call.services.fleet
    if host or fleet is None:
        return own()
    try:
        return own()
    except (NotThere, AgentAway, Problem) as error:
        if isinstance(error, Problem) and error.status != 404:
            raise
        for name in fleet.names():
            try:
                found = handed_on(call, name)
            except AgentAway as away:
                error = away
                continue
            if found.status != 404:
                return response_of(found)
        raise error from None


class Relayed:
    """The live stream of another host as the body of an answer here; holds one of our places until it is closed."""

    def __init__(
        self,
        hub: Hub,
        call: Call[Any, Any],
        host: str,
        query: Mapping[str, str],
        last_id: str,
        still: Callable[[], bool],
    ) -> None:
        """``still``: asked now and then, whether the caller may still watch. Raises AgentAway, and Problem 503 when
        all places are taken."""
        fleet = call.services.fleet
        if fleet is None:
            raise AgentAway(f"{host} is no [[fleet]] entry")
        hub.join()
        self._hub, self._still, self._clock = hub, still, call.services.clock
        self._asked_ms = call.now_ms
        self._open = True
        try:
            self._stream = fleet.stream(host, query, last_id)
        except AgentAway:
            self._leave()
            raise
        self._pieces = iter(self._stream)

    def __iter__(self) -> Relayed:
        return self

    def __next__(self) -> bytes:
        now_ms = self._clock()
        if now_ms - self._asked_ms >= HEARTBEAT_S * 1000:
            self._asked_ms = now_ms
            if not self._still():
                self.close()
                raise StopIteration
        try:
            return next(self._pieces)
        except StopIteration:
            self.close()
            raise

    def close(self) -> None:
        if self._open:
            self._stream.close()
            self._leave()

    def _leave(self) -> None:
        self._open = False
        self._hub.leave()
