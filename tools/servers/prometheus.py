"""Prometheus and Alertmanager on loopback, from Debian's packages."""

from __future__ import annotations

import contextlib
import urllib.request

from tools.servers.process import Child, find_binary, free_port, launch, make_folder, remove_folder


def is_ready(url: str) -> bool:
    """Both listen a while before they answer questions, and then say so at this place."""
    with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/-/ready", timeout=2) as answer:
        return bool(answer.status == 200)
    return False


class Prometheus:
    """One Prometheus with a configuration of its own. ``url``: its address."""

    def __init__(self, config: str, rules: dict[str, str] | None = None) -> None:
        binary = find_binary("prometheus", "prometheus")
        self.folder = make_folder("prometheus")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        (self.folder / "prometheus.yml").write_text(config)
        for name, text in (rules or {}).items():
            (self.folder / name).write_text(text)
        argv = [
            binary,
            f"--config.file={self.folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={self.folder / 'data'}",
        ]
        argv += [f"--web.listen-address=127.0.0.1:{self.port}", "--web.enable-lifecycle", "--log.level=warn"]
        self._child: Child = launch("prometheus", argv, self.folder, lambda: is_ready(self.url))

    def close(self) -> None:
        self._child.stop()
        remove_folder(self.folder)


ALERTMANAGER = """
route:
  receiver: nobody
  group_wait: 1s
receivers:
  - name: nobody
"""


class Alertmanager:
    """One Alertmanager, without a cluster. ``url``: its address."""

    def __init__(self, config: str = ALERTMANAGER) -> None:
        binary = find_binary("prometheus-alertmanager", "prometheus-alertmanager")
        self.folder = make_folder("alertmanager")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        (self.folder / "alertmanager.yml").write_text(config)
        argv = [binary, f"--config.file={self.folder / 'alertmanager.yml'}", f"--storage.path={self.folder / 'data'}"]
        argv += [f"--web.listen-address=127.0.0.1:{self.port}", "--cluster.listen-address=", "--log.level=warn"]
        self._child: Child = launch("alertmanager", argv, self.folder, lambda: is_ready(self.url))

    def close(self) -> None:
        self._child.stop()
        remove_folder(self.folder)
