"""The real application over the made-up world, served on loopback. ``python -m tests.browser.server`` to look at it."""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from waitress.server import create_server
from waitress.wasyncore import close_all

from config.schema import OidcSettings, Settings, WebSettings
from dashboard.app import create_app
from dashboard.auth import first_start, hash_password
from dashboard.services import Services
from storage.api import AuthStore, Role, User
from storage.factory import open_auth
from tests.browser.series import WorldSeries
from tests.browser.world import World

PASSWORD = "correct horse battery"


class Dashboard:
    """One server: ``.url .world .auth``; users ``mina`` (operator), ``vera`` (viewer), ``admin``."""

    def __init__(
        self, folder: Path, *, port: int = 0, prefix: str = "", fresh: bool = False, oidc: OidcSettings | None = None
    ) -> None:
        self.world = World()
        self.cookies: dict[str, Any] = {}
        """Of users who have logged in already: a login costs a tenth of a second."""
        self.auth: AuthStore = open_auth(folder / "auth.db")
        public_url = f"http://127.0.0.1{prefix}" if prefix else ""
        settings = Settings(web=WebSettings(public_url=public_url, max_streams=40, oidc=oidc or OidcSettings()))
        users: tuple[tuple[str, Role], ...] = (("mina", "operator"), ("vera", "viewer"), ("admin", "admin"))
        if not fresh:
            hashed = hash_password(PASSWORD)
            for name, role in users:
                self.auth.put_user(User(name, role, hashed, 0))
        clock = lambda: int(time.time() * 1000)  # noqa: E731
        services = Services(
            WorldSeries(self.world),
            None,
            self.auth,
            self.world,
            settings,
            clock,
            replay=self.world.replay,
            backtest=self.world.backtest,
        )
        app = create_app(services)
        app.config["PROPAGATE_EXCEPTIONS"] = False
        self._server: Any = create_server(
            app, host="127.0.0.1", port=port, threads=24, ident=None, clear_untrusted_proxy_headers=False
        )
        self._thread = threading.Thread(target=self._server.run, name="dashboard", daemon=True)
        self.url = f"http://127.0.0.1:{self._server.effective_port}{prefix}"
        self.setup_url = first_start(self.auth, settings, clock(), url=self.url) if fresh else None
        self._thread.start()

    def close(self) -> None:
        """Let the streams of closed browsers end, then close all sockets in the server's own thread."""
        self.world.ending.set()
        deadline = time.monotonic() + 4
        while self._server.active_channels and time.monotonic() < deadline:
            threading.Event().wait(0.05)
        self._server.task_dispatcher.shutdown(cancel_pending=True, timeout=1)
        self._server.trigger.pull_trigger(lambda: close_all(self._server._map, ignore_all=True))
        self._thread.join(3)
        self.auth.close()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        dashboard = Dashboard(Path(folder), port=int(sys.argv[1]) if len(sys.argv) > 1 else 8123)
        print(f"{dashboard.url} as mina, vera or admin, password {PASSWORD!r}; Ctrl-C ends it", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            dashboard.close()


if __name__ == "__main__":
    main()
