"""Delivers what the engine queued: at least once, in order per alert, through restarts.

A message is marked as delivered only after the receiver's answer, so that a crash between the two sends it again, with
the same ``webhook-id``.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace

from alerts.grouping import group_of
from alerts.notify import apprise
from alerts.notify.http import Poster
from alerts.notify.kinds import NOTIFIERS
from alerts.notify.networks import Networks
from alerts.notify.notifier import Answer, Bundle, Message, Notifier
from alerts.schedule import GIVE_UP_MS, next_try_ms
from alerts.words import plain
from model.alert import Alert, AlertState, Delivery, DeliveryState, Notification, Receiver, Severity
from model.errors import NotThere
from model.identity import fingerprint
from storage.api import StateStore

log = logging.getLogger(__name__)

IDLE_S = 1.0
"""How long a delivery job sleeps when nothing is due; the engine's ``wake`` shortens it."""
BATCH = 20


class Dispatcher:
    """One delivery job a receiver (:meth:`deliver`); any number of threads, each for a receiver of its own.

    ``receivers``: those in force now. ``changed``: called after a receiver was disabled; the daemon sets it to make the
    engine see it. ``denied``: networks that receivers made through the API may not reach. ``clock``: seconds, to
    measure how long an attempt took.
    """

    def __init__(
        self,
        state: StateStore,
        receivers: Callable[[], tuple[Receiver, ...]],
        host: str,
        public_url: str = "",
        *,
        timeout_s: float = 15.0,
        denied: Callable[[], Networks] = tuple,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.changed: Callable[[], None] = lambda: None
        self._state, self._receivers = state, receivers
        self._host, self._public_url = host, public_url
        self._timeout_s, self._clock, self._denied = timeout_s, clock, denied
        self._poster = Poster(timeout_s)
        self._repeated_ms: dict[str, int] = {}
        self._failing: dict[str, int] = {}

    def deliver(self, receiver_name: str, now_ms: int) -> float:
        """Try the oldest due message of this receiver; a job. Returns 0 while more may be due.

        A receiver that is no more loses its queue; one that is disabled keeps it for a day.
        """
        receiver = self._find(receiver_name)
        if receiver is None or not receiver.enabled:
            self._drop(receiver_name, now_ms, "the receiver is disabled" if receiver else "the receiver was removed")
            return IDLE_S
        due = self._state.due(receiver_name, now_ms, limit=1)
        if not due:
            self._repeat(receiver, now_ms)
            return IDLE_S
        if together := self._state.bundle(due[0]):
            self._attempt(receiver, self._bundle(receiver, together), now_ms)
        return 0.0

    def test(self, receiver_name: str, now_ms: int) -> Delivery:
        """Send a message that says it is a test, past the queue; log and give the answer. Raises NotThere."""
        receiver = self._find(receiver_name)
        if receiver is None:
            raise NotThere(f"there is no receiver {receiver_name}")
        alert = sample_alert(self._host, receiver_name, now_ms)
        notification = Notification(
            id=f"msg_{fingerprint(('test', receiver_name, str(now_ms)))}",
            sequence=0,
            receiver=receiver_name,
            alert_id=alert.id,
            status="firing",
            created_at_ms=now_ms,
            alert=alert,
        )
        answer, duration_s = self._send(receiver, Bundle(notification.id, (notification,)), now_ms)
        if answer.state is DeliveryState.RETRY:
            answer = replace(answer, state=DeliveryState.REJECTED)
        delivery = log_line(notification, notification.id, answer, duration_s, now_ms)
        self._state.delivered(replace(notification, attempts=1, state=delivery.state), delivery)
        if keeps_open(receiver) and delivery.state is DeliveryState.ACCEPTED:
            over = replace(alert, state=AlertState.RESOLVED, ended_at_ms=now_ms)
            end = replace(notification, id=f"{notification.id}r", status="resolved", alert=over)
            self._send(receiver, Bundle(end.id, (end,)), now_ms)
        return delivery

    def drop_orphans(self, now_ms: int) -> int:
        """Put aside what waits for receivers that are no more; how many receivers those were."""
        known = {receiver.name for receiver in self._receivers()}
        orphans = [name for name in self._state.undelivered() if name not in known]
        for name in orphans:
            self._drop(name, now_ms, "the receiver was removed")
        return len(orphans)

    def close(self) -> None:
        """End what is in flight; it is sent again at the next start."""
        self._poster.close()

    def _find(self, name: str) -> Receiver | None:
        return next((receiver for receiver in self._receivers() if receiver.name == name), None)

    def _bundle(self, receiver: Receiver, together: tuple[Notification, ...]) -> Bundle:
        """What goes out in one message, and whether anything else of its group still fires."""
        first, inside = together[0], {n.alert_id for n in together}
        message = Bundle(first.message_id or first.id, together)
        if message.firing or not (first.group or keeps_open(receiver)):
            return message
        group = group_of(first.alert)
        others = (a for a in self._state.alerts() if a.state is AlertState.FIRING and a.id not in inside)
        return replace(message, others_fire=any(receiver.name in a.told and group_of(a) == group for a in others))

    def _attempt(self, receiver: Receiver, bundle: Bundle, now_ms: int) -> None:
        answer, duration_s = self._send(receiver, bundle, now_ms)
        for notification in bundle.notifications:
            self._settle(notification, bundle.id, answer, duration_s, now_ms)
        self._report(receiver, answer.state, answer.detail)
        if answer.gone:
            self._state.put_receiver(replace(receiver, enabled=False))
            self._state.audit(now_ms, "wharfinger", "receiver.disable", receiver.name, {"reason": answer.detail})
            self.changed()

    def _settle(
        self, notification: Notification, message_id: str, answer: Answer, duration_s: float, now_ms: int
    ) -> None:
        """Keep what became of one notification of a message."""
        attempts = notification.attempts + 1
        next_ms: int | None = now_ms
        if answer.state is DeliveryState.RETRY:
            # Rows of one message are tried again together: the first of them sets the time.
            next_ms = next_try_ms(replace(notification, id=message_id), attempts, now_ms, answer.retry_after_s)
            if next_ms is None:
                detail = f"given up after a day: {answer.detail}"
                answer = replace(answer, state=DeliveryState.REJECTED, detail=detail)
        tried = replace(
            notification,
            attempts=attempts,
            next_try_at_ms=now_ms if next_ms is None else next_ms,
            state=answer.state,
            last_error="" if answer.state is DeliveryState.ACCEPTED else answer.detail,
        )
        self._state.delivered(tried, log_line(notification, message_id, answer, duration_s, now_ms))

    def _send(self, receiver: Receiver, bundle: Bundle, now_ms: int) -> tuple[Answer, float]:
        """One attempt, and how many seconds it took."""
        notifier = NOTIFIERS.get(receiver.kind)
        began = self._clock()
        if notifier is None:
            answer = Answer(DeliveryState.REJECTED, f"the kind {plain(receiver.kind, 40)} is not known")
        else:
            answer = self._transport(
                receiver, notifier, notifier.write(receiver, bundle, self._public_url, now_ms), now_ms
            )
        return answer, max(0.0, self._clock() - began)

    def _transport(self, receiver: Receiver, notifier: Notifier, message: Message, now_ms: int) -> Answer:
        if notifier.is_http:
            return self._poster.send(message, now_ms, self._denied() if receiver.source == "api" else ())
        return apprise.send(message, self._timeout_s)

    def _repeat(self, receiver: Receiver, now_ms: int) -> None:
        """Tell a receiver that forgets what still fires; what fails is told again next time anyway."""
        notifier = NOTIFIERS.get(receiver.kind)
        if notifier is None or notifier.repeat is None:
            return
        if now_ms - self._repeated_ms.setdefault(receiver.name, now_ms) < notifier.repeat_s * 1000:
            return
        self._repeated_ms[receiver.name] = now_ms
        firing = [a for a in self._state.alerts() if a.state is AlertState.FIRING and receiver.name in a.told]
        if firing:
            answer = self._transport(
                receiver, notifier, notifier.repeat(receiver, firing, self._public_url, now_ms), now_ms
            )
            self._report(receiver, answer.state, answer.detail)

    def _drop(self, receiver_name: str, now_ms: int, reason: str) -> None:
        """Put aside what waits for a receiver that takes nothing: at once where it was removed, else after a day."""
        removed = self._find(receiver_name) is None
        for notification in self._state.due(receiver_name, now_ms, limit=BATCH):
            if not removed and now_ms - notification.created_at_ms < GIVE_UP_MS:
                continue
            delivery = log_line(notification, notification.id, Answer(DeliveryState.REJECTED, reason), 0.0, now_ms)
            self._state.delivered(replace(notification, state=DeliveryState.REJECTED, last_error=reason), delivery)

    def _report(self, receiver: Receiver, state: DeliveryState, detail: str) -> None:
        """Say once that a receiver fails and once that it works again."""
        failed = self._failing.get(receiver.name, 0)
        if state is DeliveryState.ACCEPTED:
            if self._failing.pop(receiver.name, 0):
                log.info("receiver %s takes notifications again, after %d failed attempts", receiver.name, failed)
            return
        self._failing[receiver.name] = failed + 1
        if not failed:
            log.warning("receiver %s did not take a notification (%s); see the delivery log", receiver.name, detail)


def keeps_open(receiver: Receiver) -> bool:
    """Whether what it was told firing stays there until it is told resolved."""
    notifier = NOTIFIERS.get(receiver.kind)
    return notifier is not None and notifier.keeps_open


def log_line(notification: Notification, message_id: str, answer: Answer, duration_s: float, now_ms: int) -> Delivery:
    """One notification in one attempt, for the delivery log."""
    return Delivery(
        id=0,
        notification_id=message_id,
        at_ms=now_ms,
        receiver=notification.receiver,
        alert_id=notification.alert_id,
        status=notification.status,
        state=answer.state,
        http_status=answer.http_status,
        duration_s=duration_s,
        detail=answer.detail,
    )


def sample_alert(host: str, receiver: str, now_ms: int) -> Alert:
    """What a test message tells."""
    return Alert(
        id=fingerprint(("test", host, receiver)),
        rule="WharfingerTest",
        severity=Severity.INFO,
        state=AlertState.FIRING,
        host=host,
        container_id="",
        name="",
        image="",
        group="",
        since_ms=now_ms,
        started_at_ms=now_ms,
        ended_at_ms=None,
        value=None,
        threshold=None,
        summary=f"This is a test of the receiver {receiver}. Nothing is wrong.",
        description="Somebody pressed the test button.",
        advice="",
    )
