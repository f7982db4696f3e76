"""The nginx.conf we ship, in front of a folder and a port of this machine: for benchmarks and tests."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

CONF = Path(settings.ROOT) / "deploy" / "nginx.conf"


def program() -> str | None:
    """Where nginx is installed; None where it is not."""
    return shutil.which("nginx") or next((str(path) for path in [Path("/usr/sbin/nginx")] if path.exists()), None)


@contextmanager
def serving(site: Path, *, django_port: int, prefix: tuple[str, ...] = ()) -> Iterator[int]:
    """nginx on a free port, serving `site`; yields the port. Only what names the machine is replaced in the file."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)  # noqa: S103  (nginx's worker is another user)
        conf = Path(folder) / "nginx.conf"
        conf.write_text(_for_here({
            "listen 8080 default_server": f"listen 127.0.0.1:{port}",
            "root /srv/site": f"root {site}",
            "server web:8000": f"server 127.0.0.1:{django_port}",
            "access_log /dev/stdout plain": f"access_log {folder}/access.log plain",
            "error_log stderr": f"error_log {folder}/error.log",
            "worker_processes auto": "worker_processes 1; daemon off; user root",
            "/tmp/nginx": f"{folder}/nginx",  # noqa: S108
        }))  # fmt: skip
        with process([*prefix, str(program()), "-c", str(conf), "-e", f"{folder}/error.log"], port):
            yield port


def _for_here(replacements: dict[str, str]) -> str:
    text = CONF.read_text()
    for ours, here in replacements.items():
        if ours not in text:
            raise ValueError(f"{CONF.name} no longer says “{ours}”")
        text = text.replace(ours, here)
    return text if os.geteuid() == 0 else text.replace("user root", "user nobody")


@contextmanager
def process(command: list[str], port: int, env: dict[str, str] | None = None) -> Iterator[None]:
    """A server as a process of its own, from when it listens until the end."""
    server = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(400):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if server.poll() is not None:
                raise RuntimeError(f"{command[0]} ended with {server.returncode} before it listened")
            time.sleep(0.05)
        yield
    finally:
        server.terminate()
        server.wait()
