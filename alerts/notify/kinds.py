"""Every kind of receiver there is."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from alerts.notify.alertmanager import ALERTMANAGER
from alerts.notify.apprise import APPRISE
from alerts.notify.chat import DISCORD, SLACK
from alerts.notify.notifier import Notifier
from alerts.notify.ntfy import NTFY
from alerts.notify.pagerduty import PAGERDUTY
from alerts.notify.webhook import WEBHOOK

NOTIFIERS: Final[Mapping[str, Notifier]] = MappingProxyType(
    {
        "webhook": WEBHOOK,
        "alertmanager": ALERTMANAGER,
        "slack": SLACK,
        "discord": DISCORD,
        "ntfy": NTFY,
        "pagerduty": PAGERDUTY,
        "apprise": APPRISE,
    }
)
