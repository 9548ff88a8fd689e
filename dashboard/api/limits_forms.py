"""What may be asked and ordered about limits."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Cores = Annotated[float, Meta(ge=0.01, le=4096)]
Bytes = Annotated[int, Meta(ge=6 << 20, le=1 << 50)]
Size = Annotated[str, Meta(pattern=r"^[0-9.]+[a-zA-Z]*$", max_length=20, description="512m, 2g")]
Weight = Annotated[int, Meta(ge=1, le=10_000)]
Hold = Annotated[float, Meta(ge=0, le=31_536_000)]


class NewLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Each knob optional, at least one of them. ``dry_run``: say what would be done."""

    cpu_cores: Cores | Literal["unlimited"] | None = None
    memory_bytes: Bytes | None = None
    cpu_weight: Weight | None = None
    reason: Annotated[str, Meta(max_length=500)] = ""
    hold_s: Hold | None = None
    dry_run: bool = False


class RecommendationsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    host: str | None = None
    format: Annotated[
        Literal["json", "compose", "docker"], Meta(description="compose: limits of a compose file; docker: commands")
    ] = "json"


class ChangesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    container: str | None = None
    host: str | None = None
    since: str | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 200
    cursor: str | None = None


class UndoWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of both: everything that was changed on a container, or on all of them."""

    container: str | None = None
    all: bool = False


class NewPause(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``hold_s``: the switch opens by itself after that long."""

    paused: bool
    reason: Annotated[str, Meta(max_length=500)] = ""
    hold_s: Hold | None = None


class NewPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"work_class": "class"}):
    """Fields that are left out keep what they are; null takes back what was set here."""

    mode: Literal["off", "observe", "auto"] | msgspec.UnsetType | None = msgspec.UNSET
    work_class: Literal["latency", "balanced", "dense"] | msgspec.UnsetType | None = msgspec.UNSET
    cpu_min: Cores | msgspec.UnsetType | None = msgspec.UNSET
    cpu_max: Cores | msgspec.UnsetType | None = msgspec.UNSET
    memory_min: Bytes | Size | msgspec.UnsetType | None = msgspec.UNSET
    memory_max: Bytes | Size | msgspec.UnsetType | None = msgspec.UNSET
    cpu_weight: Weight | msgspec.UnsetType | None = msgspec.UNSET
    cpu_control: Literal["quota", "weight"] | msgspec.UnsetType | None = msgspec.UNSET
    priority: Annotated[int, Meta(ge=-1000, le=1000)] | msgspec.UnsetType | None = msgspec.UNSET
    shrink_memory: bool | msgspec.UnsetType | None = msgspec.UNSET
