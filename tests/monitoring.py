"""Real metrics servers for tests: private, on a free port of the loopback interface, in a temporary folder."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest


def program(name: str) -> str:
    """Return the path of a program; skips the test if it isn't installed."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed (Debian: {'prometheus' if name == 'promtool' else name})")
    return path


@contextmanager
def prometheus(data: Path, *options: str) -> Iterator[str]:
    """Run a Prometheus server that scrapes nothing over the blocks in a folder; yields its address."""
    path = program("prometheus")
    with TemporaryDirectory() as folder:
        config = Path(folder) / "prometheus.yml"
        config.write_text("{}")
        # Otherwise data from years ago would be dropped at once.
        keep = "--storage.tsdb.retention.time=100y"
        arguments = [f"--config.file={config}", f"--storage.tsdb.path={data}", keep, *options]
        with _running([path, *arguments, "--web.listen-address={address}"], "/-/ready") as url:
            yield url


@contextmanager
def victoria_metrics() -> Iterator[str]:
    """Run an empty VictoriaMetrics server; yields its address."""
    path = program("victoria-metrics")
    with TemporaryDirectory() as folder:
        arguments = [f"-storageDataPath={folder}", "-retentionPeriod=100y", "-httpListenAddr={address}"]
        with _running([path, *arguments], "/health") as url:
            yield url


@contextmanager
def _running(command: list[str], ready: str) -> Iterator[str]:
    """Run a server; yields once it is ready, and stops it afterwards."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    with TemporaryDirectory() as folder, (Path(folder) / "log").open("w+b") as log:
        server = subprocess.Popen([part.format(address=address) for part in command], stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + 30
            while not _answers(f"http://{address}{ready}"):
                if server.poll() is not None or time.monotonic() > deadline:
                    pytest.fail((Path(folder) / "log").read_text())
                time.sleep(0.05)
            yield f"http://{address}"
        finally:
            server.terminate()
            server.wait(30)


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=5) as answer:
            return answer.status == 200
    except (URLError, OSError):
        return False


def ask(url: str, **parameters: Any) -> Any:
    """Return the answer of a metrics server's HTTP API to a query."""
    with urlopen(f"{url}?{urlencode(parameters)}", timeout=30) as answer:
        return json.load(answer)["data"]["result"]
