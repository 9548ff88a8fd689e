"""Times of day at which a rule is in force: read from a file, and asked of a moment. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from alerts.table import Table, nearest
from config.values import shown
from model.alert import Hours

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


def hours_of(rule: Table) -> Hours | None:
    """``hours = { from = "08:00", to = "18:00", days = ["mon", "tue"], zone = "Europe/Berlin" }``."""
    table = rule.table("hours")
    if table is None:
        return None
    since, until = minute_of(table, "from", 0), minute_of(table, "to", 1440)
    if since == until and "from" in table:
        table.fault("to", "is the same time as from: leave both out for the whole day")
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
    table.finish()
    return Hours(since, until, tuple(days) or tuple(range(7)), zone)


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
