"""``/metrics``: Prometheus text (format 0.0.4) with cAdvisor's names, labels, types and units. Pure.

Made for what was built for cAdvisor: the same families, plus ``container`` (the name again, which many
published rules select by). Known differences: no timestamps (Prometheus takes its own, and so sees a stopped
container as stale); one series ``cpu="total"`` on every cgroup version; ``device`` is MAJ:MIN; a family that
the kernel does not offer is absent instead of 0. Source: cadvisor lib/metrics/prometheus.go, v0.60.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import isinf, isnan
from typing import Final

from dashboard.families import FAMILIES, Family, Subject
from model.sample import Snapshot

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
LABEL_NAME: Final = re.compile(r"[^a-zA-Z0-9_]")
ESCAPES: Final = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A subject and its labels as text, made once for all its series."""

    subject: Subject
    labels: str


def escaped(text: str) -> str:
    """A label value; what UTF-8 cannot hold becomes a question mark. Pure."""
    return text.encode("utf-8", "replace").decode().translate(ESCAPES)


def labels_text(labels: Iterable[tuple[str, str]]) -> str:
    return ",".join(f'{name}="{escaped(value)}"' for name, value in labels)


def number(value: float) -> str:
    """As Go prints it, near enough for every parser. Pure."""
    if isnan(value):
        return "NaN"
    if isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))


def container_labels(keys: Iterable[str]) -> Mapping[str, str]:
    """Container label → ``container_label_<sanitised>``; of two that collide the first stays. Pure."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for key in sorted(keys):
        name = "container_label_" + LABEL_NAME.sub("_", key)
        if name not in taken:
            taken.add(name)
            names[key] = name
    return names


def places(snapshot: Snapshot) -> list[Place]:
    """The host (id ``/``) and every target, all with the same set of label names."""
    names = container_labels({key for target in snapshot.targets.values() for key in target.labels})
    blank: Labels = tuple((name, "") for name in names.values())
    host = Subject(snapshot, None, None, None)
    found = [Place(host, labels_text((("id", "/"), ("name", ""), ("image", ""), ("container", ""), *blank)))]
    for key, target in snapshot.targets.items():
        made = target.id.runtime != "cgroup"
        name = target.name if made else ""
        labels = [("id", target.cgroup), ("name", name), ("image", target.image or ""), ("container", name)]
        labels += [(label, target.labels.get(label_key, "")) for label_key, label in names.items()]
        subject = Subject(snapshot, target, snapshot.readings.get(key), snapshot.limits.get(key))
        found.append(Place(subject, labels_text(labels)))
    return found


def family_lines(family: Family, all_places: list[Place]) -> Iterator[str]:
    """One family with its header; nothing where no subject has it."""
    begun = False
    for place in all_places:
        for labels, value in family.values(place.subject):
            if value is None:
                continue
            if not begun:
                begun = True
                yield f"# HELP {family.name} {family.help}"
                yield f"# TYPE {family.name} {family.kind}"
            extra = f",{labels_text(labels)}" if labels else ""
            yield f"{family.name}{{{place.labels}{extra}}} {number(value)}"


def own_lines(numbers: Mapping[str, float]) -> Iterator[str]:
    """``wharfinger_*``: labels stand in the names already; grouped by family."""
    families: dict[str, list[str]] = {}
    for name, value in numbers.items():
        families.setdefault(name.partition("{")[0], []).append(f"{name} {number(value)}")
    for family in sorted(families):
        kind = "counter" if family.endswith("_total") else "gauge"
        yield f"# HELP {family} {family.removeprefix('wharfinger_').replace('_', ' ')} of the daemon."
        yield f"# TYPE {family} {kind}"
        yield from families[family]


def machine_lines(snapshot: Snapshot) -> Iterator[str]:
    reading = snapshot.host_reading
    if reading is not None:
        for name, value, text in (
            ("machine_cpu_cores", reading.cpu_count, "Number of logical CPU cores."),
            ("machine_memory_bytes", reading.memory_total_bytes, "Amount of memory installed on the machine."),
        ):
            yield from (f"# HELP {name} {text}", f"# TYPE {name} gauge", f"{name} {value}")
    yield "# HELP container_scrape_error 1 if there was an error while getting container metrics, 0 otherwise"
    yield "# TYPE container_scrape_error gauge"
    yield "container_scrape_error 0"


def exposition(snapshot: Snapshot, numbers: Mapping[str, float], version: str) -> str:
    """The whole page. ``numbers``: the daemon's own, by name with labels."""
    all_places = places(snapshot)
    build = {f'wharfinger_build_info{{version="{escaped(version)}"}}': 1.0}
    lines = [line for family in FAMILIES for line in family_lines(family, all_places)]
    lines += [*machine_lines(snapshot), *own_lines({**build, **numbers})]
    return "\n".join(lines) + "\n"
