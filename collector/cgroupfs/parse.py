"""Kernel text to numbers. Pure: bytes in, values out; whatever is not as documented is :class:`Malformed`.

A parser is ``parse(text, fields)``: it puts what it found into ``fields`` under the names of
:class:`model.reading.CgroupReading`, and puts nothing where the kernel did not say. Keys that it does not
know (a newer kernel's) are passed over. Sources: Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/*.rst,
Documentation/accounting/psi.rst, Documentation/filesystems/proc.rst.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

from model.errors import Malformed
from model.reading import Interface, IoDevice


class Fields(dict[str, Any]):
    """Values found so far, by name of the reading's field. They stay from tick to tick: a file whose text is the
    same as before is not parsed again. ``scratch``: what one parser leaves for another."""

    __slots__ = ("scratch",)

    def __init__(self, names: Iterable[str] = ()) -> None:
        """``names``: fields that are there from the start, unknown (None), and so in this order."""
        super().__init__(dict.fromkeys(names))
        self.scratch: dict[str, dict[str, tuple[int, int]]] = {}


Parser = Callable[[bytes, Fields], None]
Into = str | tuple[str, int]
"""Field of the reading, or the field and the factor to its unit."""


MAX_LAYOUTS = 16
MAX_CPUS = 65_536
"""More than any kernel can be built for."""


def number(text: bytes) -> int:
    """One whole number, zero or more."""
    stripped = text.strip()
    if not stripped.isdigit() or len(stripped) > 30:
        raise Malformed(f"expected a whole number, got {text[:40]!r}")
    return int(stripped)


@lru_cache(maxsize=256)
def cpu_list(text: bytes) -> frozenset[int]:
    """Numbers of processors, as ``0-3,8`` (cpuset(7), "List format"). The same text gives the same set."""
    cpus: set[int] = set()
    for part in text.split(b","):
        first, dash, last = part.partition(b"-")
        low = number(first)
        high = number(last) if dash else low
        if not low <= high < MAX_CPUS:
            raise Malformed(f"expected a list of processors, got {text[:40]!r}")
        cpus.update(range(low, high + 1))
    return frozenset(cpus)


def one(field: str, factor: int = 1) -> Parser:
    """A file that holds one number."""

    def parse(text: bytes, fields: Fields) -> None:
        fields[field] = number(text) * factor

    return parse


def keyed_words(text: bytes) -> list[bytes]:
    """Words of a flat keyed file (``key value`` lines); an odd number of them is a torn text."""
    words = text.split()
    if len(words) % 2:
        raise Malformed(f"expected pairs of key and value, got {text[:40]!r}")
    return words


class Layout(NamedTuple):
    """Where the wanted keys stand in a flat keyed file of a given number of words."""

    keys_of: Callable[[list[bytes]], tuple[bytes, ...]]
    keys: tuple[bytes, ...]
    values_of: Callable[[list[bytes]], Any]
    fields: tuple[str, ...]
    factors: tuple[tuple[str, int], ...]
    """Only of fields whose factor is not 1."""


class Keyed:
    """Parser of a flat keyed file that learns where its keys stand and then only checks them.

    ``keys``: key in the file → :data:`Into`. Positions are learnt per number of
    words, so that kernels and cgroups with other keys live side by side. A key that is absent leaves its
    field alone. Not a function because it remembers; it is shared by all cgroups and used by one thread.
    """

    __slots__ = ("_keys", "_learnt", "_optional")

    def __init__(self, keys: Mapping[str, Into], *, optional: bool = False) -> None:
        self._optional = optional
        pairs = {key.encode(): (to, 1) if isinstance(to, str) else to for key, to in keys.items()}
        self._keys = pairs
        self._learnt: dict[int, Layout] = {}

    def __call__(self, text: bytes, fields: Fields) -> None:
        words = keyed_words(text)
        layout = self._learnt.get(len(words))
        if layout is None or layout.keys_of(words) != layout.keys:
            layout = self._learn(words)
            if layout is None:
                return
        try:
            fields.update(zip(layout.fields, map(int, layout.values_of(words)), strict=True))
        except ValueError:
            raise Malformed(f"expected whole numbers, got {text[:60]!r}") from None
        for field, factor in layout.factors:
            fields[field] *= factor

    def _learn(self, words: list[bytes]) -> Layout | None:
        """Find the keys; None for an empty file. One without any of them is the wrong file, unless ``optional``."""
        at = {words[i]: i for i in range(0, len(words), 2) if words[i] in self._keys}
        if not at:
            if words and not self._optional:
                raise Malformed(f"none of the expected keys: {b' '.join(words)[:60]!r}")
            return None
        places, keys = list(at.values()), list(at)
        if len(places) == 1:  # itemgetter of one index gives no tuple
            places, keys = places * 2, keys * 2
        known = [self._keys[key] for key in keys]
        layout = Layout(
            itemgetter(*places),
            tuple(keys),
            itemgetter(*(i + 1 for i in places)),
            tuple(field for field, _ in known),
            tuple({field: factor for field, factor in known if factor != 1}.items()),
        )
        if len(self._learnt) >= MAX_LAYOUTS:
            self._learnt.clear()
        self._learnt[len(words)] = layout
        return layout


def pressure(resource: str) -> Parser:
    """``<resource>.pressure``: the ``total`` of ``some`` and ``full``, microseconds of stall since boot."""
    some, full = f"{resource}_pressure_some_us", f"{resource}_pressure_full_us"

    def parse(text: bytes, fields: Fields) -> None:
        words = text.split()
        try:
            if words[0] != b"some" or words[4][:6] != b"total=":
                raise Malformed(f"{resource}.pressure: got {text[:40]!r}")
            fields[some] = int(words[4][6:])
            if len(words) > 5:  # kernels before 5.13 have no "full" for CPU
                if words[5] != b"full" or words[9][:6] != b"total=":
                    raise Malformed(f"{resource}.pressure: got {text[:40]!r}")
                fields[full] = int(words[9][6:])
        except (IndexError, ValueError):
            raise Malformed(f"{resource}.pressure: got {text[:40]!r}") from None

    return parse


def io_stat(text: bytes, fields: Fields) -> None:
    """v2 ``io.stat``: ``MAJ:MIN rbytes=… wbytes=… rios=… wios=… …`` a device; a device may have no values."""
    devices = []
    for line in text.splitlines():
        words = line.split()
        if not words:
            continue
        values = dict(word.partition(b"=")[::2] for word in words[1:])
        if b":" not in words[0] or b"" in values.values():
            raise Malformed(f"io.stat: got {line[:60]!r}")
        if b"rbytes" not in values:
            continue
        try:
            devices.append(
                IoDevice(
                    words[0].decode(),
                    int(values[b"rbytes"]),
                    int(values[b"wbytes"]),
                    int(values[b"rios"]),
                    int(values[b"wios"]),
                )
            )
        except (KeyError, ValueError):
            raise Malformed(f"io.stat: got {line[:60]!r}") from None
    fields["io_devices"] = tuple(devices)


def blkio(text: bytes) -> dict[str, tuple[int, int]]:
    """A v1 blkio file (``8:0 Read 123`` lines): device → (read, write). ``Total`` and others are passed over."""
    devices: dict[str, tuple[int, int]] = {}
    for line in text.splitlines():
        words = line.split()
        if not words or (len(words) == 2 and words[0] == b"Total"):
            continue
        if len(words) != 3 or b":" not in words[0]:
            raise Malformed(f"blkio: got {line[:60]!r}")
        try:
            device, value = words[0].decode(), int(words[2])
        except ValueError:
            raise Malformed(f"blkio: got {line[:60]!r}") from None
        read, write = devices.get(device, (0, 0))
        if words[1] == b"Read":
            read = value
        elif words[1] == b"Write":
            write = value
        devices[device] = (read, write)
    return devices


def join_blkio(fields: Fields) -> None:
    """``io_service_bytes`` and ``io_serviced`` make the devices together; with one alone there are none."""
    amounts, counts = fields.scratch.get("bytes"), fields.scratch.get("operations")
    if amounts is None or counts is None:
        return
    devices = []
    for device in sorted(amounts.keys() | counts.keys()):
        (read_bytes, write_bytes), (reads, writes) = amounts.get(device, (0, 0)), counts.get(device, (0, 0))
        devices.append(IoDevice(device, read_bytes, write_bytes, reads, writes))
    fields["io_devices"] = tuple(devices)


def network_devices(text: bytes) -> tuple[Interface, ...]:
    """``net/dev``: every interface but the loopback (proc_pid_net(5); two heading lines)."""
    interfaces = []
    for line in text.splitlines()[2:]:
        name, colon, rest = line.partition(b":")
        words = rest.split()
        if not colon or len(words) < 16:
            raise Malformed(f"net/dev: got {line[:60]!r}")
        name = name.strip()
        if name == b"lo":
            continue
        try:
            v = [int(word) for word in words[:16]]
        except ValueError:
            raise Malformed(f"net/dev: got {line[:60]!r}") from None
        interfaces.append(Interface(name.decode("utf-8", "replace"), v[0], v[1], v[2], v[3], v[8], v[9], v[10], v[11]))
    return tuple(interfaces)
