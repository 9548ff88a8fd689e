"""The one gate for tests whose real server or program is not to be had."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest

from tools.servers.process import Missing


def missing(reason: Missing | str) -> NoReturn:
    """Skip the test for want of a server; in CI as root fail it, for there everything is meant to be there."""
    if os.environ.get("CI") and os.geteuid() == 0:
        pytest.fail(f"must be there in CI: {reason}", pytrace=False)
    pytest.skip(str(reason))
