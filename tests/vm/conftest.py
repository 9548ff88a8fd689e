"""Which tests of the guest run: those of ``make vm`` only where it says so."""

from __future__ import annotations

import os

collect_ignore = [] if os.environ.get("VM") == "all" else ["test_growing.py"]
