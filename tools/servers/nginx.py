"""nginx on loopback as a reverse proxy: what stands in front of a dashboard in real life."""

from __future__ import annotations

from tools.servers.process import Child, answers, find_binary, free_port, launch, make_folder, remove_folder

CONFIG = """
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
  server {{
    listen 127.0.0.1:{port};
    {server}
  }}
}}
"""


class Nginx:
    """One nginx with one server. ``server``: the text inside its ``server { }`` block. ``url``: its address."""

    def __init__(self, server: str) -> None:
        binary = find_binary("nginx", "nginx-light")
        self.folder = make_folder("nginx")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        (self.folder / "nginx.conf").write_text(CONFIG.format(folder=self.folder, port=self.port, server=server))
        argv = [
            binary,
            "-p",
            str(self.folder),
            "-c",
            str(self.folder / "nginx.conf"),
            "-e",
            str(self.folder / "error.log"),
        ]
        # Started by root, nginx's workers are www-data and must get through the private folder.
        self.folder.chmod(0o755)
        self._child: Child = launch("nginx", argv, self.folder, lambda: answers(self.port))

    def close(self) -> None:
        self._child.stop()
        remove_folder(self.folder)
