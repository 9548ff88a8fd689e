"""Our container image, built on a base that is made here from Debian's packages: nothing comes from a registry."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml
from docker.errors import BuildError, ImageNotFound

from tools.servers.docker import LABEL, DockerEngine
from tools.servers.process import Missing, find_binary

ROOT = Path(__file__).resolve().parent.parent.parent
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
BASE = "wharfinger-test/base:1"
IMAGE = "wharfinger-test/image:1"
PACKAGES = "python3,python3-venv,python3-pip,ca-certificates"
PIP_VARIABLES = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "PIP_PROXY", "https_proxy", "http_proxy")


def base_tar(folder: Path) -> Path:
    """A Debian root with Python, and this machine's certificates in it; kept in ``folder`` for the next time."""
    path = folder / "base.tar"
    if not path.exists():
        binary = find_binary("mmdebstrap", "mmdebstrap")
        folder.mkdir(parents=True, exist_ok=True)
        new = path.with_suffix(".new.tar")
        argv = [binary, "--quiet", "--variant=minbase", f"--include={PACKAGES}"]
        if Path(CERTIFICATES).exists():
            argv.append(f"--customize-hook=copy-in {CERTIFICATES} /etc/ssl/certs")
        done = subprocess.run([*argv, "bookworm", str(new)], capture_output=True, text=True, check=False)
        if done.returncode:
            new.unlink(missing_ok=True)
            raise Missing(f"mmdebstrap could not make a base: {done.stderr.strip()[-300:]}")
        shutil.move(new, path)
    return path


def build_base(engine: DockerEngine) -> str:
    """The base image; imported where the engine has it not yet."""
    try:
        engine.client.images.get(BASE)
    except ImageNotFound:
        changes = [f"ENV PIP_CERT={CERTIFICATES}", f"LABEL {LABEL}=1"]
        changes += [f"ENV {name}={os.environ[name]}" for name in PIP_VARIABLES if os.environ.get(name)]
        name, tag = BASE.split(":")
        path = str(base_tar(ROOT / "build/image"))
        engine.client.api.import_image_from_file(path, repository=name, tag=tag, changes=changes)
    return BASE


def nameless(engine: DockerEngine, label: str = "wharfinger.stage=build") -> set[str]:
    """Ids of images of ours that carry no name (any more)."""
    found = engine.client.images.list(filters={"dangling": True, "label": label})
    return {str(image.id) for image in found}


def build_image(engine: DockerEngine) -> str:
    """Our image, by the Dockerfile of the repository; raises RuntimeError with the end of the build's log."""
    base = build_base(engine)
    before = nameless(engine)
    try:
        engine.client.images.build(
            path=str(ROOT),
            tag=IMAGE,
            buildargs={"BASE": base},
            labels={LABEL: "1"},
            network_mode="host",
            rm=True,
            forcerm=True,
        )
    except BuildError as fault:
        log = "".join(str(line.get("stream", "")) for line in fault.build_log if isinstance(line, dict))
        raise RuntimeError(f"{fault}\n{log[-2000:]}") from fault
    # Only the newest of each stage stays, as the cache of the next build.
    if nameless(engine) - before:
        for stale in before:
            engine.client.images.remove(stale, force=True)
    for stale in nameless(engine, f"{LABEL}=1"):
        engine.client.images.remove(stale, force=True)
    return IMAGE


def compose_service(name: str, file: str = "compose.yaml") -> dict[str, Any]:
    """One service of a compose file of deploy/, its ``<<`` merged; variables stand as they are written there."""
    document: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / file).read_text())
    service: dict[str, Any] = document["services"][name]
    return service


def value_of(text: str, environ: dict[str, str]) -> str:
    """``${NAME:-default}`` as compose reads it."""
    if not text.startswith("${"):
        return text
    name, _, default = text[2:-1].partition(":-")
    return environ.get(name) or default


def run_options(service: dict[str, Any], environ: dict[str, str], volumes: dict[str, str]) -> dict[str, Any]:
    """The Docker SDK's options that do what ``docker compose`` does with a service.

    ``volumes``: name in the file → name of the volume to use in its place. Ports are left out.
    """
    binds = []
    for mount in service["volumes"]:
        source, _, rest = mount.partition(":")
        binds.append(f"{volumes.get(source, source)}:{rest}")
    options: dict[str, Any] = {
        "environment": {k: value_of(str(v), environ) for k, v in service.get("environment", {}).items()},
        "volumes": binds,
        "read_only": service["read_only"],
        "tmpfs": dict.fromkeys(service["tmpfs"], ""),
        "cap_drop": service["cap_drop"],
        "security_opt": service["security_opt"],
        "stop_signal": None,
    }
    for key in ("user", "cap_add"):
        if key in service:
            options[key] = service[key]
    return options
