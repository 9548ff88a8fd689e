"""The web process: dashboard, API and live stream over the stores and the link; no privilege needed."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import threading
from pathlib import Path

from config.schema import Settings
from config.values import parse_listen
from daemon import log as logs
from daemon import standby
from daemon.agent import Source
from daemon.build import auth_path, local, make_folder, series_path, share_series, socket_path
from daemon.clock import now_ms
from daemon.cost import Cost
from daemon.heap import keep_small
from daemon.http import HttpServer
from daemon.link_client import LinkClient
from daemon.notify import Notifier
from daemon.privilege import become, groups_of, link_group, ready_to_drop, refuse_planted_link, take_over
from daemon.replayer import Replayer
from daemon.signals import event_on
from daemon.whatif import Backtester
from daemon.worker import Worker
from model.errors import WharfingerError
from storage.api import AuthStore

log = logging.getLogger(__name__)

FIRST_FRAME_S = 5.0
NICE = 5
"""Below the agent's, with which it shares the processors: however much is asked here, ticks begin in time."""
TURN_S = 10.0
SESSIONS_MS = 3_600_000


def main(source: Source, log_level: str) -> int:
    """Serve until told to stop. Exit code: 0 stopped, 1 failed, 2 usage, 75 to be started again."""
    logs.set_up(log_level, "web")
    keep_small()
    with contextlib.suppress(PermissionError):  # a unit that filters system calls denies it, and sets Nice= itself
        os.nice(NICE)
    stop = event_on(signal.SIGTERM, signal.SIGINT)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        asked = source()
        settings = standby.of_web(asked)
        again = standby.until_web_may_move(asked, settings, stop)
        code = serve(settings, stop)
        return standby.AGAIN if again.is_set() else code
    except WharfingerError as error:
        log.error("%s", error)
        return 2


def serve(settings: Settings, stop: threading.Event) -> int:
    """Build, serve, and end when ``stop`` is set. Raises WharfingerError."""
    agent = settings.agent
    from daemon.fleet import HttpPeer
    from dashboard.app import create_app
    from dashboard.auth import first_start
    from dashboard.fleet import Fleet
    from dashboard.services import Services
    from storage.factory import open_auth, open_series_reader

    account = ready_to_drop(settings, (auth_path(settings).parent, *map(Path, (agent.data_dir, agent.run_dir))))
    if account is not None:  # the agent does the same, but may be later than we
        make_folder(Path(agent.data_dir), "agent.data_dir", link_group(settings))
        share_series(settings, link_group(settings))
    make_folder(auth_path(settings).parent, "web.auth_dir")
    refuse_planted_link(auth_path(settings))
    auth, series = open_auth(auth_path(settings)), open_series_reader(series_path(settings))
    link = LinkClient(socket_path(settings))
    remote = None
    if settings.store.influxdb.url:
        from storage.influx.reader import InfluxReader

        remote = InfluxReader(settings.store.influxdb)
    cost = Cost("web", others=False)
    fleet = Fleet([HttpPeer(entry) for entry in settings.fleet], now_ms) if settings.fleet else None
    services = Services(
        series=series,
        remote=remote,
        auth=auth,
        agent=link,
        settings=settings,
        clock=now_ms,
        own_cost=cost.said,
        fleet=fleet,
        replay=Replayer(settings),
        backtest=Backtester(settings),
    )
    host, port = parse_listen(settings.web.listen)
    server = HttpServer(create_app(services), host, port, max_streams=settings.web.max_streams)
    if account is not None:  # the address is had, which may need root; nothing that follows does
        take_over(auth_path(settings).parent, account)
        become(account, groups_of(settings))
    url = settings.web.public_url.rstrip("/") or f"http://{local(host)}:{server.port}"
    login = first_start(auth, settings, now_ms(), url=url)
    follower, looking = Worker("link", link.follow), Worker("cost", cost.job)
    follower.start()
    looking.start()
    server.start()
    link.wait(0, FIRST_FRAME_S)
    announce(url, login, link.frame() is not None)
    manager = Notifier.of(os.environ, os.getpid())
    manager.ready()
    keep(stop, manager, server, auth)
    manager.stopping()
    follower.ask_to_stop()
    looking.ask_to_stop()
    link.close()
    server.close()
    follower.stop()
    looking.stop()
    for store in (series, auth, remote, fleet):
        if store is not None:
            with contextlib.suppress(WharfingerError):
                store.close()
    log.info("stopped")
    return 0


def keep(stop: threading.Event, manager: Notifier, server: HttpServer, auth: AuthStore) -> None:
    """Until ``stop``: sessions end in time, and the service manager hears that connections are taken."""
    expired_ms = 0
    while not stop.wait(manager.beat_every_s):
        if server.turns(TURN_S):
            manager.beat()
        if now_ms() - expired_ms >= SESSIONS_MS:
            expired_ms = now_ms()
            auth.expire_sessions(expired_ms)


def announce(url: str, login: str | None, agent: bool) -> None:
    """The one line on standard output that tells a person, and a script, where to go."""
    if not agent:
        log.warning("no agent on the link yet; history can be read, live figures come when it answers")
    sys.stdout.write(f"wharfinger ready url={url} login={login or 'admin'}\n")
    sys.stdout.flush()
