"""Docker, and Podman through the same API: list, inspect, and events that say "look again".

Two jobs: one waits for events, one asks for everything now and then. Neither is ever on the tick: the tick thread
reads a mapping that is replaced as a whole. Errors of the client library end here.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

import docker
import docker.constants
import requests
import urllib3

from collector.discovery.describe import Description, describe, mapping, text, texts
from collector.discovery.events import ACTIONS, event_of
from collector.discovery.runtime import Job, RuntimeEvent, addresses, remedy, there
from collector.discovery.transport import Tally, client
from model.errors import Malformed

RESYNC_S = 60.0
RETRY_S = 5.0
REOPEN_S = 0.5
MAX_WAITING_EVENTS = 10_000
FAULTS = (
    docker.errors.DockerException,
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    OSError,
    ValueError,
)
"""Everything that the client library lets out when a daemon is away, slow or talks nonsense."""
log = logging.getLogger(__name__)


class Stream(Protocol):
    """docker-py's stream of events."""

    def __next__(self) -> Any: ...

    def close(self) -> None: ...


class DockerSource:
    """One Docker-compatible daemon. ``setting``: auto, off or an address; the constructor connects to nothing."""

    reports = True

    def __init__(self, runtime: str, setting: str, environ: Mapping[str, str]) -> None:
        self.runtime = runtime
        self._setting = setting
        self._environ = dict(environ)
        self._addresses = addresses(runtime, setting, environ)
        self._lock = threading.Lock()
        self._address = ""
        self._api: docker.APIClient | None = None
        self._stream: Stream | None = None
        self._described: Mapping[str, Description] = {}
        self._image_labels: dict[str, dict[str, str]] = {}
        self._events: deque[RuntimeEvent] = deque(maxlen=MAX_WAITING_EVENTS)
        self._last_event_ns = 0
        self._closing = False
        self._tally = Tally()
        self._fault: str | None = None
        self._state = ("off", f"discovery.{runtime} is off") if not self._addresses else ("down", "not asked yet")
        self._was_asked = not self._addresses

    def described(self) -> Mapping[str, Description]:
        return self._described

    def drain(self) -> list[RuntimeEvent]:
        return [self._events.popleft() for _ in range(len(self._events))]

    def state(self) -> tuple[str, str]:
        if not self._was_asked and self.asked():
            return "off", f"no socket at {' or '.join(self._addresses)}"
        if self._state[0] == "ok":
            return "ok", f"{len(self._described)} containers known at {self._address}"
        return self._state

    def asked(self) -> bool:
        # auto without a socket is an answer: nobody is there, and nothing has to be asked
        return self._was_asked or (self._setting == "auto" and not any(there(a) for a in self._addresses))

    def jobs(self) -> tuple[tuple[str, Job], ...]:
        if not self._addresses:
            return ()
        return ((self.runtime, self.resync), (f"{self.runtime}-events", self.watch))

    def look(self) -> None:
        if self._addresses:
            self.resync(0)

    def asked_for(self) -> tuple[int, float]:
        return self._tally.requests, self._tally.seconds

    def close(self) -> None:
        self._closing = True
        self._drop_stream()
        if self._api is not None:
            self._api.close()

    def resync(self, now_ms: int) -> float:  # noqa: ARG002 - a job
        """List everything, inspect what is new or changed. Every minute; also the pulse that finds a dead daemon."""
        with self._lock:
            try:
                api = self._connected()
                if api is None:
                    return RETRY_S
                self._sync(api)
            except FAULTS as fault:
                self._lost(fault)
                return RETRY_S
            self._answered()
        return RESYNC_S

    def watch(self, now_ms: int) -> float:  # noqa: ARG002 - a job
        """Wait for the next event and take it in; unblocked by :meth:`close` and by a failing resync."""
        stream = self._stream
        try:
            if stream is None:
                return self._open_stream()
            message = next(stream)
        except StopIteration:
            self._drop_stream()
            return RETRY_S if self._closing else REOPEN_S
        except (*FAULTS, AttributeError) as fault:  # a stream that is closed beneath the reader shows as either
            with self._lock:
                self._lost(fault)
            return RETRY_S
        with self._lock:
            try:
                self._take(message)
            except FAULTS as fault:
                self._lost(fault)
                return RETRY_S
        return 0.0

    def _open_stream(self) -> float:
        """Events from now on, or from the last one seen: the daemon keeps some, so that none is lost."""
        with self._lock:
            api = self._connected()
            if api is None or self._closing:
                return RETRY_S
            since = f"{self._last_event_ns // 10**9}.{self._last_event_ns % 10**9 + 1:09d}"
            events: Any = api.events  # its types know whole seconds only
            self._stream = events(
                since=since if self._last_event_ns else None,
                filters={"type": "container", "event": sorted(ACTIONS)},
                decode=True,
            )
            self._sync(api)
            self._answered()
        return 0.0

    def _connected(self) -> docker.APIClient | None:
        """The client; None where there is nobody to connect to. Raises one of FAULTS."""
        if self._api is not None:
            return self._api
        present = [address for address in self._addresses if there(address)]
        if not present:
            if self._setting == "auto":
                self._was_asked = True
                self._state = ("off", f"no socket at {' or '.join(self._addresses)}")
            else:
                self._lost(FileNotFoundError("No such file"))
            return None
        self._address = present[0]
        self._api = connect(self._address, self._environ)
        self._api.hooks["response"].append(self._tally)
        return self._api

    def _sync(self, api: docker.APIClient) -> None:
        """Bring the descriptions up to date: inspect what is new or in another state, drop what is gone."""
        listed = {
            row["Id"]: row.get("State")
            for row in api.containers(all=True)
            if isinstance(row, Mapping) and isinstance(row.get("Id"), str)
        }
        for container_id, state in listed.items():
            old = self._described.get(container_id)
            if old is None or old.state != state:
                self._look_at(api, container_id)
        self._described = {i: d for i, d in self._described.items() if i in listed}

    def _look_at(self, api: docker.APIClient, container_id: str) -> None:
        """Inspect one container; one that is gone keeps its last description until the next sync."""
        try:
            answer = describe(self.runtime, api.inspect_container(container_id))
        except docker.errors.NotFound:
            return
        except docker.errors.APIError as fault:
            # the daemon is well, this one container is not: Podman says 500 of one that is being removed
            log.debug("%s does not describe %s: %s", self.runtime, container_id, fault)
            return
        except Malformed as fault:
            log.warning("%s", fault)
            return
        self._describe(replace(answer, image_labels=self._labels_of_image(api, answer)))

    def _describe(self, description: Description) -> None:
        self._described = {**self._described, description.id: description}

    def _labels_of_image(self, api: docker.APIClient, container: Description) -> Mapping[str, str]:
        """Labels of the image's config. Where they cannot be had every label counts as the image's:
        what an image says of itself must grant nothing."""
        image = container.image_id
        if image is None:
            return container.labels
        if image not in self._image_labels:
            try:
                inspect: Any = api.inspect_image
                config = mapping(inspect(image)).get("Config")
            except docker.errors.APIError:
                log.warning(
                    "the image of %s cannot be asked for, so its labels cannot be told from the container's: "
                    "its wharfinger labels are not used (recreate it from an image that exists)",
                    container.name,
                )
                return container.labels
            self._image_labels[image] = texts(mapping(config).get("Labels"))
        return self._image_labels[image]

    def _take(self, message: object) -> None:
        """One event: inspect the container again where it may have changed, then pass the event on."""
        found = event_of(message)
        if found is None:
            return
        event, time_ns = found
        if time_ns <= self._last_event_ns:
            return
        self._last_event_ns = time_ns
        api = self._connected()
        if api is None:
            return
        if event.action == "destroy":
            self._events.append(event)
            return  # described until the next sync: its stop may still be told
        if event.action != "oom":
            self._look_at(api, event.id)
        known = self._described.get(event.id)
        if event.action == "die" and known is not None and known.running:
            # removed before it could be inspected (--rm): the event is all that is left
            self._describe(
                replace(known, state="exited", pid=None, exit_code=event.exit_code, finished_at_ms=event.at_ms)
            )
        self._events.append(event)

    def _answered(self) -> None:
        if self._fault is not None:
            log.info("%s answers again", self.runtime)
        self._fault = None
        self._was_asked = True
        self._state = ("ok", "")

    def _lost(self, fault: Exception) -> None:
        """Forget the connection; what is known of the containers stays."""
        address = next((a for a in self._addresses if there(a)), self._addresses[0])
        text = remedy(self.runtime, address, str(fault) or type(fault).__name__)
        if text != self._fault and not self._closing:
            log.warning("%s; containers are measured all the same, without news of names", text)
        self._fault = text
        self._was_asked = True
        self._state = ("down", text)
        if self._api is not None:
            self._api.close()
        self._api = None
        self._drop_stream()

    def _drop_stream(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            try:
                stream.close()
            except (*FAULTS, AttributeError) as fault:  # docker-py reaches for a socket that may be closed already
                log.debug("closing the event stream: %s", fault)


def connect(address: str, environ: Mapping[str, str]) -> docker.APIClient:
    """A client that speaks the daemon's version. Raises one of FAULTS and leaves nothing open."""
    asking = client(address, environ, docker.constants.DEFAULT_DOCKER_API_VERSION)
    try:
        version = asking.version(api_version=False)
    finally:
        asking.close()
    return client(address, environ, text(mapping(version).get("ApiVersion")) or "")
