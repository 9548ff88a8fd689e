"""Alerts, rules, silences, receivers and deliveries: the agent answers, we check and pass on."""

from __future__ import annotations

from typing import Any

import msgspec

from dashboard.api.alerting_forms import (
    AlertsQuery,
    DeliveriesQuery,
    Item,
    NewReceiver,
    NewReplay,
    NewSilence,
    ReceiverChange,
)
from dashboard.api.asking import ask, page
from dashboard.api.elsewhere import everywhere, is_elsewhere, on_its_host, where_known
from dashboard.api.forms import ItemsForm
from dashboard.api.layer import API, Call, Nothing, OneHost, Route
from dashboard.api.values import moment_ms
from dashboard.errors import Problem
from model.errors import Fault

MOST_REPLAYED_MS = 14 * 86_400_000


def list_alerts(call: Call[AlertsQuery, None]) -> object:
    """Alerts that are pending or firing; with ``state=resolved`` those that ended."""
    asked = call.query

    def here() -> list[Item]:
        if asked.state == "resolved":
            since_ms = moment_ms(asked.since, call.now_ms, "since", "-24h")
            past = ask(call, "alerts.history", since_ms=since_ms, limit=asked.limit)
            return [row["alert"] for row in past if row["alert"]["state"] == "resolved"]
        return list(ask(call, "alerts.list", state=asked.state))

    return page(everywhere(call, "/alerts", asked.host, here, given(asked))[: asked.limit])


def given(asked: AlertsQuery) -> dict[str, str]:
    """The question as it goes to the other hosts."""
    texts = {"state": asked.state, "since": asked.since, "limit": str(asked.limit)}
    return {key: text for key, text in texts.items() if text is not None}


def history(call: Call[AlertsQuery, None]) -> object:
    """Every change of an alert's state: ``at, before, alert``."""
    asked = call.query
    since_ms = moment_ms(asked.since, call.now_ms, "since", "-24h")

    def here() -> list[Item]:
        past = ask(call, "alerts.history", since_ms=since_ms, limit=asked.limit)
        return [row for row in past if asked.state in (None, row["alert"]["state"])]

    found = everywhere(call, "/alerts/history", asked.host, here, given(asked))
    return page(sorted(found, key=lambda row: str(row["at"]), reverse=True)[: asked.limit])


def acknowledge(call: Call[OneHost, None]) -> object:
    return where_known(call, call.query.host, lambda: ask(call, "alerts.acknowledge", id=call.path["alert_id"]))


def list_rules(call: Call[OneHost, None]) -> object:
    if (answer := on_its_host(call, call.query.host)) is not None:
        return answer
    return page(ask(call, "rules.list"))


def replay(call: Call[OneHost, NewReplay]) -> object:
    """When rules would have fired on this host's stored history; nobody is told. Takes up to two minutes."""
    if (answer := on_its_host(call, call.query.host)) is not None:
        return answer
    since_ms = moment_ms(call.body.since, call.now_ms, "since", "-24h")
    if since_ms >= call.now_ms:
        raise Problem(422, "since must lie in the past", faults=(Fault("since", "must lie in the past"),))
    if call.now_ms - since_ms > MOST_REPLAYED_MS:
        raise Problem(422, "since lies too far back", faults=(Fault("since", "must be at most 14 days back: -14d"),))
    if call.services.replay is None:
        raise Problem(503, "this web process has no history of its own: ask one beside an agent")
    return page(call.services.replay(call.body.toml, since_ms, call.now_ms))


def list_silences(call: Call[OneHost, None]) -> object:
    """Of all hosts that answer."""
    return page(everywhere(call, "/silences", call.query.host, lambda: list(ask(call, "silences.list")), {}))


def create_silence(call: Call[OneHost, NewSilence]) -> object:
    """On this host, or on the one that ``host=`` or the body names alone."""
    body = call.body
    host = call.query.host or (body.host[0] if len(body.host) == 1 and is_elsewhere(call, body.host[0]) else None)
    if (answer := on_its_host(call, host)) is not None:
        return answer
    if (body.duration_s is None) == (body.ends_at is None):
        raise Problem(422, "give one of duration_s, ends_at", faults=(Fault("duration_s", "give it, or ends_at"),))
    ends_at_ms = moment_ms(body.ends_at, call.now_ms, "ends_at", "now") if body.ends_at else None
    starts_at_ms = moment_ms(body.starts_at, call.now_ms, "starts_at", "now") if body.starts_at else None
    return ask(
        call,
        "silences.create",
        rules=body.rules,
        name=body.name,
        group=body.group,
        host=body.host,
        duration_s=body.duration_s,
        starts_at_ms=starts_at_ms,
        ends_at_ms=ends_at_ms,
        hours=None if body.hours is None else msgspec.to_builtins(body.hours),
        comment=body.comment,
    )


