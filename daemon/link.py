"""The link between agent and web: a Unix socket that carries msgspec-encoded messages, no pickle.

The agent serves (:class:`LinkServer`), the web process connects (:class:`daemon.link_client.LinkClient`).
A connection begins with one request:

* ``stream`` — the server then sends every :class:`model.live.Frame`, newest last, until one side closes;
* ``ask`` — a :class:`model.live.Command`, answered by one :class:`model.live.Reply`;
* ``snapshot`` — answered by the newest :class:`model.sample.Snapshot` with raw readings, encoded once however
  many ask for it.

Who may connect: root, the agent's own user, and members of the socket's group (file mode, and the peer's
credentials as the kernel gives them, unix(7) SO_PEERCRED).
"""

from __future__ import annotations

import contextlib
import grp
import logging
import os
import pwd
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec

from model.errors import UsageError, WharfingerError
from model.live import Command, Frame, Reply
from model.sample import Snapshot

log = logging.getLogger(__name__)

VERSION = 1
REQUEST_MAX_BYTES = 1 << 20
CONNECTIONS_MAX = 64
PATIENCE_S = 10
"""A peer that says nothing, stops in the middle, or does not read for so long is hung up on: it holds a place."""
FRAMES_KEPT = 30
SOCKET_NAME = "agent.sock"


@dataclass(frozen=True, slots=True)
class Request:
    """First message of a connection. ``kind``: stream, ask or snapshot."""

    kind: str
    version: int = VERSION
    command: Command | None = None


ENCODER = msgspec.msgpack.Encoder()
REQUESTS = msgspec.msgpack.Decoder(Request)
FRAMES = msgspec.msgpack.Decoder(Frame)
REPLIES = msgspec.msgpack.Decoder(Reply)
SNAPSHOTS = msgspec.msgpack.Decoder(Snapshot)


