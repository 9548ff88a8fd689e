"""Receivers made through the API reach only what they may."""

from __future__ import annotations

import pytest

from alerts.notify.networks import denied_networks, is_denied
from alerts.outbox import Dispatcher
from alerts.receivers import configured
from config.schema import AlertSettings
from model.alert import DeliveryState, Receiver
from model.errors import InvalidInput
from storage.memory import MemoryState
from tests.alerts.story import START_MS
from tests.support.webhook import receiving

DEFAULT = denied_networks(AlertSettings())
STRICT = denied_networks(AlertSettings(denied_networks=["private"]))


@pytest.mark.parametrize(
    ("address", "by_default", "strictly"),
    [
        ("169.254.169.254", True, True),
        ("::ffff:169.254.169.254", True, True),
        ("fd00:ec2::254", True, True),
        ("fe80::1%eth0", True, True),
        ("0.0.0.0", True, True),
        ("127.0.0.1", False, True),
        ("10.1.2.3", False, True),
        ("::1", False, True),
        ("1.1.1.1", False, False),
    ],
)
def test_addresses(address: str, by_default: bool, strictly: bool) -> None:
    assert is_denied(address, DEFAULT) is by_default
    assert is_denied(address, STRICT) is strictly


def test_a_bad_network_is_said_with_the_receivers() -> None:
    with pytest.raises(InvalidInput) as caught:
        configured(AlertSettings(denied_networks=["10.0.0.0/40"]))
    assert str(caught.value).startswith("alerts.denied_networks[0]: '10.0.0.0/40' is no network: write")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_nothing_is_sent_to_a_denied_address(host: str) -> None:
    with receiving() as server:
        url = f"http://{host}:{server.server_address[1]}/"
        receivers = (Receiver("theirs", "webhook", url, source="api"), Receiver("ours", "webhook", url))
        dispatcher = Dispatcher(MemoryState(), lambda: receivers, "harbour", denied=lambda: STRICT)
        refused = dispatcher.test("theirs", START_MS)
        assert refused.state is DeliveryState.REJECTED
        assert "alerts.denied_networks" in refused.detail
        assert server.requests == []
        assert dispatcher.test("ours", START_MS).state is DeliveryState.ACCEPTED
        dispatcher.close()


def test_by_default_a_receiver_of_the_api_may_be_on_the_own_network() -> None:
    with receiving() as server:
        receivers = (Receiver("theirs", "webhook", server.url, source="api"),)
        dispatcher = Dispatcher(MemoryState(), lambda: receivers, "harbour", denied=lambda: DEFAULT)
        assert dispatcher.test("theirs", START_MS).state is DeliveryState.ACCEPTED
        dispatcher.close()
