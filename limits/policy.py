"""What the owner allows on one container: defaults, then its own labels, then the API. Pure.

Labels that a container only inherited from its image count for nothing (contract), and no label
reaches over the host-wide caps of the configuration.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from math import isfinite
from typing import Any, Final

from config.schema import LimitSettings
from limits.sizes import parse_cores, parse_memory, say_bytes, say_cores, shown
from model.change import CpuControl, Mode, Policy, WorkClass
from model.errors import Fault, InvalidInput
from model.target import Target


def _mode(text: str) -> Mode:
    try:
        return Mode(text.strip().lower())
    except ValueError:
        raise ValueError("is not a mode: write off, observe or auto") from None


def _class(text: str) -> WorkClass:
    try:
        return WorkClass(text.strip().lower())
    except ValueError:
        raise ValueError("is not a class: write latency, balanced or dense") from None


def _control(text: str) -> CpuControl:
    try:
        return CpuControl(text.strip().lower())
    except ValueError:
        raise ValueError("is not a way to give CPU: write quota or weight") from None


def _weight(text: str) -> int:
    return _whole(text, 1, 10000, "is not a CPU weight: write a whole number from 1 to 10000 (100 is usual)")


def _priority(text: str) -> int:
    return _whole(text, -1000, 1000, "is not a priority: write a whole number from -1000 to 1000")


def _whole(text: str, least: int, most: int, fault: str) -> int:
    try:
        value = int(text)
    except ValueError:
        raise ValueError(fault) from None
    if not least <= value <= most:
        raise ValueError(fault)
    return value


def _flag(text: str) -> bool:
    if text.strip().lower() not in ("true", "false"):
        raise ValueError("is not a yes or no: write true or false")
    return text.strip().lower() == "true"


Parser = Callable[[str], Any]
LABELS: Final[Mapping[str, tuple[str, Parser]]] = {
    "limits": ("mode", _mode),
    "class": ("work_class", _class),
    "cpu.min": ("cpu_min", parse_cores),
    "cpu.max": ("cpu_max", parse_cores),
    "memory.min": ("memory_min", parse_memory),
    "memory.max": ("memory_max", parse_memory),
    "cpu.weight": ("cpu_weight", _weight),
    "cpu.control": ("cpu_control", _control),
    "priority": ("priority", _priority),
}
"""Label without prefix → field of :class:`model.change.Policy` and how to read it."""
OTHER_LABELS: Final = ("ignore", "group", "alerts")
"""Labels of ours that other rooms read."""
FIELDS: Final[Mapping[str, tuple[str, Parser]]] = {
    "mode": ("mode", _mode),
    "class": ("work_class", _class),
    "cpu_min": ("cpu_min", parse_cores),
    "cpu_max": ("cpu_max", parse_cores),
    "memory_min": ("memory_min", parse_memory),
    "memory_max": ("memory_max", parse_memory),
    "cpu_weight": ("cpu_weight", _weight),
    "cpu_control": ("cpu_control", _control),
    "priority": ("priority", _priority),
    "shrink_memory": ("shrink_memory", _flag),
}
"""Name in the API → the same; numbers are taken as well as their text."""
_NUMBERS: Final = ("cpu_min", "cpu_max", "memory_min", "memory_max", "cpu_weight", "priority")


def checked_fields(fields: Mapping[str, object]) -> dict[str, object]:
    """Policy fields of an API body, cleaned for keeping: JSON values, null fields left out.

    Raises :class:`InvalidInput` with every fault at once.
    """
    kept: dict[str, object] = {}
    faults: list[Fault] = []
    for name, value in fields.items():
        if name not in FIELDS:
            near = get_close_matches(str(name), FIELDS, 1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(FIELDS)}"
            faults.append(Fault(shown(name).strip("'"), f"is not a policy field; {hint}"))
        elif value is not None:
            try:
                FIELDS[name][1](_text_of(name, value))
            except ValueError as fault:
                faults.append(Fault(name, f"{shown(value)} {fault}"))
            else:
                kept[name] = value
    for low, high in (("cpu_min", "cpu_max"), ("memory_min", "memory_max")):
        if low in kept and high in kept and not faults:
            least, most = (FIELDS[n][1](_text_of(n, kept[n])) for n in (low, high))
            if least > most:
                faults.append(Fault(low, f"is above {high}: lower one or raise the other"))
    if faults:
        raise InvalidInput(tuple(faults))
    return kept


def _text_of(name: str, value: object) -> str:
    """The text that the parser of a field reads; a value of a wrong JSON type is a fault."""
    if isinstance(value, bool):
        if name == "shrink_memory":
            return "true" if value else "false"
    elif isinstance(value, str):
        return value
    elif isinstance(value, (int, float)) and name in _NUMBERS and isfinite(value):
        return str(int(value)) if float(value).is_integer() and name != "shrink_memory" else str(value)
    raise ValueError("is of a wrong type")


def effective(settings: LimitSettings, target: Target, fields: Mapping[str, object], prefix: str) -> Policy:
    """Policy of one container: settings, its own labels over them, API ``fields`` over both, caps over all."""
    values: dict[str, Any] = {"shrink_memory": settings.shrink_memory}
    sources = {"mode": "config", "shrink_memory": "config" if settings.shrink_memory else "default"}
    faults: list[str] = []
    try:
        values["mode"] = _mode(settings.mode)
    except ValueError as fault:
        faults.append(f"limits.mode = {shown(settings.mode)} {fault}.")
    try:
        values["cpu_control"], sources["cpu_control"] = _control(settings.cpu_control), "config"
    except ValueError as fault:
        faults.append(f"limits.cpu_control = {shown(settings.cpu_control)} {fault}.")
    if target.id.runtime == "systemd" and values.get("mode") is Mode.AUTO:
        values["mode"], sources["mode"] = Mode.OBSERVE, "default"  # a service is put under auto by its name only
    for name, text in sorted(target.own_labels().items()):
        if name.startswith(prefix):
            _take_label(name[len(prefix) :], text, prefix, values, sources, faults)
    for name, value in fields.items():
        if name not in FIELDS or value is None:
            continue
        field, parse = FIELDS[name]
        try:
            values[field], sources[field] = parse(_text_of(name, value)), "api"
        except ValueError as fault:
            faults.append(f"Policy field {name} = {shown(value)} {fault}.")
    _cap(settings, values, sources, faults)
    _order(values, sources, faults)
    return Policy(**values, sources=sources, faults=tuple(faults))


def _take_label(
    short: str, text: str, prefix: str, values: dict[str, Any], sources: dict[str, str], faults: list[str]
) -> None:
    if short in LABELS:
        field, parse = LABELS[short]
        try:
            values[field], sources[field] = parse(text), "label"
        except ValueError as fault:
            faults.append(f"Label {prefix}{short} = {shown(text)} {fault}.")
    elif short not in OTHER_LABELS:
        near = get_close_matches(short, [*LABELS, *OTHER_LABELS], 1, cutoff=0.75)
        if near:
            faults.append(f"Label {shown(prefix + short)} is not known: did you mean {prefix}{near[0]}?")


def _cap(settings: LimitSettings, values: dict[str, Any], sources: dict[str, str], faults: list[str]) -> None:
    """Host-wide caps: nothing named on a container reaches above them."""
    caps: list[tuple[str, float]] = []
    if settings.cpu_max > 0:
        caps.append(("cpu", settings.cpu_max))
    if settings.memory_max:
        try:
            caps.append(("memory", parse_memory(settings.memory_max)))
        except ValueError as fault:
            faults.append(f"limits.memory_max = {shown(settings.memory_max)} {fault}.")
    for knob, cap in caps:
        for field in (f"{knob}_min", f"{knob}_max"):
            named = values.get(field)
            if (named is None and field.endswith("_max")) or (named is not None and named > cap):
                values[field], sources[field] = cap, "config"


def _order(values: dict[str, Any], sources: dict[str, str], faults: list[str]) -> None:
    """A minimum above the maximum is not used."""
    for knob, say in (("cpu", say_cores), ("memory", say_bytes)):
        least, most = values.get(f"{knob}_min"), values.get(f"{knob}_max")
        if least is not None and most is not None and least > most:
            faults.append(
                f"The {knob} minimum of {say(least)} is above its maximum of {say(most)}: the minimum is not used."
            )
            del values[f"{knob}_min"]
            sources.pop(f"{knob}_min", None)
