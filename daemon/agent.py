"""The agent's process: builds the house, keeps the clock, ends cleanly on SIGTERM and SIGINT, reloads on SIGHUP."""

from __future__ import annotations

import logging
import os
import resource
import signal
import threading
from collections.abc import Callable
from pathlib import Path

from config.schema import Settings
from daemon import log as logs
from daemon.build import host_name
from daemon.notify import Notifier
from daemon.signals import event_on
from model.errors import WharfingerError

log = logging.getLogger(__name__)

FILES_MOST = 65_536

Source = Callable[[], Settings]
"""Reads the settings anew; raises InvalidInput."""


def main(source: Source, log_level: str) -> int:
    """Run the agent until it is told to stop. Exit code: 0 stopped, 2 it cannot start like this, 75 it is to
    be started again."""
    logs.set_up(log_level, "agent")
    stop, again = event_on(signal.SIGTERM, signal.SIGINT), event_on(signal.SIGHUP)
    raise_file_limit()
    manager = Notifier.of(os.environ, os.getpid())
    from daemon import standby
    from daemon.demo.fill import say_if_demo
    from daemon.house import AgentHouse

    well = None
    try:
        settings = source()
        house = AgentHouse(standby.of_agent(settings))
        say_if_demo(house.settings)
        if standby.is_standby(house.settings):
            well = standby.until_well(Path(settings.agent.data_dir), stop)
    except WharfingerError as error:
        log.error("%s", error)
        return 2
    try:
        house.start()
        threading.Thread(target=keep_reloading, args=(house.reload, source, again), name="reload", daemon=True).start()
        log.info("watching %s every %g s", host_name(house.settings), house.settings.agent.interval_s)
        manager.ready()
        house.ticker.run(stop, manager.beat)
    except WharfingerError as error:
        log.error("%s", error)
        return 2
    finally:
        manager.stopping()
        house.close()
    log.info("stopped")
    return standby.AGAIN if well is not None and well.is_set() else 0


def raise_file_limit() -> None:
    """Kept-open descriptors make reading cheap: take as many as the system allows, within reason."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES_MOST if hard == resource.RLIM_INFINITY else min(hard, FILES_MOST)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError) as error:
        log.warning("the limit of open files stays at %d (%s); past it files are opened at each reading", soft, error)


def keep_reloading(reload: Callable[[Settings], None], source: Source, again: threading.Event) -> None:
    """On SIGHUP read rules, receivers and policy anew; a bad file keeps the old ones and says so."""
    while True:
        again.wait()
        again.clear()
        try:
            reload(source())
        except WharfingerError as error:
            log.error("reload refused, the old settings stay: %s", error)
