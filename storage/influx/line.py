"""Line protocol: one tick as text, every value a float, every name safe. Pure.

Measurements, all with the tag ``host`` and times in milliseconds:

``container``        tags ``container`` (name) and ``service``; one field a catalogue metric
``container_10s``    the same tags, rolled up, four fields a metric (see ``rollups.py``); ``_1m`` and ``_1h`` too
``container_info``   the same tags; fields ``id name runtime image group``; once a minute
``container_began``  the same, written only at the moment a name got this container (or the agent started)
``host``             one field a host metric (``host_disk_used_ratio{/mount}`` keeps its braces);
                     ``host_10s``, ``host_1m``, ``host_1h`` rolled up
``host_info``        fields ``cgroup`` and ``interval_s``; once a minute
``event``            tags ``container``, ``kind``, ``service`` and ``n`` (order within one millisecond);
                     fields ``id name detail event_id``, the detail as JSON

The full container id is a field, never a tag: a name that is recreated a thousand times stays one series.
All tags are on every line, for InfluxDB 3 fixes the tag set of a table with its first line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from model.event import Event
from model.sample import HOST_KEY, Snapshot
from model.target import Target
from storage.influx.fields import NOBODY, TEXT_BYTES, plain, rollup_template, tags, template, text_field
from storage.influx.rollups import SUFFIXES, Ladder, Part

INFO_EVERY_MS: Final = 60_000
TEMPLATES: Final = 4096


@dataclass(slots=True)
class _Known:
    """What is remembered of one container between two ticks."""

    target: Target
    tag: str
    prefix: str
    info: str
    due_ms: int
    ladder: Ladder
    names: tuple[str, ...] = ()
    form: str = ""


class LineEncoder:
    """Turns snapshots and events into lines; remembers tag prefixes and when info lines are due.

    One encoder a spool, used by the tick thread alone (events: under the spool's lock).
    """

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}
        self._owners: dict[str, str] = {}
        self._templates: dict[tuple[str, ...], tuple[tuple[str, ...], str]] = {}
        self._host: tuple[str | None, str, str] = (None, "", "")
        self._host_due_ms = 0
        self._moment: tuple[int, dict[tuple[str, str], int]] = (0, {})
        self._rollup_templates: dict[tuple[str, ...], str] = {}
        self._host_ladder = Ladder("")
        self._restored: dict[str, Ladder] = {}

    def snapshot(self, snapshot: Snapshot) -> list[str]:
        """Lines of one tick, without line ends. A value that is not a finite number is left out."""
        at = snapshot.at_ms
        lines = self._host_lines(snapshot)
        known, targets = self._known, snapshot.targets
        for name, sample in snapshot.samples.items():
            target = targets.get(name)
            if target is None or name == HOST_KEY:
                continue
            entry = known.get(name)
            if entry is None or (entry.target is not target and _identity(entry.target) != _identity(target)):
                entry = known[name] = self._meet(snapshot, target, lines)
                lines.append(f"container_began{entry.prefix} {entry.info} {at}")
            values = plain(sample.values)
            if values:
                if tuple(values) != entry.names:
                    entry.names, entry.form = self._form(values)
                form, row = entry.form, tuple(values.values())
                lines.append(f"container{entry.prefix} {form % row} {at}")
                if closed := entry.ladder.add(at, (entry.names, row)):
                    lines += self._rolled("container", entry.prefix, closed)
            if at >= entry.due_ms or at < entry.due_ms - INFO_EVERY_MS:
                entry.due_ms = at + INFO_EVERY_MS
                lines.append(f"container_info{entry.prefix} {entry.info} {at}")
        if len(known) > len(snapshot.samples):
            self._forget(snapshot, lines)
        if self._restored:
            lines += self._orphans()
        return lines + self.events(snapshot.events)

    def fields(self, values: Mapping[str, float]) -> str:
        """``name=value,…``; empty when no value is a finite number."""
        values = plain(values)
        return self._form(values)[1] % tuple(values.values())

    def saved(self) -> dict[str, list[Any]]:
        """The open roll-ups by container id (the host's by :data:`HOST_KEY`), for :meth:`restore`."""
        ladders = {name: entry.ladder for name, entry in self._known.items()}
        if self._host_ladder.tags:
            ladders[HOST_KEY] = self._host_ladder
        return {name: ladder.saved() for name, ladder in (self._restored | ladders).items() if ladder.is_open}

    def finish(self) -> list[str]:
        """Lines of every roll-up that is open: there is no next tick."""
        lines = self._orphans()
        for entry in self._known.values():
            lines += self._rolled("container", entry.prefix, entry.ladder.finish())
        return lines + self._rolled("host", self._host_ladder.tags, self._host_ladder.finish())

    def restore(self, ladders: Mapping[str, Ladder]) -> None:
        """Go on with roll-ups that another process left open; those of nobody are written at the next tick."""
        self._restored = dict(ladders)

    def _form(self, values: Mapping[str, float]) -> tuple[tuple[str, ...], str]:
        """The names, the same tuple for all that have the same, and their template."""
        names = tuple(values)
        found = self._templates.get(names)
        if found is None:
            if len(self._templates) >= TEMPLATES:
                self._templates.clear()
            found = self._templates[names] = (names, template(names))
        return found

    def _rolled(self, measurement: str, prefix: str, closed: Iterable[tuple[int, Part]]) -> list[str]:
        return [
            f"{measurement}{SUFFIXES[width]}{prefix} {self._rollup_fields(part)} {part.first_ms}"
            for width, part in closed
        ]

    def _rollup_fields(self, part: Part) -> str:
        form = self._rollup_templates.get(part.names)
        if form is None:
            if len(self._rollup_templates) >= TEMPLATES:
                self._rollup_templates.clear()
            form = self._rollup_templates[part.names] = rollup_template(part.names)
        return form % (*part.sums, *part.counts, *part.lows, *part.highs)

    def _orphans(self) -> list[str]:
        """Roll-ups that another process left open, of containers that are not here any more."""
        lines = []
        for name, ladder in self._restored.items():
            lines += self._rolled("host" if name == HOST_KEY else "container", ladder.tags, ladder.finish())
        self._restored = {}
        return lines

    def events(self, events: Iterable[Event]) -> list[str]:
        """Lines of events; those of one kind, container and millisecond are told apart by the tag ``n``."""
        lines = []
        for event in events:
            if self._moment[0] != event.at_ms:
                self._moment = (event.at_ms, {})
            name = event.name or NOBODY
            number = self._moment[1].get((event.kind, name), 0)
            self._moment[1][event.kind, name] = number + 1
            service = event.service or name
            prefix = tags(container=name, host=event.host, kind=event.kind, n=str(number), service=service)
            fields = (
                f"detail={text_field(_detail(event.detail))},event_id={event.id}"
                f",id={text_field(event.container_id)},name={text_field(event.name)}"
            )
            lines.append(f"event{prefix} {fields} {event.at_ms}")
        return lines

    def _host_lines(self, snapshot: Snapshot) -> list[str]:
        at = snapshot.at_ms
        if self._host[0] != snapshot.host:
            self._host = (snapshot.host, f"host{tags(host=snapshot.host)}", f"host_info{tags(host=snapshot.host)}")
            self._host_due_ms = at
        lines: list[str] = []
        values = plain(snapshot.host_sample.values)
        if values:
            names, form = self._form(values)
            row = tuple(values.values())
            lines.append(f"{self._host[1]} {form % row} {at}")
            ladder = self._ladder(HOST_KEY, tags(host=snapshot.host), self._host_ladder, lines)
            self._host_ladder = ladder
            lines += self._rolled("host", ladder.tags, ladder.add(at, (names, row)))
        if at >= self._host_due_ms or at < self._host_due_ms - INFO_EVERY_MS:
            self._host_due_ms = at + INFO_EVERY_MS
            info = f"cgroup={text_field(snapshot.cgroup)},interval_s={float(snapshot.interval_s)!r}"
            lines.append(f"{self._host[2]} {info} {at}")
        return lines

    def _ladder(self, name: str, series: str, old: Ladder | None, lines: list[str]) -> Ladder:
        """The open roll-ups of a series: those here, those of the process before, or none yet."""
        if old is not None and old.tags == series:
            return old
        if old is not None:
            lines += self._rolled("host" if name == HOST_KEY else "container", old.tags, old.finish())
        restored = self._restored.get(name)
        if restored is not None and restored.tags == series:
            return self._restored.pop(name)
        return Ladder(series)

    def _meet(self, snapshot: Snapshot, target: Target, lines: list[str]) -> _Known:
        """A container not seen before, or one whose identity changed."""
        tag = target.name or target.key[:12]
        owner = self._owners.get(tag)
        if owner is not None and owner != target.key and owner in snapshot.samples:
            tag = f"{tag}~{target.key[:12]}"
        self._owners[tag] = target.key
        info = {
            "group": target.group,
            "id": target.key,
            "image": target.image,
            "name": target.name,
            "runtime": target.id.runtime,
        }
        old = self._known.get(target.key)
        prefix = tags(container=tag, host=snapshot.host, service=target.service or tag)
        return _Known(
            target=target,
            tag=tag,
            prefix=prefix,
            info=",".join(f"{name}={text_field(value or '')}" for name, value in info.items()),
            due_ms=snapshot.at_ms,
            ladder=self._ladder(target.key, prefix, old.ladder if old else None, lines),
        )

    def _forget(self, snapshot: Snapshot, lines: list[str]) -> None:
        for name, entry in self._known.items():
            if name not in snapshot.samples:
                lines += self._rolled("container", entry.prefix, entry.ladder.finish())
        self._known = {k: entry for k, entry in self._known.items() if k in snapshot.samples}
        self._owners = {entry.tag: k for k, entry in self._known.items()}


def _identity(target: Target) -> tuple[object, ...]:
    return target.name, target.service, target.group, target.image, target.id.runtime


def _detail(detail: Mapping[str, object]) -> str:
    try:
        text = msgspec.json.encode(dict(detail)).decode()
    except (TypeError, ValueError):
        return "{}"
    return text if len(text) <= TEXT_BYTES // 2 else '{"cut":true}'
