"""What the alerting routes take."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

Globs = Annotated[list[Annotated[str, Meta(min_length=1, max_length=200)]], Meta(max_length=100)]
Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$")]
Seconds = Annotated[float, Meta(ge=0, le=604_800)]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Item = dict[str, Any]
Kind = Literal["webhook", "alertmanager", "slack", "discord", "ntfy", "pagerduty", "apprise"]


class AlertsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    state: Literal["pending", "firing", "resolved"] | None = None
    since: Annotated[str, Meta(description="for resolved: how far back; -24h unless told")] | None = None
    limit: Annotated[int, Meta(ge=1, le=10_000)] = 1000
    host: str | None = None


class NewHours(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    rename={"since": "from", "until": "to"},
):
    """Hours that recur. ``from``, ``to``: a time of day such as 02:00; past midnight where ``to`` is earlier.
    ``days``: on which they begin; every day unless told. ``zone``: the host's own unless told."""

    since: Annotated[str, Meta(max_length=5)] = ""
    until: Annotated[str, Meta(max_length=5)] = ""
    days: Annotated[list[Day], Meta(max_length=7)] = []
    zone: Annotated[str, Meta(max_length=100)] = ""


class NewSilence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Quiet for alerts that match every list given; ``duration_s`` or ``ends_at`` says how long, from ``starts_at`` on
    (now unless told). With ``hours`` only then, again and again until the end."""

    comment: Annotated[str, Meta(max_length=1000)] = ""
    rules: Globs = []
    name: Globs = []
    group: Globs = []
    host: Globs = []
    duration_s: Annotated[float, Meta(gt=0, le=31_536_000)] | None = None
    starts_at: str | None = None
    ends_at: str | None = None
    hours: NewHours | None = None


class NewReplay(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``toml``: rules as in a rule file; without it those of the configuration. ``since``: such as -24h."""

    since: Annotated[str, Meta(max_length=40)] = "-24h"
    toml: Annotated[str, Meta(max_length=100_000)] = ""


class ReceiverChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The receiver anew; without ``secret`` it sends unsigned. ``match``: label name to accepted values.
    ``repeat_s``: told again so often of what still fires, unacknowledged. ``escalate_after_s``: told only of what
    fired unacknowledged for so long."""

    kind: Kind
    url: Annotated[str, Meta(min_length=1, max_length=2000)]
    secret: Annotated[str, Meta(max_length=1000)] = ""
    match: dict[str, list[str]] = {}
    repeat_s: Seconds = 0.0
    escalate_after_s: Seconds = 0.0


class NewReceiver(ReceiverChange, frozen=True, kw_only=True):
    """The same with its name."""

    name: Name


class DeliveriesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    receiver: str | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 200
