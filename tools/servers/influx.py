"""InfluxDB 1.6 and VictoriaMetrics on loopback from Debian's packages, and an nginx that makes 1.6 look like 2.x."""

from __future__ import annotations

import signal
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from tools.servers.process import Child, find_binary, free_port, launch, make_folder, remove_folder

INFLUXD = """
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
dir = "{folder}/meta"
[data]
dir = "{folder}/data"
wal-dir = "{folder}/wal"
index-version = "tsi1"
[monitor]
store-enabled = false
[http]
bind-address = "127.0.0.1:{port}"
log-enabled = false
auth-enabled = {auth}
"""

FRONT = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  client_max_body_size 50m;
  client_body_buffer_size 8m;
  # 1.x takes a precision that it does not know silently for nanoseconds.
  map $arg_precision $known {{ default $arg_precision; "" n; ns n; us u; }}
  map $http_authorization $allowed {{ default 0; "Token {token}" 1; "Bearer {token}" 1; }}
  map $http_authorization $allowed_v1 {{ default 0; "Token {token}" 1; }}
  upstream server {{ server {upstream}; keepalive 8; }}
  server {{
    listen 127.0.0.1:{port};
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Authorization "";
    default_type application/json;
    error_page 401 = @unauthorized;
    location @unauthorized {{ return 401 '{{"code":"unauthorized","message":"unauthorized access"}}'; }}
    location = /health {{
      return 200 '{{"name":"influxdb","message":"ready for queries and writes","status":"pass","version":"v2.7.12"}}';
    }}
    location = /ping {{ proxy_pass http://server; }}
    location = /api/v2/write {{
      if ($allowed = 0) {{ return 401; }}
      if ($arg_bucket = "") {{ return 404 '{{"code":"not found","message":"bucket not found"}}'; }}
      rewrite ^ /write?db=$arg_bucket&precision=$known? break;
      proxy_pass http://server;
    }}
    location = /query {{
      if ($allowed_v1 = 0) {{ return 401; }}
      proxy_pass http://server;
    }}
    location / {{ return 404 '{{"code":"not found","message":"path not found"}}'; }}
  }}
}}
"""


def pings(port: int, path: str = "/ping") -> bool:
    """Does an HTTP server answer here with a success?"""
    connection = HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status < 300
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


class Influxd:
    """One influxd that may be stopped, killed, frozen and started again on the same port and data. ``url``."""

    def __init__(self, *, auth: bool = False) -> None:
        self._binary = find_binary("influxd", "influxdb")
        self.folder = make_folder("influxd")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        text = INFLUXD.format(folder=self.folder, port=self.port, rpc=free_port(), auth="true" if auth else "false")
        (self.folder / "influx.conf").write_text(text)
        self._child: Child | None = None
        self.start()

    def start(self) -> None:
        """Start, or thaw; harmless while it runs."""
        if self._child is not None and self._child.alive():
            self._child.signal(signal.SIGCONT)
            return
        argv = [self._binary, "-config", str(self.folder / "influx.conf")]
        self._child = launch("influxd", argv, self.folder, lambda: pings(self.port))

    def stop(self) -> None:
        self._running().stop()

    def kill(self) -> None:
        """SIGKILL."""
        self._running().kill()

    def freeze(self) -> None:
        """SIGSTOP: it takes connections and never answers, until :meth:`start`."""
        self._running().signal(signal.SIGSTOP)

    def close(self) -> None:
        self.start()
        self.stop()
        remove_folder(self.folder)

    def _running(self) -> Child:
        if self._child is None:
            raise RuntimeError("influxd was never started")
        return self._child


class InfluxV2Front:
    """nginx that speaks 2.x in front of an influxd 1.6: ``/api/v2/write``, ``/health``, token. ``url token``.

    Not faithful in one thing: a partial write is answered 400 as by 1.x, where 2.x says 422.
    """

    token = "front-token"

    def __init__(self, upstream_port: int) -> None:
        binary = find_binary("nginx", "nginx-light")
        self.folder = make_folder("nginx-influx")
        # Started by root, nginx's workers are www-data and must get through the private folder.
        self.folder.chmod(0o755)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        text = FRONT.format(folder=self.folder, port=self.port, upstream=f"127.0.0.1:{upstream_port}", token=self.token)
        config = self.folder / "nginx.conf"
        config.write_text(text)
        error_log = str(self.folder / "error.log")
        argv = [binary, "-p", str(self.folder), "-c", str(config), "-e", error_log]
        self._child = launch("nginx", argv, self.folder, lambda: pings(self.port, "/health"))

    def close(self) -> None:
        self._child.stop()
        remove_folder(self.folder)


class VictoriaMetrics:
    """One VictoriaMetrics, its newest seconds visible at once. ``url``."""

    def __init__(self) -> None:
        binary = find_binary("victoria-metrics", "victoria-metrics")
        self.folder = make_folder("victoria")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        argv = [
            binary,
            f"-storageDataPath={Path(self.folder, 'data')}",
            f"-httpListenAddr=127.0.0.1:{self.port}",
            "-retentionPeriod=12",
            "-search.latencyOffset=0s",
        ]
        self._child = launch("victoria-metrics", argv, self.folder, lambda: pings(self.port, "/health"))

    def close(self) -> None:
        self._child.stop()
        remove_folder(self.folder)
