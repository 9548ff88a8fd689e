"""Why a sign-in by the provider did not succeed."""

from __future__ import annotations

from typing import Literal

Why = Literal["away", "refused", "stale", "untrusted", "no_role", "taken", "disabled", "busy"]
"""What the login page is told; it has words for each in every language."""


class SignInFailed(Exception):
    """``why`` is for the person in front of the browser, ``detail`` for the log: it may quote the provider."""

    def __init__(self, why: Why, detail: str) -> None:
        super().__init__(detail)
        self.why: Why = why
        self.detail = detail
