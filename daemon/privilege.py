"""The web process lets go of root: which user it becomes, what becomes that user's, and whether that user gets by."""

from __future__ import annotations

import contextlib
import logging
import os
import pwd
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from config.schema import Settings
from daemon.link import gid_of
from model.errors import UsageError

log = logging.getLogger(__name__)

PREFERRED = "wharfinger"
UNNAMED = 65532
"""User and group where there is no account of ours: a number that the system gives to nobody. The account
``nobody`` is shared by others, and who is of the web process's group may use the link."""
STAY = "root"


@dataclass(frozen=True, slots=True)
class Account:
    name: str
    uid: int
    gid: int


def account_of(user: str) -> Account:
    """The account of ``web.user``: a name, a number, or empty for the usual one. Raises UsageError."""
    if not user:
        try:
            found = pwd.getpwnam(PREFERRED)
        except KeyError:
            return Account(str(UNNAMED), UNNAMED, UNNAMED)
        return Account(PREFERRED, found.pw_uid, found.pw_gid)
    if user.isdigit():
        try:
            return Account(user, int(user), pwd.getpwuid(int(user)).pw_gid)
        except KeyError:
            return Account(user, int(user), int(user))
    try:
        found = pwd.getpwnam(user)
    except KeyError:
        raise UsageError(f"web.user: there is no user {user!r}; make it with useradd, or name another one") from None
    return Account(user, found.pw_uid, found.pw_gid)


def web_account(settings: Settings) -> Account | None:
    """What a web process that was started as root becomes; None where it is no root or is to stay.

    Raises UsageError.
    """
    if os.geteuid() != 0 or settings.web.user in (STAY, "0"):
        return None
    return account_of(settings.web.user)


def link_group(settings: Settings) -> str:
    """The group that gets the link and the series: the one that is named, else the web process's; empty: none."""
    if settings.agent.group:
        return settings.agent.group
    account = web_account(settings)
    return str(account.gid) if account is not None else ""


def take_over(folder: Path, account: Account) -> None:
    """The folder and what lies in it become the account's, also what root made before. Links are left alone.

    Raises UsageError.
    """
    try:
        os.chown(folder, account.uid, account.gid)
        for entry in folder.iterdir():
            if entry.is_file() and not entry.is_symlink() and entry.stat().st_nlink == 1:
                os.chown(entry, account.uid, account.gid, follow_symlinks=False)
    except OSError as error:
        raise UsageError(f"cannot give {folder} to {account.name} ({error.strerror}); set web.auth_dir") from error


def refuse_planted_link(path: Path) -> None:
    """Root opens no file of the web process's folder through a symbolic link that somebody else laid there: what
    stands behind it would be made or written with root's rights. Raises UsageError."""
    if os.geteuid() == 0 and path.is_symlink() and path.lstat().st_uid != 0:
        raise UsageError(f"{path} is a symbolic link that root did not make; remove it, or set web.auth_dir")


@contextlib.contextmanager
def acting_as(account: Account, groups: tuple[int, ...]) -> Iterator[None]:
    """For a moment with that account's rights."""
    before = os.getgroups(), os.getegid()
    os.setgroups(groups)
    os.setegid(account.gid)
    os.seteuid(account.uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(before[1])
        os.setgroups(before[0])


def groups_of(settings: Settings) -> tuple[int, ...]:
    """The group of the link and the series, where one is named. Raises UsageError."""
    return (gid_of(settings.agent.group),) if settings.agent.group else ()


def ready_to_drop(settings: Settings, own: tuple[Path, ...]) -> Account | None:
    """The user to become; None where we are not root, are to stay, or where that user could not do the work.

    The last is said, with the remedy: a checkout or a data folder below /root is a common case.
    ``own``: the folders of data and socket, which are given to that user's group. Raises UsageError.
    """
    account = web_account(settings)
    if account is None:
        return None
    code = (
        Path(__file__).resolve().parent.parent / "dashboard" / "static",
        Path(sysconfig.get_path("purelib")),
        Path(sysconfig.get_path("stdlib")),  # an interpreter below /root: what is imported later would not be found
    )
    try:
        shut = out_of_reach(account, groups_of(settings), code, own)
    except OSError as error:
        log.warning("the web process stays root: it may not become another user (%s)", error.strerror)
        return None
    if shut is not None:
        log.warning(
            "the web process stays root: uid %d may not enter %s; install and keep data where it may, or set web.user",
            account.uid,
            shut,
        )
        return None
    return account


def out_of_reach(
    account: Account, groups: tuple[int, ...], code: tuple[Path, ...], own: tuple[Path, ...]
) -> Path | None:
    """The first folder that the account may not enter: on the way to ``code`` or that itself, or above ``own``.

    Raises OSError where we may not act as that account.
    """
    with acting_as(account, groups):
        for folder in (*code, *own):
            way: list[Path] = [*reversed(folder.parents), *([folder] if folder in code else [])]
            for place in way:
                if place in own or not place.exists():
                    continue
                if not os.access(place, os.X_OK, effective_ids=True):
                    return place
    return None


def become(account: Account, groups: tuple[int, ...]) -> None:
    """Be that account from here on, in every thread and for good. Raises UsageError."""
    try:
        os.setgroups(groups)
        os.setresgid(account.gid, account.gid, account.gid)
        os.setresuid(account.uid, account.uid, account.uid)
    except OSError as error:
        raise UsageError(f"cannot become {account.name} ({error.strerror}); set web.user to root to stay") from error
    log.info("the web process runs as %s (uid %d)", account.name, account.uid)
