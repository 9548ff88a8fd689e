"""POST against a real server, and the meaning of its answers."""

from __future__ import annotations

import socket
import threading

import pytest

from alerts.notify.http import Poster, judged, seconds_of
from alerts.notify.notifier import Message
from model.alert import DeliveryState
from tests.alerts.story import START_MS
from tests.support.wait import wait_until
from tests.support.webhook import Scripted, receiving


@pytest.mark.parametrize(
    ("status", "state", "gone"),
    [
        (200, DeliveryState.ACCEPTED, False),
        (204, DeliveryState.ACCEPTED, False),
        (301, DeliveryState.RETRY, False),
        (400, DeliveryState.REJECTED, False),
        (401, DeliveryState.REJECTED, False),
        (404, DeliveryState.REJECTED, False),
        (408, DeliveryState.RETRY, False),
        (410, DeliveryState.REJECTED, True),
        (425, DeliveryState.RETRY, False),
        (429, DeliveryState.RETRY, False),
        (500, DeliveryState.RETRY, False),
        (503, DeliveryState.RETRY, False),
    ],
)
def test_statuses(status: int, state: DeliveryState, gone: bool) -> None:
    answer = judged(status, "why", None, START_MS)
    assert (answer.state, answer.gone, answer.http_status) == (state, gone, status)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120.0),
        (" 7 ", 7.0),
        ("Fri, 15 Jan 2027 08:01:00 GMT", 60.0),
        ("Fri, 15 Jan 2027 07:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("", None),
        (None, None),
        ("9" * 400, 999999999.0),
    ],
)
def test_retry_after(text: str | None, seconds: float | None) -> None:
    assert seconds_of(text, START_MS) == seconds


def test_a_post_arrives_as_it_was_written() -> None:
    with receiving() as server:
        url = server.url.replace("//", "//us%20er:p%40ss@") + "/in?room=1"
        answer = Poster().send(Message(url, "ä".encode(), {"X-Own": "1"}), START_MS)
        (request,) = server.requests
    assert answer.state is DeliveryState.ACCEPTED
    assert (request.path, request.body) == ("/in?room=1", "ä".encode())
    assert request.headers["x-own"] == "1"
    assert request.headers["authorization"] == "Basic dXMgZXI6cEBzcw=="


def test_no_redirect_is_followed() -> None:
    with receiving() as other, receiving(Scripted(302, {"Location": other.url})) as server:
        answer = Poster().send(Message(server.url, b"{}"), START_MS)
        assert other.requests == []
    assert answer.state is DeliveryState.RETRY
    assert "redirects are not followed" in answer.detail


def test_the_answers_text_is_cut_and_cleaned() -> None:
    with receiving(Scripted(500, body=b"\x1b[31mbroken\n" + b"x" * 100_000)) as server:
        answer = Poster().send(Message(server.url, b"{}"), START_MS)
    assert answer.detail.startswith("HTTP 500: [31mbroken xxx")
    assert len(answer.detail) < 230


def test_a_closed_port_is_said_without_the_url() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/secret-token"
        answer = Poster().send(Message(url, b"{}"), START_MS)
    assert (answer.state, answer.detail) == (DeliveryState.RETRY, "connection refused")


@pytest.mark.parametrize("url", ["http://[::1", "ftp://x.example/", "http:///x", "http://x.example:99999/"])
def test_a_url_that_cannot_be_used_is_a_dead_letter(url: str) -> None:
    assert Poster().send(Message(url, b"{}"), START_MS).state is DeliveryState.REJECTED


def test_odd_characters_in_a_secret_are_a_dead_letter() -> None:
    with receiving() as server:
        answer = Poster().send(Message(server.url, b"{}", {"Authorization": "Bearer a\nb"}), START_MS)
    assert answer.state is DeliveryState.REJECTED


def test_a_server_that_hangs_is_left_in_time() -> None:
    hang = threading.Event()
    with receiving(Scripted(hang=hang)) as server:
        answer = Poster(timeout_s=0.3).send(Message(server.url, b"{}"), START_MS)
        hang.set()
    assert (answer.state, answer.detail) == (DeliveryState.RETRY, "no answer within 0.3 s")


def test_a_server_that_drips_a_header_is_left_in_time() -> None:
    """Each byte comes before the socket's own time-out, so that only the deadline over all ends it."""
    done = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def drip() -> None:
        client, _ = listener.accept()
        with client:
            try:
                client.sendall(b"HTTP/1.1 200 OK\r\nX: ")
                while not done.wait(0.05):
                    client.sendall(b"x")
            except OSError:
                return

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    answer = Poster(timeout_s=0.4).send(Message(url, b"{}"), START_MS)
    done.set()
    thread.join(5)
    listener.close()
    assert (answer.state, answer.detail) == (DeliveryState.RETRY, "no answer within 0.4 s")


def test_closing_ends_what_is_in_flight() -> None:
    hang, answers = threading.Event(), []
    poster = Poster(timeout_s=30)
    with receiving(Scripted(hang=hang)) as server:
        message = Message(server.url, b"{}")
        thread = threading.Thread(target=lambda: answers.append(poster.send(message, START_MS)))
        thread.start()
        wait_until(lambda: bool(server.requests), 5, "the request to arrive")
        poster.close()
        thread.join(5)
        hang.set()
    assert [answer.state for answer in answers] == [DeliveryState.RETRY]
    assert poster.send(message, START_MS).detail == "not sent: stopping"


def test_a_server_without_tls_is_no_https() -> None:
    with receiving() as server:
        answer = Poster(timeout_s=5).send(Message(server.url.replace("http:", "https:"), b"{}"), START_MS)
        assert server.requests == []
    assert answer.state is DeliveryState.RETRY
    assert answer.detail.startswith("TLS failed:")
