"""The real state file: kill -9 in the middle of a delivery, and a restart of the engine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from alerts.engine import Engine
from alerts.outbox import Dispatcher
from alerts.telling import notification
from model.alert import AlertState, Condition, Rule, Severity, Transition
from storage.factory import open_state
from tests.alerts.story import START_MS, WEB, Story, a_receiver, an_alert
from tests.support.wait import wait_until
from tests.support.webhook import Scripted, receiving

ROOT = Path(__file__).parents[2]
CHILD = """
import sys
from pathlib import Path
from alerts.outbox import Dispatcher
from model.alert import Receiver
from storage.factory import open_state
receiver = Receiver("ops", "webhook", sys.argv[2])
dispatcher = Dispatcher(open_state(Path(sys.argv[1])), lambda: (receiver,), "harbour")
while True:
    dispatcher.deliver("ops", int(sys.argv[3]))
"""


def test_a_killed_delivery_is_sent_again_with_the_same_id(tmp_path: Path) -> None:
    path, hang = tmp_path / "state.db", threading.Event()
    state = open_state(path)
    alert = an_alert(told=("ops",))
    transition = Transition(START_MS, AlertState.INACTIVE, alert, notify=True)
    state.commit((transition,), (alert,), (notification(alert, "ops", "firing", START_MS),))
    state.close()
    with receiving(Scripted(hang=hang)) as server:
        child = subprocess.Popen([sys.executable, "-c", CHILD, str(path), server.url, str(START_MS)], cwd=ROOT)
        try:
            wait_until(lambda: bool(server.requests), 20, "the message to arrive before the kill")
        finally:
            os.kill(child.pid, signal.SIGKILL)
            child.wait(10)
            hang.set()
        state = open_state(path)
        assert state.deliveries() == ()
        dispatcher = Dispatcher(state, lambda: (a_receiver(url=server.url),), "harbour")
        while dispatcher.deliver("ops", START_MS + 1000) == 0:
            pass
        first, second = server.requests
        assert first.headers["webhook-id"] == second.headers["webhook-id"]
        assert [d.state.value for d in state.deliveries()] == ["accepted"]
        assert state.undelivered() == {}
        state.close()


def test_an_engine_over_the_real_state_file_tells_nobody_twice(tmp_path: Path) -> None:
    story, path = Story(), tmp_path / "state.db"
    rule = Rule("Busy", Severity.WARNING, Condition("cpu_usage_cores", function="last", threshold=1.0))
    ids = []
    for cores in (1.5, 1.6, 0.5):
        state = open_state(path)
        engine = Engine((rule,), (a_receiver(),), state, story.recent, "harbour")
        snapshot = story.tick({WEB: {"cpu_usage_cores": cores}})
        engine.evaluate(snapshot, (), snapshot.at_ms)
        ids.append([(t.alert.rule, t.alert.state.value) for t in state.alert_history(since_ms=0)])
        state.close()
    assert ids[0] == ids[1] == [("Busy", "firing")]
    assert ids[2] == [("Busy", "resolved"), ("Busy", "firing")]
