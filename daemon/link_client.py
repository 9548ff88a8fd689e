"""The web process's (and a command's) side of the link: the newest frame, questions and orders."""

from __future__ import annotations

import contextlib
import logging
import threading
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec

from daemon.clock import now_ms
from daemon.link import ENCODER, FRAMES, REPLIES, SNAPSHOTS, Request, connect, hang_up
from model.errors import AgentAway, WharfingerError
from model.live import Command, Frame, Reply
from model.sample import Snapshot

log = logging.getLogger(__name__)

RETRY_S = 0.5
ANSWER_S = 30.0


class LinkClient:
    """Keeps the newest frame while :meth:`follow` runs as a worker's job; asks on connections of their own.

    A frame is kept as it came, and decoded when somebody looks at it: with no page open nobody does.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fresh = threading.Condition()
        self._unread: bytes | None = None
        self._frame: Frame | None = None
        self._stream: Connection | None = None
        self._closed = self._told = False

    def follow(self, _now_ms: int) -> float:
        """Read the agent's stream until it ends (job). Seconds until the next try."""
        try:
            self._stream = connect(self._path)
        except WharfingerError:
            return RETRY_S
        try:
            self._stream.send_bytes(ENCODER.encode(Request("stream")))
            while not self._closed:
                data = self._stream.recv_bytes()
                with self._fresh:
                    self._unread = data
                    self._fresh.notify_all()
        except (EOFError, OSError):
            if not self._closed:
                log.warning("the agent's stream ended; trying again")
        finally:
            with contextlib.suppress(OSError):
                self._stream.close()
        return RETRY_S

    def frame(self) -> Frame | None:
        """The newest frame, however old; None before the first."""
        with self._fresh:
            return self._read()

    def _read(self) -> Frame | None:
        """Decode what came last, once. With the lock held. One that is not understood leaves the one before."""
        if self._unread is not None:
            data, self._unread = self._unread, None
            try:
                self._frame = FRAMES.decode(data)
            except msgspec.MsgspecError as error:
                if not self._told:
                    log.error("the agent's frames are not understood (%s); are both of one version?", error)
                self._told = True
        return self._frame

    def age_s(self) -> float | None:
        """Seconds since the newest frame's tick; None before the first."""
        frame = self.frame()
        return None if frame is None else max(0.0, (now_ms() - frame.at_ms) / 1000)

    def wait(self, after_ms: int, timeout_s: float) -> Frame | None:
        """The newest frame if it is later than ``after_ms``, waiting for it; None at the time-out or at the end."""

        def newer() -> bool:
            frame = None if self._closed else self._read()
            return self._closed or (frame is not None and frame.at_ms > after_ms)

        with self._fresh:
            self._fresh.wait_for(newer, timeout_s)
            frame = self._frame
        return frame if frame is not None and frame.at_ms > after_ms and not self._closed else None

    def ask(self, command: Command) -> Reply:
        """The agent's answer. Raises AgentAway when there is none."""
        data = self._exchange(Request("ask", command=command))
        try:
            return REPLIES.decode(data)
        except msgspec.MsgspecError as error:
            raise AgentAway(f"the agent's answer is not understood ({error}); are both of one version?") from error

    def snapshot(self) -> Snapshot:
        """The agent's newest snapshot with raw readings. Raises AgentAway."""
        data = self._exchange(Request("snapshot"))
        try:
            return SNAPSHOTS.decode(data)
        except msgspec.MsgspecError as error:
            raise AgentAway(f"the agent's snapshot is not understood ({error}); are both of one version?") from error

    def close(self) -> None:
        with self._fresh:
            self._closed = True
            self._fresh.notify_all()
        if self._stream is not None:
            hang_up(self._stream)

    def _exchange(self, request: Request) -> bytes:
        try:
            connection = connect(self._path)
        except WharfingerError as error:
            raise AgentAway(str(error)) from error
        try:
            connection.send_bytes(ENCODER.encode(request))
            if not connection.poll(ANSWER_S):
                raise AgentAway(f"the agent did not answer within {ANSWER_S:.0f} s; see its log")
            return connection.recv_bytes()
        except (EOFError, OSError) as error:
            raise AgentAway("the agent closed the link without an answer; see its log") from error
        finally:
            connection.close()
