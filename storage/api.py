"""Contracts of the stores. Rooms speak to these; only ``daemon`` knows which implementation stands behind.

All times are ms since the epoch. Every method may raise :class:`model.errors.StoreError`, whose text
says what to do; no other error leaves a store.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from model.alert import Alert, Delivery, Notification, Receiver, Silence, Transition
from model.change import AuditEntry, Change, Original
from model.event import Event
from model.sample import Snapshot
from model.target import Target

Aggregate = Literal["avg", "min", "max", "last", "sum"]


@dataclass(frozen=True, slots=True)
class SeriesQuery:
    """What to chart. ``metrics``: catalogue names. ``since_ms`` ≤ t < ``until_ms``.

    Who: any of ``containers`` (full ids), ``services``, ``groups`` — all empty: every container;
    ``of_host``: the host's own metrics instead. ``host`` narrows to one host. ``join_service``:
    one series a service over recreates (keyed by the newest container's id).
    ``step_ms`` or ``points`` fixes the bucket; neither: raw seconds.
    """

    metrics: tuple[str, ...]
    since_ms: int
    until_ms: int
    containers: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    host: str | None = None
    of_host: bool = False
    step_ms: int | None = None
    points: int | None = None
    join_service: bool = False


@dataclass(frozen=True, slots=True)
class SeriesColumn:
    """One metric of one target. The three lists are equally long; None is a gap.

    Of raw seconds all three are the same list.
    """

    host: str
    container: str
    """Full container id; empty for the host."""
    name: str
    metric: str
    unit: str
    avg: Sequence[float | None]
    min: Sequence[float | None]
    max: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class SeriesResult:
    """Columns over one common grid: point ``i`` covers ``t0_ms + i·step_ms`` up to the next."""

    t0_ms: int
    step_ms: int
    series: tuple[SeriesColumn, ...]


@dataclass(frozen=True, slots=True)
class KnownContainer:
    """A container that the store has seconds of, running or gone; ``latest`` are its last known values."""

    id: str
    host: str
    name: str
    runtime: str
    image: str | None
    group: str | None
    service: str | None
    first_ms: int
    last_ms: int
    latest: Mapping[str, float]


class SeriesWriter(Protocol):
    """The agent's side of the series. One writer a file; called from the tick thread alone."""

    @property
    def lost_rows(self) -> int:
        """Rows (one container, one second) lost since the start because the file took nothing for too long."""

    def append(self, snapshot: Snapshot) -> None:
        """Keep one tick: every sample, the host's, and the snapshot's events. Durable on return
        but for the last commits before a power loss."""

    def record(self, events: Sequence[Event]) -> None:
        """Keep events that came from elsewhere than a snapshot (limit changes, alerts)."""

    def upkeep(self, now_ms: int) -> None:
        """Retention and sealing that a worker may do between ticks; short, may be called often."""

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some minutes of one series as columns: ``columns[name][i]`` was at ``times[i]`` (growing, ms).

    ``target`` None: the host's own. At most 65,535 rows; some 300 make chunks as ticks would.
    """

    target: Target | None
    times: Sequence[int]
    columns: Mapping[str, Sequence[float]]


@dataclass(frozen=True, slots=True)
class StoreLook:
    """``fault``: what is wrong with the file as a whole, empty where nothing is. ``damaged``: unreadable chunks."""

    fault: str
    damaged: int


class HistoryWriter(Protocol):
    """Fills a new file with history before its first tick; the same file that ticks are appended to later."""

    def append_many(self, stretches: Sequence[Stretch], events: Sequence[Event] = ()) -> None:
        """Keep a stretch of each of many series, and events, in one transaction: sealed and rolled up at once.
        Each begins after all that is kept of its series; one that has no more of them for five minutes is over."""

    def close(self) -> None: ...


class SeriesReader(Protocol):
    """The readers' side; any number of them in any process. Thread-safe."""

    def query(self, query: SeriesQuery) -> SeriesResult: ...

    def hosts(self) -> tuple[str, ...]: ...

    def containers(
        self, *, seen_since_ms: int | None = None, metrics: tuple[str, ...] | None = None
    ) -> tuple[KnownContainer, ...]:
        """``metrics``: the latest values that are needed; None for all. A store to which the others cost nothing
        gives them too."""

    def events(
        self,
        *,
        since_ms: int | None = None,
        until_ms: int | None = None,
        container_id: str | None = None,
        kinds: tuple[str, ...] = (),
        after_id: int = 0,
        limit: int = 1000,
    ) -> tuple[Event, ...]:
        """Oldest first, ids growing."""

    def span(self) -> tuple[int, int] | None:
        """First and last second kept; None when empty."""

    def close(self) -> None: ...


class Recent(Protocol):
    """The last minutes, in memory, in the agent: what detectors and rule windows look at.

    Appended by the tick thread, read by it alone.
    """

    def append(self, snapshot: Snapshot) -> None: ...

    def latest(self) -> Snapshot | None: ...

    def window(self, key: str, metric: str, seconds: float) -> Sequence[tuple[int, float]]:
        """(at_ms, value) of the last ``seconds``, oldest first; a missing second is simply not there.
        ``key``: container id, or ``model.sample.HOST_KEY``."""

    def covered_s(self) -> float:
        """How many seconds of history there are."""


class Spool(Protocol):
    """Durable queue of line protocol in front of InfluxDB. Appended by the tick thread, drained by the sender."""

    def append(self, snapshot: Snapshot) -> None: ...

    def record(self, events: Sequence[Event]) -> None:
        """Queue events that came from elsewhere than a snapshot (limit changes, alerts). Any thread."""

    def take(self, max_lines: int) -> SpoolBatch | None:
        """The oldest lines not yet acknowledged; the same ones again until :meth:`done`."""

    def done(self, batch: SpoolBatch, *, rejected: bool = False, reason: str = "") -> None:
        """Forget the batch; a rejected one is kept aside as a dead letter."""

    def reject(self, lines: bytes, reason: str) -> None:
        """Keep some lines of a batch aside as a dead letter; the rest of it goes on."""

    def tend(self) -> None:
        """Look after what waits while the server does not take it. Called by the sender between its attempts."""

    def size_bytes(self) -> int:
        """Bytes that wait to be acknowledged."""

    def dropped_lines(self) -> int:
        """Lines lost at the size cap or on a full disk since the start."""

    def is_full(self) -> bool:
        """At the size cap: the oldest lines were dropped, and since then not all was sent."""

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class SpoolBatch:
    """``count`` lines of line protocol, and where they stand in the spool."""

    packed: bytes
    """Gzip members, joined: ready to be sent as they lie there, and unpacked only where a server refuses some."""
    count: int
    position: tuple[int, int, int]
    """Segment number, first byte, byte after the last."""


class StateStore(Protocol):
    """Alerts, outbox, audit, policies: everything that must survive a restart but is not a series.

    One writer process (the agent). Thread-safe. Each method is one transaction.
    """

    # alerting
    def alerts(self) -> tuple[Alert, ...]:
        """Every alert that is pending or firing."""

    def commit(
        self,
        transitions: Sequence[Transition],
        alerts: Sequence[Alert],
        notifications: Sequence[Notification],
    ) -> None:
        """Transitions, the new form of the alerts, and what is to be sent: together or not at all.
        A firing that still waits is dropped when its alert is resolved: what is over is not sent as firing. Its
        resolve, to the same receiver, is dropped with it unless the firing was attempted and may have arrived. Of
        LimitChanged, which tells of an event, nothing is dropped."""

    def alert_history(self, *, since_ms: int, limit: int = 1000) -> tuple[Transition, ...]:
        """Newest first."""

    def due(self, receiver: str, now_ms: int, limit: int = 100) -> tuple[Notification, ...]:
        """In order; of one alert only the oldest undelivered."""

    def bundle(self, head: Notification, limit: int = 100) -> tuple[Notification, ...]:
        """What goes out in one message with ``head``, in order, each with its ``message_id``, which is kept before
        this returns: a message that was attempted never grows, whatever joins its group later. Of each alert only the
        oldest undelivered; due or not, unless it was attempted already. Empty where ``head`` waits no more."""

    def undelivered(self) -> Mapping[str, int]:
        """Receiver → notifications that still wait."""

    def delivered(self, notification: Notification, delivery: Delivery) -> None:
        """Keep the new form of the notification and the log line of the attempt."""

    def deliveries(self, *, receiver: str | None = None, limit: int = 200) -> tuple[Delivery, ...]:
        """Newest first."""

    def silences(self, now_ms: int) -> tuple[Silence, ...]:
        """Those that have not ended, one that begins later included."""

    def put_silence(self, silence: Silence) -> None: ...

    def delete_silence(self, silence_id: str) -> bool: ...

    def receivers(self) -> tuple[Receiver, ...]:
        """Receivers made through the API, and disabled states of configured ones."""

    def put_receiver(self, receiver: Receiver) -> None: ...

    def delete_receiver(self, name: str) -> bool: ...

    # limits
    def put_change(self, change: Change) -> None:
        """Insert, or replace the one with the same id: the journal. Durable (synchronous) on return."""

    def change(self, change_id: str) -> Change | None: ...

    def changes(
        self,
        *,
        container_id: str | None = None,
        since_ms: int | None = None,
        statuses: tuple[str, ...] = (),
        limit: int = 200,
        before_id: str | None = None,
    ) -> tuple[Change, ...]:
        """Newest first."""

    def originals(self) -> Mapping[str, Original]: ...

    def put_original(self, original: Original) -> None:
        """Kept only if the container has none yet."""

    def replace_original(self, original: Original) -> None:
        """The owner changed the limits by hand: that is the original from now on."""

    def policies(self) -> Mapping[str, Mapping[str, object]]:
        """Service identity → the fields set through the API."""

    def put_policy(self, service: str, fields: Mapping[str, object]) -> None: ...

    def delete_policy(self, service: str) -> bool: ...

    # all
    def audit(self, at_ms: int, actor: str, action: str, subject: str, detail: Mapping[str, object]) -> None: ...

    def audit_entries(self, *, since_ms: int | None = None, limit: int = 200) -> tuple[AuditEntry, ...]:
        """Newest first."""

    def value(self, key: str) -> object:
        """Small named JSON values (``limits.pause``, learnt histograms, …); None when not set."""

    def put_value(self, key: str, value: object) -> None: ...

    def close(self) -> None: ...


Role = Literal["viewer", "operator", "admin"]


@dataclass(frozen=True, slots=True)
class User:
    """``password_hash`` empty: no password opens this account. ``subject``: who the sign-in provider says it is
    (issuer and subject, separated by a space); empty: the account is of this dashboard alone."""

    name: str
    role: Role
    password_hash: str
    created_at_ms: int
    disabled: bool = False
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Session:
    """``id_hash``: sha256 of the random cookie value, which is stored nowhere."""

    id_hash: str
    user: str
    role: Role
    created_at_ms: int
    seen_at_ms: int
    expires_at_ms: int


@dataclass(frozen=True, slots=True)
class Token:
    """``token_hash``: sha256 of the token, which is shown once and stored nowhere."""

    id: str
    name: str
    role: Role
    token_hash: str
    created_by: str
    created_at_ms: int
    expires_at_ms: int | None
    last_used_at_ms: int | None


class AuthStore(Protocol):
    """Users, sessions and tokens: the web process's own file. Thread-safe."""

    def users(self) -> tuple[User, ...]: ...

    def user(self, name: str) -> User | None: ...

    def put_user(self, user: User) -> None:
        """Insert or replace."""

    def delete_user(self, name: str) -> bool:
        """Its sessions go with it."""

    def session(self, id_hash: str) -> Session | None: ...

    def put_session(self, session: Session) -> None: ...

    def delete_session(self, id_hash: str) -> bool: ...

    def delete_sessions_of(self, user: str) -> None: ...

    def expire_sessions(self, now_ms: int) -> None: ...

    def tokens(self) -> tuple[Token, ...]: ...

    def token(self, token_hash: str) -> Token | None: ...

    def put_token(self, token: Token) -> None: ...

    def delete_token(self, token_id: str) -> bool: ...

    def value(self, key: str) -> str | None: ...

    def put_value(self, key: str, value: str | None) -> None: ...

    def close(self) -> None: ...
