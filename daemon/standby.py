"""A start on a disk that takes no writes: everything is kept below ``agent.run_dir``, in memory on most hosts, until
the disk is well; then the process ends to be started again on it, and takes home what must not be lost.

What must not: the agent's state (alerts, silences, the journal of limits) and the logins. The seconds of the meantime
are given up. A folder without rights is another thing: a mistake in the settings, told as such.
"""

from __future__ import annotations

import errno
import logging
import os
import shutil
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from config.schema import Settings
from daemon.build import auth_path, make_folder, series_path, state_path
from daemon.privilege import refuse_planted_link
from model.errors import UsageError
from storage.factory import open_auth, open_state

log = logging.getLogger(__name__)

AGAIN = 75
"""Exit code (EX_TEMPFAIL of sysexits.h) of a process that wants to be started again."""
LOOK_S = 10.0
MOST_BYTES = 256 << 20
"""Of the series in memory; the oldest go."""
PROBE = ".wharfinger-probe"


class Closable(Protocol):
    def close(self) -> None: ...


def takes_no_writes(folder: Path) -> bool:
    """Whether a folder that is there stands on a read-only file system, also one that an error made so."""
    probe = folder / f"{PROBE}-{os.getpid()}"
    try:
        os.close(os.open(probe, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        probe.unlink()
    except OSError as error:
        return error.errno == errno.EROFS
    return False


def standby_folder(settings: Settings) -> Path:
    return Path(settings.agent.run_dir) / "standby"


def login_standby(settings: Settings) -> Path:
    """Where the web process keeps the logins meanwhile. Not in the agent's folder, which may be the agent's alone;
    where systemd gives the process a folder of its own, there ($RUNTIME_DIRECTORY, systemd.exec(5))."""
    given = os.environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    return Path(given or settings.agent.run_dir) / "standby-web"


def is_standby(settings: Settings) -> bool:
    return Path(settings.agent.data_dir) == standby_folder(settings)


def state(settings: Settings) -> tuple[str, str] | None:
    """State and detail of the store for ``/readyz`` while it is kept here; None elsewhere."""
    if not is_standby(settings):
        return None
    return "degraded", "the disk of agent.data_dir takes no writes: kept in agent.run_dir until it does"


def of_agent(settings: Settings) -> Settings:
    """The settings to run the agent with. Raises UsageError, StoreError."""
    if not takes_no_writes(Path(settings.agent.data_dir)):
        taken_home(state_path(aside(settings)), state_path(settings), open_state)
        shutil.rmtree(standby_folder(settings), ignore_errors=True)
        return settings
    return moved(settings, state_path)


def of_web(settings: Settings) -> Settings:
    """The settings to run the web process with: where the agent keeps its series, and logins that can be written.
    Raises UsageError, StoreError."""
    refuse_planted_link(auth_path(settings))
    if takes_no_writes(login_folder(settings)):
        return moved(settings, auth_path)
    taken_home(auth_path(aside(settings)), auth_path(settings), open_auth)
    own = str(auth_path(settings).parent)
    return replace(aside(settings), web=replace(settings.web, auth_dir=own)) if agent_is_aside(settings) else settings


def login_folder(settings: Settings) -> Path:
    """Where the logins are, or are to be made."""
    own = auth_path(settings).parent
    return own if own.exists() else Path(settings.agent.data_dir)


def until_web_may_move(asked: Settings, settings: Settings, stop: threading.Event) -> threading.Event:
    """For the web process that was asked to run with the first and runs with the second: :func:`until_well` where its
    logins are aside, else :func:`until_the_agent_moves`."""
    if auth_path(settings) != auth_path(asked):
        return until_well(login_folder(asked), stop)
    return until_the_agent_moves(asked, settings, stop)


def agent_is_aside(settings: Settings) -> bool:
    """Whether the agent keeps its series here. Its folder tells nothing: the web process may only ever read that."""
    return series_path(aside(settings)).exists()


def aside(settings: Settings) -> Settings:
    """The same with its data below ``run_dir``."""
    bound = settings.store.max_bytes
    return replace(
        settings,
        agent=replace(settings.agent, data_dir=str(standby_folder(settings))),
        web=replace(settings.web, auth_dir=str(login_standby(settings))),
        store=replace(settings.store, max_bytes=min(bound, MOST_BYTES) if bound else MOST_BYTES),
    )


def moved(settings: Settings, path_of: Callable[[Settings], Path]) -> Settings:
    """Aside, with a copy of one database as the disk has it, unless there is a newer one already."""
    away = aside(settings)
    here, there = path_of(settings), path_of(away)
    for folder in (there.parent.parent, there.parent):
        make_folder(folder, "agent.run_dir")
    log.error(
        "%s takes no writes (read-only file system): going on in %s; history of before is not shown, and seconds from "
        "now on are lost when the disk is well again; look at the disk and its kernel messages",
        here.parent,
        there.parent,
    )
    if not there.exists():
        try:
            for suffix in ("-wal", ""):
                with suppress(FileNotFoundError):
                    copied(Path(f"{here}{suffix}"), Path(f"{there}{suffix}"))
        except OSError as error:
            raise UsageError(f"cannot copy {here} to {there} ({error.strerror}): make room in agent.run_dir") from error
    return away


def taken_home(there: Path, home: Path, opened: Callable[[Path], Closable]) -> None:
    """Put a database that was kept aside in the place of the older one. Raises UsageError, StoreError."""
    if not there.exists():
        return
    for path in (there, home):
        opened(path).close()  # what stands in its log goes into the file
    fresh, before = home.with_name(f"{home.name}.new"), home.stat()
    try:
        copied(there, fresh, before.st_mode & 0o777)
        os.chown(fresh, before.st_uid, before.st_gid, follow_symlinks=False)
        fresh.replace(home)
        there.unlink()
    except OSError as error:
        raise UsageError(f"cannot put {there} in the place of {home} ({error.strerror})") from error
    log.warning("%s holds what was kept in %s while the disk took no writes", home, there.parent)


def copied(source: Path, copy: Path, mode: int = 0o600) -> None:
    """On the disk on return, with this mode. The folders may be another user's: no link is followed."""
    copy.unlink(missing_ok=True)
    old_file = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(old_file, "rb") as old:
        new_file = os.open(copy, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, mode)
        with os.fdopen(new_file, "wb") as new:
            shutil.copyfileobj(old, new)
            new.flush()
            os.fsync(new.fileno())


def until_well(folder: Path, stop: threading.Event, every_s: float = LOOK_S) -> threading.Event:
    """Looks after the disk in a thread of its own; when it takes writes, both events are set: this one and ``stop``."""
    return until(
        lambda: not takes_no_writes(folder), f"{folder} takes writes again: starting anew on it", stop, every_s
    )


def until_the_agent_moves(
    asked: Settings, settings: Settings, stop: threading.Event, every_s: float = LOOK_S
) -> threading.Event:
    """The same for a web process whose own folder is well: when the agent goes aside, or home again, while we read
    elsewhere."""
    here = is_standby(settings)
    words = "the agent keeps its series elsewhere now: starting anew"
    return until(lambda: agent_is_aside(asked) != here, words, stop, every_s)


def until(happened: Callable[[], bool], words: str, stop: threading.Event, every_s: float) -> threading.Event:
    event = threading.Event()

    def look() -> None:
        while not stop.wait(every_s):
            if happened():
                log.warning("%s", words)
                event.set()
                stop.set()

    threading.Thread(target=look, name="standby", daemon=True).start()
    return event
