"""Any service that Apprise knows, where the extra ``wharfinger[apprise]`` is installed.

Apprise is large and sends by the code of some hundred services, so that it runs in a process of its own, started for
one message and ended after it or after its time: what it leaks or hangs on is gone with it.
"""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Sequence
from importlib.util import find_spec
from multiprocessing.connection import Connection

from alerts.messages import dashboard_url
from alerts.notify.chat import headline, lines
from alerts.notify.notifier import Answer, Bundle, Message, Notifier
from model.alert import DeliveryState, Receiver, Severity
from model.errors import Fault

INSTALL = "Apprise is not installed: pip install 'wharfinger[apprise]'"
TYPES = {Severity.INFO: "info", Severity.WARNING: "warning", Severity.CRITICAL: "failure"}


def write(receiver: Receiver, bundle: Bundle, public_url: str, _now_ms: int) -> Message:
    """Title, text and type, as JSON for the child process."""
    alert, over = bundle.first, not bundle.firing
    text = [*lines(bundle), dashboard_url(alert, public_url)]
    body = {
        "title": headline(bundle),
        "body": "\n".join(line for line in text if line),
        "notify_type": "success" if over else TYPES[alert.severity],
    }
    return Message(receiver.url, json.dumps(body).encode())


def faults_of(_receiver: Receiver) -> Sequence[Fault]:
    """Whether it can work here."""
    return () if find_spec("apprise") else (Fault("kind", INSTALL),)


def send(message: Message, timeout_s: float) -> Answer:
    """Send in a child process; blocks up to ``timeout_s``. Which step failed is Apprise's secret: it is retried."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(
        target=run, args=(theirs, message.url, message.body), name="wharfinger-apprise", daemon=True
    )
    child.start()
    theirs.close()
    try:
        answered = ours.poll(timeout_s)
        sent = bool(ours.recv()) if answered else False
    except EOFError:
        return Answer(DeliveryState.RETRY, "Apprise ended without an answer")
    finally:
        ours.close()
        child.kill()
        child.join()
        child.close()
    if not answered:
        return Answer(DeliveryState.RETRY, f"Apprise did not end within {timeout_s:.0f} s")
    return (
        Answer(DeliveryState.ACCEPTED, "sent") if sent else Answer(DeliveryState.RETRY, "the service did not take it")
    )


def run(answer: Connection, url: str, body: bytes) -> None:
    """The child: load Apprise, send, say whether it went."""
    import apprise

    service = apprise.Apprise()
    service.add(url)
    answer.send(bool(service.notify(**json.loads(body))))
    answer.close()


APPRISE = Notifier(write, faults_of, is_http=False)
