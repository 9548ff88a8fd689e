"""Delivery to a real receiver: at least once, in order, with the same id, and what each answer does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from standardwebhooks.webhooks import Webhook

from alerts.outbox import Dispatcher
from alerts.telling import notification
from model.alert import Alert, AlertState, Receiver, Transition
from model.errors import NotThere
from storage.memory import MemoryState
from tests.alerts.story import START_MS, a_receiver, an_alert
from tests.support.wait import wait_until
from tests.support.webhook import Request, Scripted, WebhookServer, receiving

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def server() -> Iterator[WebhookServer]:
    with receiving() as running:
        yield running


class Post:
    """A dispatcher with its store and its receivers."""

    def __init__(self, *receivers: Receiver) -> None:
        self.state, self.receivers = MemoryState(), list(receivers)
        self.dispatcher = self.begin()
        self.now_ms = START_MS

    def begin(self) -> Dispatcher:
        return Dispatcher(self.state, lambda: tuple(self.receivers), "harbour", "https://w.example", timeout_s=5.0)

    def queue(self, alert: Alert, status: str = "firing", receiver: str = "ops") -> None:
        over = status == "resolved"
        alert = replace(
            alert,
            state=AlertState.RESOLVED if over else AlertState.FIRING,
            ended_at_ms=self.now_ms if over else None,
            told=(receiver,),
        )
        transition = Transition(self.now_ms, AlertState.INACTIVE, alert, notify=True)
        self.state.commit((transition,), (alert,), (notification(alert, receiver, status, self.now_ms),))

    def work(self, receiver: str = "ops") -> int:
        """Run the job until it wants to sleep; how often it ran."""
        for runs in range(1, 1000):
            if self.dispatcher.deliver(receiver, self.now_ms) > 0:
                return runs
        raise AssertionError("the job never sleeps")

    def log(self) -> list[tuple[str, str, int | None]]:
        """The delivery log, oldest first."""
        found = [(d.status, d.state.value, d.http_status) for d in self.state.deliveries()]
        return found[::-1]


def heard(server: WebhookServer) -> list[tuple[str, str]]:
    return [(str(body["alerts"][0]["labels"]["container"]), str(body["status"])) for body in bodies(server.requests)]


def bodies(requests: list[Request]) -> list[dict[str, list[dict[str, dict[str, str]]]]]:
    return [request.json() for request in requests]


def numbered(i: int) -> Alert:
    return an_alert(id=f"{i:016x}", name=f"c{i}")


def test_what_is_queued_arrives_signed(server: WebhookServer) -> None:
    post = Post(a_receiver(url=server.url, secret=SECRET))
    post.now_ms = now_for_the_library()
    post.queue(an_alert())
    post.work()
    (request,) = server.requests
    assert Webhook(SECRET).verify(request.body, dict(request.headers))["receiver"] == "ops"
    assert request.headers["content-type"] == "application/json"
    assert post.log() == [("firing", "accepted", 200)]
    assert post.state.undelivered() == {}


def now_for_the_library() -> int:
    """The reference library refuses what is older than five minutes by its own clock."""
    from datetime import UTC, datetime

    return int(datetime.now(UTC).timestamp() * 1000)


def test_a_failing_receiver_is_tried_again_with_the_same_id(server: WebhookServer) -> None:
    server.script(Scripted(500), Scripted(429, {"Retry-After": "100"}), Scripted(200))
    post = Post(a_receiver(url=server.url))
    post.queue(an_alert())
    post.work()
    assert len(server.requests) == 1
    post.now_ms += 4_900
    post.work()
    assert len(server.requests) == 1
    post.now_ms += 1_200
    post.work()
    assert len(server.requests) == 2
    post.now_ms += 99_000
    post.work()
    assert len(server.requests) == 2
    post.now_ms += 2_000
    post.work()
    assert len({request.headers["webhook-id"] for request in server.requests}) == 1
    assert len({request.headers["webhook-timestamp"] for request in server.requests}) == 3
    assert post.log() == [("firing", "retry", 500), ("firing", "retry", 429), ("firing", "accepted", 200)]


def test_a_dead_letter_holds_nothing_up(server: WebhookServer) -> None:
    server.script(Scripted(400, body=b"no such room"))
    post = Post(a_receiver(url=server.url))
    post.queue(numbered(1))
    post.queue(numbered(2))
    post.work()
    assert post.log() == [("firing", "rejected", 400), ("firing", "accepted", 200)]
    assert post.state.deliveries()[1].detail == "HTTP 400: no such room"
    assert post.state.undelivered() == {}


def test_it_gives_up_after_a_day(server: WebhookServer) -> None:
    server.script(*[Scripted(503)] * 100)
    post = Post(a_receiver(url=server.url))
    post.queue(an_alert())
    for _ in range(26 * 60):
        post.work()
        post.now_ms += 60_000
    assert post.state.undelivered() == {}
    last = post.state.deliveries()[0]
    assert (last.state.value, last.detail) == ("rejected", "given up after a day: HTTP 503: ok")
    assert 25 <= len(server.requests) <= 32


def test_gone_disables_the_receiver_and_keeps_the_rest_a_day(server: WebhookServer) -> None:
    server.script(Scripted(410))
    changed: list[bool] = []
    post = Post(a_receiver(url=server.url))
    post.dispatcher.changed = lambda: changed.append(True)
    post.queue(numbered(1))
    post.queue(numbered(2))
    assert post.dispatcher.deliver("ops", post.now_ms) == 0
    (stored,) = post.state.receivers()
    assert (stored.name, stored.enabled, changed) == ("ops", False, [True])
    assert post.state.audit_entries()[0].action == "receiver.disable"
    post.receivers = [stored]
    post.work()
    assert len(server.requests) == 1
    assert post.state.undelivered() == {"ops": 1}
    post.now_ms += 25 * 3600 * 1000
    post.work()
    assert post.state.undelivered() == {}


def test_what_is_over_is_told_as_over_where_its_firing_may_have_arrived(server: WebhookServer) -> None:
    server.script(Scripted(500), Scripted(200), Scripted(200))
    post = Post(a_receiver(url=server.url))
    post.queue(numbered(1))
    post.work()
    post.now_ms += 1000
    post.queue(numbered(1), "resolved")
    post.queue(numbered(2))
    post.work()
    post.now_ms += 10_000
    post.work()
    assert heard(server) == [("c1", "firing"), ("c1", "resolved"), ("c2", "firing")]


def test_of_one_alert_the_next_firing_waits_for_the_resolve(server: WebhookServer) -> None:
    server.script(Scripted(200), Scripted(500))
    post = Post(a_receiver(url=server.url))
    post.queue(numbered(1))
    post.work()
    post.queue(numbered(1), "resolved")
    post.work()
    post.queue(replace(numbered(1), started_at_ms=post.now_ms + 1000))
    post.work()
    assert heard(server) == [("c1", "firing"), ("c1", "resolved")]
    post.now_ms += 10_000
    post.work()
    assert heard(server)[2:] == [("c1", "resolved"), ("c1", "firing")]


def test_a_firing_that_was_never_tried_is_superseded(server: WebhookServer) -> None:
    post = Post(a_receiver(url=server.url))
    post.queue(numbered(1))
    post.queue(numbered(1), "resolved")
    post.queue(numbered(2))
    post.work()
    assert heard(server) == [("c2", "firing")]


def test_three_hours_without_a_receiver(server: WebhookServer) -> None:
    """What was resolved meanwhile is never told as firing, and as resolved only where a firing may have arrived."""
    server.script(*[Scripted(503)] * 30)
    post = Post(a_receiver(url=server.url))
    post.queue(numbered(1))
    post.work()
    post.queue(numbered(2))
    post.queue(numbered(2), "resolved")
    post.queue(numbered(3))
    post.work()
    post.queue(numbered(3), "resolved")
    for _ in range(180):
        post.now_ms += 60_000
        post.work()
    server.script()
    server.requests.clear()
    post.now_ms += 2 * 3600 * 1000
    post.work()
    assert sorted(heard(server)) == [("c1", "firing"), ("c3", "resolved")]


def test_a_crash_between_answer_and_note_sends_again_with_the_same_id(server: WebhookServer) -> None:
    post = Post(a_receiver(url=server.url))
    post.queue(an_alert())
    kept = post.state.delivered

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    post.state.delivered = crash  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        post.work()
    post.state.delivered = kept  # type: ignore[method-assign]
    post.dispatcher = post.begin()
    post.work()
    first, second = server.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert post.log() == [("firing", "accepted", 200)]


def test_one_hanging_receiver_harms_no_other(server: WebhookServer) -> None:
    hang = threading.Event()
    with receiving(Scripted(hang=hang)) as slow:
        post = Post(a_receiver("slow", slow.url), a_receiver("ops", server.url))
        post.queue(an_alert(), receiver="slow")
        post.queue(an_alert(), receiver="ops")
        thread = threading.Thread(target=post.work, args=("slow",))
        thread.start()
        wait_until(lambda: bool(slow.requests), 5, "the slow receiver to be asked")
        post.work("ops")
        assert len(server.requests) == 1
        post.dispatcher.close()
        hang.set()
        thread.join(5)
        assert not thread.is_alive()


def test_a_flood_of_redirects_costs_one_request_an_attempt_and_harms_no_other(server: WebhookServer) -> None:
    with receiving() as flood:
        flood.script(*[Scripted(308, {"Location": f"{flood.url}/again?n={n}"}) for n in range(100)])
        post = Post(a_receiver("flood", flood.url), a_receiver("ops", server.url))
        for i in range(3):
            post.queue(numbered(i), receiver="flood")
            post.queue(numbered(i), receiver="ops")
        post.work("flood")
        post.work("ops")
        assert [request.path for request in flood.requests] == ["/"] * 3
    assert len(server.requests) == 3
    assert post.state.undelivered() == {"flood": 3}


def test_a_removed_receiver_loses_its_queue() -> None:
    post = Post()
    for i in range(30):
        post.queue(numbered(i), receiver="old")
    assert post.dispatcher.drop_orphans(post.now_ms) == 1
    while post.dispatcher.drop_orphans(post.now_ms):
        pass
    assert post.state.undelivered() == {}
    assert {d.detail for d in post.state.deliveries()} == {"the receiver was removed"}


def test_the_test_button(server: WebhookServer) -> None:
    server.script(Scripted(200), Scripted(401, body=b"who are you"), Scripted(503))
    post = Post(a_receiver(url=server.url))
    assert post.dispatcher.test("ops", post.now_ms).state.value == "accepted"
    assert post.dispatcher.test("ops", post.now_ms).detail == "HTTP 401: who are you"
    assert post.dispatcher.test("ops", post.now_ms).state.value == "rejected"
    assert server.requests[0].json()["alerts"][0]["labels"]["alertname"] == "WharfingerTest"
    assert len(post.log()) == 3
    assert post.state.undelivered() == {}
    with pytest.raises(NotThere):
        post.dispatcher.test("nobody", post.now_ms)


def test_a_test_of_a_pager_is_closed_again(server: WebhookServer) -> None:
    post = Post(a_receiver(kind="pagerduty", url=server.url, secret="key"))
    post.dispatcher.test("ops", post.now_ms)
    assert [request.json()["event_action"] for request in server.requests] == ["trigger", "resolve"]


def test_alertmanager_is_told_again_every_minute_what_fires(server: WebhookServer) -> None:
    post = Post(a_receiver(kind="alertmanager", url=server.url))
    post.queue(numbered(1))
    post.queue(numbered(2))
    post.work()
    assert len(server.requests) == 2
    post.now_ms += 59_000
    post.work()
    assert len(server.requests) == 2
    post.now_ms += 2_000
    post.work()
    assert [alert["labels"]["container"] for alert in server.requests[2].json()] == ["c1", "c2"]
    post.now_ms += 1_000
    post.work()
    assert len(server.requests) == 3


def test_an_unknown_kind_is_a_dead_letter() -> None:
    post = Post(a_receiver(kind="pigeon"))
    post.queue(an_alert())
    post.work()
    assert post.state.deliveries()[0].detail == "the kind pigeon is not known"


def test_a_failing_receiver_is_logged_once(server: WebhookServer, caplog: pytest.LogCaptureFixture) -> None:
    server.script(*[Scripted(500)] * 3)
    post = Post(a_receiver(url=server.url))
    post.queue(an_alert())
    with caplog.at_level("INFO"):
        for _ in range(4):
            post.work()
            post.now_ms += 3600_000
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert "after 3 failed attempts" in caplog.text
    assert server.url not in caplog.text