class LinkServer:
    """The agent's side. ``publish`` swaps a slot; threads of its own do the sending."""

    def __init__(
        self, path: Path, answer: Callable[[Command], Reply], group: str = "", *, patience_s: int = PATIENCE_S
    ) -> None:
        self._path, self._answer, self._group, self._patience_s = path, answer, group, patience_s
        self._socket: socket.socket | None = None
        self._gid = os.getegid()
        self._fresh = threading.Condition()
        self._frames: deque[tuple[int, bytes]] = deque(maxlen=FRAMES_KEPT)
        self._sequence = 0
        self._snapshot: Snapshot | None = None
        self._encoded: tuple[Snapshot, bytes] | None = None
        self._encoding = threading.Lock()
        self._closing = False
        self._open: set[Connection] = set()

    def start(self) -> None:
        """Bind and begin to accept. Raises UsageError where the socket cannot be made or another agent serves it."""
        if self._group:
            self._gid = gid_of(self._group)
        try:
            self._path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
            if self._path.exists() and answers(self._path):
                raise UsageError(f"another agent serves {self._path}; stop it, or set agent.run_dir to another folder")
            self._path.unlink(missing_ok=True)
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            before = os.umask(0o117)
            try:
                self._socket.bind(str(self._path))
            finally:
                os.umask(before)
            if self._group:
                if not self._path.parent.stat().st_mode & 0o001:  # a folder that all may enter is not ours to give
                    os.chown(self._path.parent, -1, self._gid)
                os.chown(self._path, -1, self._gid)
            self._socket.listen(16)
        except OSError as error:
            raise UsageError(f"cannot make the socket {self._path}: {error.strerror}; set agent.run_dir") from error
        threading.Thread(target=self._accept, args=(self._socket,), name="link", daemon=True).start()

    def publish(self, frame: Frame, snapshot: Snapshot) -> None:
        """Give one tick to every stream. Tick thread; returns at once but for the encoding."""
        with self._fresh:
            self._snapshot = snapshot
            self._sequence += 1
            self._frames.append((self._sequence, ENCODER.encode(frame)))
            self._fresh.notify_all()

    def connections(self) -> int:
        return len(self._open)

    def close(self) -> None:
        with self._fresh:
            self._closing = True
            self._fresh.notify_all()
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()
            self._path.unlink(missing_ok=True)
        for connection in list(self._open):
            hang_up(connection)

    def _accept(self, listening: socket.socket) -> None:
        while not self._closing:
            try:
                peer, _ = listening.accept()
            except OSError:
                return
            if not may_connect(peer, self._gid) or len(self._open) >= CONNECTIONS_MAX:
                log.warning("refused a peer on the link (user not root, not ours, not in the socket's group; or full)")
                peer.close()
                continue
            be_patient(peer, self._patience_s)
            connection = Connection(peer.detach())
            self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection,), name="link-peer", daemon=True).start()

    def _serve(self, connection: Connection) -> None:
        try:
            request = REQUESTS.decode(connection.recv_bytes(REQUEST_MAX_BYTES))
            if request.version != VERSION:
                connection.send_bytes(ENCODER.encode(Reply(409, detail="agent and web are of different versions")))
            elif request.kind == "stream":
                self._stream(connection)
            elif request.kind == "snapshot" and self._snapshot is not None:
                connection.send_bytes(self._snapshot_bytes(self._snapshot))
            elif request.kind == "ask" and request.command is not None:
                connection.send_bytes(ENCODER.encode(self._answer(request.command)))
        except (EOFError, OSError):
            pass  # the peer went away: nothing is owed to it
        except msgspec.MsgspecError as error:
            log.warning("a peer on the link sent what is no request: %s", error)
        finally:
            self._open.discard(connection)
            with contextlib.suppress(OSError):
                connection.close()

    def _snapshot_bytes(self, snapshot: Snapshot) -> bytes:
        """Encoded by the first who asks for this tick's; the others wait for that and share it. An encoding holds the
        interpreter's lock: one a question would make ticks late."""
        with self._encoding:
            if self._encoded is None or self._encoded[0] is not snapshot:
                self._encoded = (snapshot, ENCODER.encode(snapshot))
            return self._encoded[1]

    def _stream(self, connection: Connection) -> None:
        with self._fresh:
            sent = self._sequence - 1 if self._frames else self._sequence
        while True:
            with self._fresh:
                while not self._closing and self._sequence <= sent:
                    self._fresh.wait()
                if self._closing:
                    return
                waiting = [(number, data) for number, data in self._frames if number > sent]
            for number, data in waiting:
                connection.send_bytes(data)
                sent = number


def may_connect(peer: socket.socket, gid: int) -> bool:
    """Whether the kernel says that the peer is root, ourselves, or of the socket's group."""
    _, uid, peer_gid = struct.unpack(
        "3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    )
    if uid in (0, os.geteuid()) or peer_gid == gid:
        return True
    try:
        return gid in os.getgrouplist(pwd.getpwuid(uid).pw_name, peer_gid)
    except KeyError:
        return False


def be_patient(peer: socket.socket, seconds: int) -> None:
    """A read or write of this socket that waits longer fails (socket(7), SO_RCVTIMEO, SO_SNDTIMEO)."""
    for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
        peer.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", seconds, 0))


def gid_of(group: str) -> int:
    """Number of a group given by name or number. Raises UsageError when there is no such group."""
    if group.isdigit():
        return int(group)
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        raise UsageError(f"agent.group: there is no group {group!r}; make it with groupadd, or give a number") from None


def answers(path: Path) -> bool:
    """Whether somebody accepts connections on this socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True


def hang_up(connection: Connection) -> None:
    """End a connection so that a thread that waits on it wakes up; the thread itself closes it."""
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(connection.fileno())) as twin:
        twin.shutdown(socket.SHUT_RDWR)


def connect(path: Path) -> Connection:
    """A connection to the agent. Raises WharfingerError where nobody serves the socket."""
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        peer.connect(str(path))
    except OSError as error:
        peer.close()
        raise WharfingerError(f"no agent on {path} ({error.strerror}); is wharfinger running?") from error
    return Connection(peer.detach())
