"""``/metrics``: Prometheus text (format 0.0.4) with cAdvisor's names, labels, types and units. Pure.

Made for what was built for cAdvisor: the same families, plus ``container`` (the name again, which many
published rules select by), and ``pod`` and ``namespace`` as the kubelet has them where pods are. Known
differences: no timestamps (Prometheus takes its own, and so sees a stopped container as stale); one series
``cpu="total"`` on every cgroup version; a family that the kernel does not offer is absent instead of 0.
Source: cadvisor lib/metrics/prometheus.go, v0.60.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from dashboard.families import FAMILIES, Family
from dashboard.labels import container_labels, escaped, labels_text
from dashboard.own import header, number, own_lines
from dashboard.subject import Subject, device_labels, subject_of
from model.identity import KUBERNETES_CONTAINER, POD_NAME, POD_NAMESPACE
from model.sample import Snapshot
from model.target import Target

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

Labels = tuple[tuple[str, str], ...]

MACHINE_LABELS: Final = ("machine_id", "system_uuid", "boot_id")
MACHINE_GAUGES: Final = (
    ("machine_cpu_cores", "Number of logical CPU cores."),
    ("machine_cpu_physical_cores", "Number of physical CPU cores."),
    ("machine_cpu_sockets", "Number of CPU sockets."),
    ("machine_memory_bytes", "Amount of memory installed on the machine."),
    ("machine_swap_bytes", "Amount of swap memory available on the machine."),
)
SCRAPE_ERROR: Final = (
    "container_scrape_error",
    "1 if a part could not be read, 0 otherwise.",
)


@dataclass(frozen=True, slots=True)
class Machine:
    """What is known of the hardware and the system: identity (``machine_id`` …) and ``machine_*`` gauges by name."""

    identity: Mapping[str, str] = field(default_factory=dict)
    gauges: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Place:
    """A subject and its labels as text, made once for all its series."""

    subject: Subject
    labels: str


def pod_labels(target: Target) -> Labels:
    """The kubelet's labels of a container of a pod; empty values for every other one."""
    pod = target.labels.get(POD_NAME, "")
    return (("pod", pod), ("namespace", target.labels.get(POD_NAMESPACE, "default") if pod else ""))


def places(snapshot: Snapshot) -> list[Place]:
    """The host (id ``/``) and every target, all with the same set of label names."""
    names = container_labels({key for target in snapshot.targets.values() for key in target.labels})
    blank: Labels = tuple((name, "") for name in names.values())
    pods = any(POD_NAME in target.labels for target in snapshot.targets.values())
    no_pod: Labels = (("pod", ""), ("namespace", "")) if pods else ()
    devices = device_labels(snapshot)
    first = labels_text((("id", "/"), ("name", ""), ("image", ""), ("container", ""), *no_pod, *blank))
    found = [Place(subject_of(snapshot, None, devices), first)]
    for key, target in snapshot.targets.items():
        name = target.name if target.id.runtime != "cgroup" else ""
        alias = target.labels.get(KUBERNETES_CONTAINER, name)
        labels = [("id", target.cgroup), ("name", name), ("image", target.image or ""), ("container", alias)]
        labels += pod_labels(target) if pods else ()
        labels += [(label, target.labels.get(label_key, "")) for label_key, label in names.items()]
        found.append(Place(subject_of(snapshot, key, devices), labels_text(labels)))
    return found


def family_text(family: Family, all_places: list[Place]) -> str:
    """One family with its header; empty where no subject has it."""
    name, values = family.name, family.values
    lines = [
        f"{name}{{{place.labels}{extra}}} {value}" for place in all_places for extra, value in values(place.subject)
    ]
    return "\n".join((*header(name, family.kind, family.help), *lines, "")) if lines else ""


def machine_lines(snapshot: Snapshot, machine: Machine) -> Iterator[str]:
    """``machine_*`` with the labels that cAdvisor gives them, and whether anything could not be read."""
    labels = labels_text((name, machine.identity.get(name, "")) for name in MACHINE_LABELS)
    reading, gauges = snapshot.host_reading, dict(machine.gauges)
    if reading is not None:
        gauges |= {"machine_cpu_cores": reading.cpu_count, "machine_memory_bytes": reading.memory_total_bytes}
    for name, text in MACHINE_GAUGES:
        if name in gauges:
            yield from (*header(name, "gauge", text), f"{name}{{{labels}}} {number(gauges[name])}")
    name, text = SCRAPE_ERROR
    yield from (*header(name, "gauge", text), f"{name} {int(bool(snapshot.gaps))}")


def exposition(
    snapshot: Snapshot, numbers: Mapping[str, float], version: str, machine: Machine | None = None
) -> tuple[bytes, ...]:
    """The whole page in pieces of some hundred kilobytes. ``numbers``: the daemon's own, by name with labels."""
    all_places = places(snapshot)
    build = {f'wharfinger_build_info{{version="{escaped(version)}"}}': 1.0}
    pieces = [text.encode() for family in FAMILIES if (text := family_text(family, all_places))]
    last = "\n".join((*machine_lines(snapshot, machine or Machine()), *own_lines({**build, **numbers}), ""))
    return (*pieces, last.encode())
