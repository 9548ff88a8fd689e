"""Limits through Docker's API: ``POST /containers/{id}/update``, durable and seen by ``docker inspect``.

The SDK's ``update_container`` lacks NanoCpus (docker-py issue 2034), so the request is made through its
low-level client. An update takes some 20 ms: it writes hostconfig.json, emits an event and runs runc.
"""

from __future__ import annotations

import logging
import os
import re
import socket
import threading
from collections.abc import Mapping
from typing import Any

import docker
from docker.errors import APIError, DockerException, NotFound

from limits.actuator.base import ActuatorAway, Inspected, Unanswered
from limits.actuator.native import native_of
from limits.sizes import say_bytes, shown
from model.errors import NotThere, Refused

log = logging.getLogger(__name__)

DEFAULT_SOCKET = "unix:///var/run/docker.sock"
TIMEOUT_S = 5.0
BUSY = re.compile(r"unable to set memory limit to (\d+) \(current usage: (\d+)")
"""runc's words for the kernel's EBUSY on cgroup v1 (libcontainer/cgroups/fs/memory.go)."""


class DockerActuator:
    """:class:`limits.actuator.base.Actuator` for one Docker engine.

    ``address``: ``auto`` ($DOCKER_HOST or the usual socket), ``off``, or ``unix://…``. Connects at the first
    call and anew after a fault. One request at a time; each ends after ``timeout_s`` at the latest.
    """

    RUNTIME = "Docker"

    def __init__(self, address: str = "auto", timeout_s: float = TIMEOUT_S) -> None:
        self._off = address == "off"
        self._address = os.environ.get("DOCKER_HOST", DEFAULT_SOCKET) if address in ("auto", "off") else address
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._client: docker.APIClient | None = None
        self._away = False
        self._requests, self._seconds = 0, 0.0

    def inspect(self, container_id: str) -> Inspected:
        with self._lock:
            found = self._ask(container_id, lambda client: client.inspect_container(container_id))
        config, state = found.get("HostConfig"), found.get("State")
        if not isinstance(config, dict) or not isinstance(state, dict):
            raise ActuatorAway(
                f"{self.RUNTIME} at {self._address} gave an answer about {container_id[:12]} without HostConfig"
            )
        return Inspected(
            container_id=str(found.get("Id", container_id)),
            name=str(found.get("Name", "")).lstrip("/"),
            state=str(state.get("Status", "")),
            native=native_of(config),
        )

    def update(self, container_id: str, fields: Mapping[str, int]) -> None:
        if not fields:
            return

        with self._lock:
            answer = self._ask(container_id, lambda client: self._post(client, container_id, fields), writes=True)
        for warning in answer.get("Warnings") or ():
            log.warning("%s says about the limits of %s: %s", self.RUNTIME, container_id[:12], shown(warning, 200))

    def _post(self, client: Any, container_id: str, fields: Mapping[str, int]) -> Any:
        url = client._url("/containers/{0}/update", container_id)
        return client._result(client._post_json(url, data=dict(fields)), True)

    def asked(self) -> tuple[int, float]:
        return self._requests, self._seconds

    def close(self) -> None:
        with self._lock:
            self._drop()

    def _drop(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def _count(self, answer: Any, **_: Any) -> None:
        """A hook of the SDK's (requests), called at each answer."""
        self._requests += 1
        self._seconds += answer.elapsed.total_seconds()

    def _ask(self, container_id: str, call: Any, *, writes: bool = False) -> dict[str, Any]:
        if self._off:
            raise ActuatorAway(
                f"discovery.{self.RUNTIME.lower()} is off: limits can be changed only where {self.RUNTIME} may be asked"
            )
        try:
            knock(self._address, self._timeout_s)
            if self._client is None:
                self._client = docker.APIClient(base_url=self._address, version="auto", timeout=int(self._timeout_s))
                self._client.hooks["response"].append(self._count)
            answer = call(self._client)
        except NotFound:
            raise NotThere(f"{self.RUNTIME} knows no container {container_id[:12]}") from None
        except APIError as fault:
            raise Refused(reason_of(fault.explanation or str(fault))) from None
        except (DockerException, OSError, ValueError) as fault:
            sent = writes and self._client is not None
            self._drop()
            why = f"does not answer ({type(fault).__name__}): is it running, and may we use it?"
            text = f"{self.RUNTIME} at {self._address} {why}"
            if not self._away:
                log.warning("%s", text)
            self._away = True
            raise (Unanswered if sent else ActuatorAway)(text) from None
        self._away = False
        if not isinstance(answer, dict):
            text = f"{self.RUNTIME} at {self._address} gave an answer that is no JSON object"
            raise (Unanswered if writes else ActuatorAway)(text)
        return answer


def knock(address: str, timeout_s: float) -> None:
    """Raise OSError where nobody listens at a Unix socket: the SDK leaks one that it could not connect."""
    if address.startswith("unix://"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
            door.settimeout(timeout_s)
            door.connect(address.removeprefix("unix://"))


def reason_of(text: str) -> str:
    """Docker's reason in one line; runc's EBUSY text in plain words. Pure."""
    busy = BUSY.search(text)
    if busy:
        return f"it uses {say_bytes(int(busy[2]))}: the kernel refused a memory limit of {say_bytes(int(busy[1]))}"
    line = " ".join(text.split())
    return f"Docker refused: {shown(line, 300)[1:-1]}"
