"""Times of day at which a rule is in force: read from a file, and asked of a moment. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from alerts.table import Table, nearest
from config.values import shown
from model.alert import Hours
from model.errors import Fault, InvalidInput

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CLOCK: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|24:00")


def within(hours: Hours, at_ms: int) -> bool:
    """Whether the hours hold at a moment. Hours past midnight belong to the day on which they begin."""
    moment = datetime.fromtimestamp(at_ms / 1000, zone_of(hours.zone))
    minute, day = 60 * moment.hour + moment.minute, moment.weekday()
    if hours.since_minute < hours.until_minute:
        return hours.since_minute <= minute < hours.until_minute and day in hours.days
    if minute >= hours.since_minute:
        return day in hours.days
    return minute < hours.until_minute and (day - 1) % 7 in hours.days


def end_ms(hours: Hours, at_ms: int) -> int:
    """When the hours end that hold at ``at_ms``: on the wall clock of their zone, summer time or not."""
    zone = zone_of(hours.zone)
    moment = datetime.fromtimestamp(at_ms / 1000, zone)
    minute = 60 * moment.hour + moment.minute
    day = moment.date()
    if hours.since_minute >= hours.until_minute and minute >= hours.since_minute:
        day += timedelta(days=1)
    midnight = datetime.combine(day, time(), zone) + timedelta(minutes=hours.until_minute)
    return max(at_ms, round(midnight.timestamp() * 1000))


def hours_in(rule: Table) -> Hours | None:
    """``hours = { from = "08:00", to = "18:00", days = ["mon", "tue"], zone = "Europe/Berlin" }``."""
    table = rule.table("hours")
    if table is None:
        return None
    hours = hours_of(table)
    table.finish()
    return hours


def hours_asked(values: Mapping[str, object]) -> Hours:
    """The hours of a request, in the same form. Raises InvalidInput with all faults."""
    faults: list[Fault] = []
    table = Table(values, "hours", faults)
    hours = hours_of(table)
    table.finish()
    if faults:
        raise InvalidInput(tuple(faults))
    return hours


def hours_of(table: Table, since: str = "from", until: str = "to") -> Hours:
    """The hours that a table tells, each part optional; ``since`` and ``until`` are the names of its keys."""
    since_minute, until_minute = minute_of(table, since, 0), minute_of(table, until, 1440)
    if since_minute == until_minute and table.text(since):
        table.fault(until, f"is the same time as {since}: leave both out for the whole day")
    days = []
    for day in table.texts("days"):
        if day in DAYS:
            days.append(DAYS.index(day))
        else:
            table.fault("days", f"{shown(day)} is no day{nearest(day, DAYS)}")
    zone = table.text("zone")
    if zone and not is_zone(zone):
        table.fault("zone", f"{shown(zone)} is no time zone: write a name such as Europe/Berlin or UTC")
        zone = ""
    return Hours(since_minute, until_minute, tuple(days) or tuple(range(7)), zone)


def minute_of(table: Table, key: str, default: int) -> int:
    """``08:30`` as minutes of the day."""
    text = table.text(key)
    if not text:
        return default
    if not CLOCK.fullmatch(text):
        table.fault(key, f"{shown(text)} is no time of day: write 08:30")
        return default
    hour, minute = text.split(":")
    return 60 * int(hour) + int(minute)


def zone_of(name: str) -> tzinfo | None:
    """The time zone of a name; None for the host's own. UTC is known on a host without zone data too."""
    if name.upper() == "UTC":
        return UTC
    return ZoneInfo(name) if name else None


def is_zone(name: str) -> bool:
    """Whether this host knows the time zone."""
    try:
        zone_of(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
