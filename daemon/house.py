"""The agent's house: every room of it, introduced to the others."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from alerts.detectors.all import build as build_detectors
from alerts.engine import Engine
from alerts.findings import Tracker
from alerts.notify.networks import Networks, denied_networks
from alerts.outbox import Dispatcher
from alerts.receivers import configured, faults_of, merged
from alerts.rules import load
from config.schema import Settings
from daemon import standby
from daemon.build import (
    build_push,
    build_sampler,
    host_name,
    make_folder,
    own_url,
    push_losses,
    series_path,
    share_series,
    socket_path,
    state_path,
)
from daemon.clock import now_ms
from daemon.commands import Commands
from daemon.commands_alerts import AlertCommands
from daemon.commands_limits import LimitCommands
from daemon.cost import Cost, in_all
from daemon.garbage import Garbage
from daemon.health import Health, process_numbers, push_numbers, step_state, tick_numbers, tick_state
from daemon.history import seeding
from daemon.link import LinkServer
from daemon.machine import look
from daemon.pipeline import Pipeline
from daemon.privilege import link_group
from daemon.steps import Steps
from daemon.ticker import Ticker
from daemon.worker import Job, Worker
from limits.actuator.choose import build_actuator, build_podman
from limits.controller import Controller
from model.alert import Receiver
from model.change import Change
from model.errors import WharfingerError
from storage.factory import open_series_writer, open_state
from storage.recent import RecentMemory

log = logging.getLogger(__name__)

UPKEEP_S = 1.0
STOP_S = 6.0
"""All workers together have this long to end; the supervisor waits a little longer."""
DELIVER = "deliver:"


class AgentHouse:
    """Built from settings, started, ticked, reloaded, closed; owns every part and every worker of the agent."""

    def __init__(self, settings: Settings) -> None:
        """Raises UsageError, InvalidInput or StoreError, each with its remedy."""
        group = link_group(settings)
        make_folder(Path(settings.agent.data_dir), "agent.data_dir", group)
        host = host_name(settings)
        self.settings = settings
        rules = load(settings.alerts)
        recent, self._steps = RecentMemory(), Steps()
        self.state = open_state(state_path(settings))
        self._series = open_series_writer(series_path(settings), settings.store, host)
        share_series(settings, group)
        self._spool, self._sender = build_push(settings)
        self._sampler = build_sampler(settings)
        public_url = settings.web.public_url or own_url(settings)
        prefix = settings.discovery.label_prefix
        self.engine = Engine(
            rules, self.receivers(), self.state, recent, host, public_url, label_prefix=prefix, settings=settings.alerts
        )
        self._dispatcher = Dispatcher(self.state, self.receivers, host, public_url, denied=self._denied)
        self.controller = Controller(
            settings.limits,
            prefix,
            settings.host,
            self.state,
            build_actuator(settings.host, settings.discovery),
            self.engine.wishes,
            self._note,
            os.cpu_count() or 1,
            hands=self.engine.hands,
            podman=build_podman(settings.discovery),
        )
        self._health = self._build_health()
        asked = in_all(self._sampler.asked_for, self.controller.asked_for)
        self._cost = Cost("agent", settings.host.proc, asked=asked)
        self._machine = look(settings.host)
        self.link = LinkServer(socket_path(settings), self._commands().answer, group)
        detectors = build_detectors(push_losses(self._spool, self._sender))
        self._seed = Worker("history", seeding(detectors, series_path(settings), host))
        self.pipeline = Pipeline(
            sampler=self._sampler,
            recent=recent,
            series=self._series,
            spool=self._spool,
            detectors=detectors,
            tracker=Tracker(),
            engine=self.engine,
            controller=self.controller,
            link=self.link,
            parts=self._health.parts,
            steps=self._steps,
            own_cost=self._cost.said,
        )
        self._garbage = Garbage()
        self.ticker = Ticker(settings.agent.interval_s, self.tick, now_ms)
        self._look = Worker("memory-look", lambda at_ms: self.controller.between_ticks(self._sampler.quick_look, at_ms))
        self._workers = self._fixed_workers()
        self._started = False
        self._reconcile()
        self.engine.wake = self._deliver_now
        self._dispatcher.changed = self._receivers_changed

    def receivers(self) -> tuple[Receiver, ...]:
        """Configured receivers and those made through the API. Any thread."""
        return merged(configured(self.settings.alerts), self.state.receivers())

    def _denied(self) -> Networks:
        """Networks that receivers made through the API may not reach."""
        return denied_networks(self.settings.alerts)

    def start(self) -> None:
        """Open the link, settle what a crash left behind, start every worker. Raises UsageError."""
        self.link.start()
        self.controller.recover(now_ms())
        self._started = True
        self._garbage.take_over()
        for worker in self._workers:
            worker.start()

    def tick(self, at_ms: int) -> None:
        """One tick, and after it what may not come in its way. The clock's thread."""
        self.pipeline.tick(at_ms)
        self._garbage.after_tick(at_ms)

    def reload(self, settings: Settings) -> None:
        """Take over rules, receivers and limit policy of new settings, all or nothing. Raises InvalidInput."""
        rules, receivers = load(settings.alerts), merged(configured(settings.alerts), self.state.receivers())
        self.engine.reload(rules, receivers, settings.alerts)
        self.controller.reload(settings.limits)
        self.settings = settings
        self._reconcile()
        log.info("reloaded: %d rules, %d receivers", len(rules), len(self.receivers()))

    def close(self) -> None:
        """Stop the workers, then close what they worked on."""
        self._garbage.give_back()
        for worker in self._workers:
            worker.ask_to_stop()
        if self._started:
            self._look.stop()  # before the files that it keeps open are let go
        self._sampler.close()
        self._dispatcher.close()
        self.controller.close()
        deadline = time.monotonic() + STOP_S
        for worker in self._workers:
            if self._started and not worker.stop(timeout_s=max(0.0, deadline - time.monotonic())):
                log.warning("worker %s did not end in time", worker.name)
        self.link.close()
        self._last_push()
        for part in (self._sender, self._spool, self._series, self.state):
            if part is None:
                continue
            try:
                part.close()
            except WharfingerError as error:
                log.error("while stopping: %s", error)

    def _last_push(self) -> None:
        """What is rolled up so far, and what waits, goes out, where the server is there; else it stays in the spool."""
        if self._spool is None or self._sender is None:
            return
        try:
            self._spool.finish()
            if self._sender.state()[0] == "ok":
                self._sender.job(now_ms())
        except WharfingerError as error:
            log.error("while stopping: %s", error)

    def _note(self, change: Change) -> None:
        """The controller's word that a change happened; the pipeline tells it at the next tick, and limits are
        read anew at it."""
        self._sampler.refresh_limits(change.container_id)
        self.pipeline.note(change)

    def _fixed_workers(self) -> list[Worker]:
        act = Worker("limits", self.controller.act)
        self.controller.wake = act.wake
        workers = [Worker(name, job) for name, job in self._sampler.jobs()]
        workers += [
            act,
            self._look,
            self._seed,
            Worker("store", upkeep(self._series.upkeep)),
            Worker("cost", self._cost.job),
        ]
        if self._sender is not None:
            workers.append(Worker("influxdb", self._sender.job))
        return workers

    def _reconcile(self) -> None:
        """One delivery worker a receiver, so that one that hangs harms no other."""
        wanted = {DELIVER + r.name: r.name for r in self.receivers()}
        for worker in [w for w in self._workers if w.name.startswith(DELIVER) and w.name not in wanted]:
            self._workers.remove(worker)
            worker.ask_to_stop()
        running = {w.name for w in self._workers}
        for name, receiver in wanted.items():
            if name not in running:
                worker = Worker(name, self._delivery(receiver))
                self._workers.append(worker)
                if self._started:
                    worker.start()

    def _delivery(self, receiver: str) -> Job:
        return lambda at_ms: self._dispatcher.deliver(receiver, at_ms)

    def _deliver_now(self) -> None:
        """Notifications were queued: no receiver waits for its next turn."""
        for worker in self._workers:
            if worker.name.startswith(DELIVER):
                worker.wake()

    def _receivers_changed(self) -> None:
        self.engine.reload(self.engine.rules(), self.receivers())
        self._reconcile()
        while self._dispatcher.drop_orphans(now_ms()):
            pass  # it drops a bounded number at a time

    def _commands(self) -> Commands:
        alerts = AlertCommands(
            self.engine, self._dispatcher, self.state, self.receivers, self._receivers_changed, faults_of
        )
        limits = LimitCommands(self.controller, self.state, self._status)
        return Commands(alerts.entries() + limits.entries())

    def _build_health(self) -> Health:
        kept_aside = standby.state(self.settings)
        return Health(
            {
                "agent": lambda: ("ok", ""),
                "tick": lambda: tick_state(self.ticker.record, self._steps),
                "store": lambda: kept_aside or step_state(self._steps, "series", "events"),
                "influxdb": self._sender.state if self._sender else lambda: ("off", "store.influxdb.url is not set"),
                "docker": self._sampler.part,
                "alerts": lambda: step_state(self._steps, "alerts"),
                "limits": lambda: step_state(self._steps, "limits", "annotate"),
            }
        )

    def _status(self, at_ms: int) -> Mapping[str, object]:
        """The answer to ``status``: parts with details, own numbers, what the host offers."""
        parts = self._health.parts(at_ms)
        return {
            "parts": [{"name": p.name, "state": p.state, "since_ms": p.since_ms, "detail": p.detail} for p in parts],
            "metrics": self._numbers(),
            "capabilities": dict(self._sampler.capabilities()),
            "own_cost": dict(self._cost.said()),
            "machine": {
                "identity": dict(self._machine.identity),
                "gauges": dict(self._machine.gauges),
                "kernel": self._machine.kernel,
            },
            "undelivered": dict(self.state.undelivered()),
        }

    def _numbers(self) -> dict[str, float]:
        numbers = process_numbers() | tick_numbers(self.ticker.record, self._steps) | self._cost.numbers()
        if self._spool is not None:
            numbers |= push_numbers(self._sender.counters())
        numbers["wharfinger_store_lost_rows_total"] = float(self._series.lost_rows)
        numbers |= self.controller.counts()
        for worker in self._workers:
            numbers[f'wharfinger_worker_failures_total{{worker="{worker.name}"}}'] = float(worker.failures)
        numbers["wharfinger_link_connections"] = float(self.link.connections())
        return numbers


def upkeep(keep: Callable[[int], None]) -> Job:
    """The store's upkeep as a job."""

    def job(at_ms: int) -> float:
        keep(at_ms)
        return UPKEEP_S

    return job
