"""containerd and CRI-O without their command lines: names from the bundles that they keep for runc.

A bundle is a folder with the container's ``config.json`` (OCI runtime specification) that lives as long as the
container does. Under Kubernetes its annotations name pod, namespace, container and image.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from collector.cgroupfs import files
from collector.discovery.describe import SHORT_ID, Description, mapping, text, texts
from collector.discovery.runtime import Job, RuntimeEvent
from model.identity import KUBERNETES_CONTAINER, POD_NAME, POD_NAMESPACE

STATES = ("/run/containerd", "/run/k3s/containerd", "/var/snap/microk8s/common/run/containerd")
"""containerd's state folders: its own default, and those of two Kubernetes distributions."""
TASKS = "io.containerd.runtime.v2.task"
CRIO = "/run/containers/storage/overlay-containers"
DOCKERS_OWN = "moby"
"""containerd's namespace of Docker, which names its containers itself."""
LOOK_S = 1.0
LONGEST = 4 << 20
POD_UID = "io.kubernetes.pod.uid"
CRI = "io.kubernetes.cri."
CRIO_KIND = "io.kubernetes.cri-o.ContainerType"
CRIO_IMAGE = "io.kubernetes.cri-o.ImageName"
NERDCTL_NAME = "nerdctl/name"
SANDBOX = "POD"
"""Name of a pod's pause container, as the kubelet has it."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Bundle:
    """Where a container's description lies: ``config`` is its path, ``pid_file`` that of its process id."""

    runtime: str
    id: str
    config: str
    pid_file: str


class Bundles:
    """:class:`collector.discovery.runtime.Source` of containerd and CRI-O. ``setting``: auto, off or a state folder."""

    runtime = "containerd"
    reports = False

    def __init__(self, setting: str, states: tuple[str, ...] = STATES, crio: str = CRIO) -> None:
        self._states = () if setting == "off" else states if setting == "auto" else (setting,)
        self._crio = crio if setting == "auto" else ""
        self._described: Mapping[str, Description] = {}
        self._seen: Mapping[Bundle, int] = {}
        self._asked = not self._states
        self._state = ("off", "discovery.containerd is off") if not self._states else ("off", "not looked at yet")

    def described(self) -> Mapping[str, Description]:
        return self._described

    def drain(self) -> list[RuntimeEvent]:
        return []

    def state(self) -> tuple[str, str]:
        return self._state

    def asked(self) -> bool:
        return self._asked

    def jobs(self) -> tuple[tuple[str, Job], ...]:
        return (("containerd", self.resync),) if self._states else ()

    def look(self) -> None:
        self.resync(0)

    def close(self) -> None: ...

    def resync(self, now_ms: int) -> float:  # noqa: ARG002 - a job
        """Read the descriptions of containers that are new or were started anew; forget those that are gone."""
        if not self._states:
            return LOOK_S
        described: dict[str, Description] = {}
        seen: dict[Bundle, int] = {}
        faults: list[str] = []
        for bundle in self._bundles():
            inode = files.inode_of(bundle.config)
            if inode is None:
                continue
            known = self._described.get(bundle.id)
            if known is None or self._seen.get(bundle) != inode or known.pid is None:
                known = self._read(bundle, faults)
            if known is not None:
                described[bundle.id] = known
                seen[bundle] = inode
        self._described, self._seen = described, seen
        self._tell(described, faults)
        return LOOK_S

    def _bundles(self) -> Iterator[Bundle]:
        for state in self._states:
            tasks = f"{state}/{TASKS}"
            for namespace in files.subfolders(tasks) or ():
                if namespace == DOCKERS_OWN:
                    continue
                for name in files.subfolders(f"{tasks}/{namespace}") or ():
                    folder = f"{tasks}/{namespace}/{name}"
                    yield Bundle("containerd", name, f"{folder}/config.json", f"{folder}/init.pid")
        for name in (files.subfolders(self._crio) or ()) if self._crio else ():
            folder = f"{self._crio}/{name}/userdata"
            yield Bundle("crio", name, f"{folder}/config.json", f"{folder}/pidfile")

    def _read(self, bundle: Bundle, faults: list[str]) -> Description | None:
        try:
            found = files.read_once(bundle.config, LONGEST)
            pid = files.read_once(bundle.pid_file)
        except files.Unreadable as fault:
            faults.append(str(fault))
            return None
        if found is None:
            return None
        try:
            spec = json.loads(found)
        except (ValueError, RecursionError):
            faults.append(f"{bundle.config} is no JSON")
            return None
        began = files.changed_ms(bundle.pid_file)
        return describe_bundle(bundle.runtime, bundle.id, spec, number(pid), began)

    def _tell(self, described: Mapping[str, Description], faults: list[str]) -> None:
        forbidden = [s for s in self._states if files.inode_of(s) is not None and files.subfolders(s) is None]
        state = ("off", f"no containerd at {' or '.join(self._states)}")
        if described:
            state = ("ok", f"{len(described)} containers known by their bundles")
        if forbidden:
            state = ("degraded", f"no permission for {forbidden[0]}: run as root, or containers have no names")
        elif faults:
            state = ("degraded", faults[0])
        if state[0] == "degraded" and state != self._state:
            log.warning("containerd: %s; containers are measured all the same", state[1])
        self._state, self._asked = state, True


def number(found: bytes | None) -> int | None:
    """The process id in a pid file; None where there is none. Pure."""
    digits = (found or b"").strip()
    return int(digits) if digits.isdigit() and len(digits) < 10 and int(digits) > 0 else None


def describe_bundle(
    runtime: str, container_id: str, spec: object, pid: int | None, started_at_ms: int | None
) -> Description | None:
    """A container by its ``config.json``. Pure. None for a bundle that another runtime of the same storage made.

    Annotations become labels that grant nothing: an image's own may be among them.
    """
    fields = mapping(spec)
    said = texts(fields.get("annotations"))
    if runtime == "crio" and CRIO_KIND not in said:
        return None  # Podman's: it answers on its own socket
    labels = said | {
        label: said[f"{CRI}{name}"]
        for name, label in (
            ("sandbox-name", POD_NAME),
            ("sandbox-namespace", POD_NAMESPACE),
            ("sandbox-uid", POD_UID),
            ("container-name", KUBERNETES_CONTAINER),
        )
        if f"{CRI}{name}" in said
    }
    if said.get(f"{CRI}container-type") == "sandbox" or said.get(CRIO_KIND) == "sandbox":
        labels[KUBERNETES_CONTAINER] = SANDBOX
    pod, container = labels.get(POD_NAME), labels.get(KUBERNETES_CONTAINER)
    named = f"{pod}.{container}" if pod and container else said.get(NERDCTL_NAME)
    spaces = mapping(fields.get("linux")).get("namespaces")
    kinds = [text(mapping(space).get("type")) for space in spaces] if isinstance(spaces, list) else None
    return Description(
        runtime=runtime,
        id=container_id,
        name=named or (container_id[:SHORT_ID] if len(container_id) == 64 else container_id),
        image=said.get(f"{CRI}image-name") or said.get(CRIO_IMAGE),
        labels=labels,
        image_labels=labels,
        pid=pid,
        network="host" if kinds is not None and "network" not in kinds else None,
        started_at_ms=started_at_ms,
    )