def delete_silence(call: Call[OneHost, None]) -> object:
    return where_known(call, call.query.host, lambda: ask(call, "silences.delete", id=call.path["silence_id"]))


def list_receivers(call: Call[Nothing, None]) -> object:
    return page(ask(call, "receivers.list"))


def put(call: Call[Any, Any], name: str, body: NewReceiver | ReceiverChange) -> object:
    return ask(
        call,
        "receivers.put",
        name=name,
        kind=body.kind,
        url=body.url,
        secret=body.secret,
        match=dict(body.match),
        repeat_s=body.repeat_s,
        escalate_after_s=body.escalate_after_s,
    )


def create_receiver(call: Call[Nothing, NewReceiver]) -> object:
    """A new receiver; 409 where the name is taken."""
    if any(item["name"] == call.body.name for item in ask(call, "receivers.list")):
        raise Problem(409, f"there is a receiver {call.body.name} already; PUT changes it")
    return put(call, call.body.name, call.body)


def change_receiver(call: Call[Nothing, ReceiverChange]) -> object:
    """Another form of a receiver; 404 where there is none."""
    name = call.path["receiver"]
    if not any(item["name"] == name for item in ask(call, "receivers.list")):
        raise Problem(404, f"there is no receiver {name[:80]}")
    return put(call, name, call.body)


def delete_receiver(call: Call[Nothing, None]) -> object:
    return ask(call, "receivers.delete", name=call.path["receiver"])


def try_receiver(call: Call[Nothing, None]) -> object:
    """Send a test message at once and answer what came back."""
    return ask(call, "receivers.test", name=call.path["receiver"])


def list_deliveries(call: Call[DeliveriesQuery, None]) -> object:
    return page(ask(call, "deliveries.list", receiver=call.query.receiver, limit=call.query.limit))


ROUTES = (
    Route(
        "GET",
        f"{API}/alerts",
        list_alerts,
        "viewer",
        "Alerts, pending and firing.",
        ItemsForm,
        AlertsQuery,
        errors=(503,),
    ),
    Route(
        "GET",
        f"{API}/alerts/history",
        history,
        "viewer",
        "State changes of alerts.",
        ItemsForm,
        AlertsQuery,
        errors=(503,),
    ),
    Route(
        "GET", f"{API}/alerts/rules", list_rules, "viewer", "Rules in force.", ItemsForm, query=OneHost, errors=(503,)
    ),
    Route(
        "POST",
        f"{API}/alerts/rules/replay",
        replay,
        "viewer",
        "When rules would have fired: tried on the stored history.",
        ItemsForm,
        query=OneHost,
        body=NewReplay,
        errors=(409, 503),
    ),
    Route(
        "POST",
        f"{API}/alerts/<alert_id>/acknowledge",
        acknowledge,
        "operator",
        "Say that it is being looked at.",
        Item,
        query=OneHost,
        errors=(404, 409, 503),
    ),
    Route(
        "GET", f"{API}/silences", list_silences, "viewer", "Silences in force.", ItemsForm, query=OneHost, errors=(503,)
    ),
    Route(
        "POST",
        f"{API}/silences",
        create_silence,
        "operator",
        "Silence alerts for a time.",
        Item,
        query=OneHost,
        body=NewSilence,
        status=201,
        errors=(503,),
    ),
    Route(
        "DELETE",
        f"{API}/silences/<silence_id>",
        delete_silence,
        "operator",
        "End a silence.",
        None,
        query=OneHost,
        status=204,
        errors=(404, 503),
    ),
    Route(
        "GET", f"{API}/receivers", list_receivers, "viewer", "Receivers, secrets left out.", ItemsForm, errors=(503,)
    ),
    Route(
        "POST",
        f"{API}/receivers",
        create_receiver,
        "admin",
        "Add a receiver.",
        Item,
        body=NewReceiver,
        status=201,
        errors=(409, 503),
    ),
    Route(
        "PUT",
        f"{API}/receivers/<receiver>",
        change_receiver,
        "admin",
        "Change a receiver.",
        Item,
        body=ReceiverChange,
        errors=(404, 503),
    ),
    Route(
        "DELETE",
        f"{API}/receivers/<receiver>",
        delete_receiver,
        "admin",
        "Remove a receiver.",
        None,
        status=204,
        errors=(404, 422, 503),
    ),
    Route(
        "POST",
        f"{API}/receivers/<receiver>/test",
        try_receiver,
        "operator",
        "Send a test message.",
        Item,
        errors=(404, 503),
    ),
    Route(
        "GET",
        f"{API}/deliveries",
        list_deliveries,
        "viewer",
        "Attempts of delivery, newest first.",
        ItemsForm,
        DeliveriesQuery,
        errors=(503,),
    ),
)
