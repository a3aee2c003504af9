"""Real database servers for tests: private, on a free port of the loopback interface, in a temporary folder.

They run as an unprivileged user, since PostgreSQL refuses to run as root. If one isn't installed the test is skipped.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest


def free_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextmanager
def running(command: list[str], ready: Callable[[], bool], folder: Path, user: str | None = None) -> Iterator[None]:
    """Run a server; yields once it is ready, and stops it afterwards without saving anything."""
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, user=user, cwd=folder)
    try:
        deadline = time.monotonic() + 30
        while not ready():
            if server.poll() is not None or time.monotonic() > deadline:
                pytest.fail((folder / "log").read_text())
            time.sleep(0.05)
        yield
    finally:
        server.send_signal(signal.SIGQUIT)
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:  # the machine is very busy; the server has nothing to save
            server.kill()
            server.wait()


def listening(port: int) -> bool:
    """Return whether anything listens on a port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def postgresql() -> Iterator[str]:
    """Run a PostgreSQL server; yields the address of its database `postgres`, as a user who may do anything."""
    installed = sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)
    path = os.pathsep.join([os.environ["PATH"], *installed])
    initdb, postgres, pg_isready = (shutil.which(name, path=path) for name in ("initdb", "postgres", "pg_isready"))
    if initdb is None or postgres is None or pg_isready is None:
        pytest.skip("PostgreSQL is not installed (Debian: postgresql)")
    user = "nobody" if os.geteuid() == 0 else None
    with TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        if user is not None:
            shutil.chown(folder, user)
        data = ["-D", str(folder / "data")]
        options = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
        subprocess.run([initdb, *data, *options], check=True, capture_output=True, user=user, cwd=folder)
        options = ["-c", "fsync=off", "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={folder}"]
        command = [postgres, *data, "-p", str(port), *options]
        asked = [pg_isready, "-q", "-h", "127.0.0.1", "-p", str(port)]
        with running(command, lambda: subprocess.run(asked).returncode == 0, folder, user):
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"


@contextmanager
def mongodb() -> Iterator[str]:
    """Run a server that speaks MongoDB's protocol; yields its address, without a database.

    MongoDB's own server if `mongod` is installed, else SecantusDB as a substitute.
    """
    mongod = shutil.which("mongod")
    if mongod is None and find_spec("secantus") is None:
        pytest.skip("neither mongod nor SecantusDB is installed (PyPI: secantusdb)")
    with TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        if mongod is not None:
            command = [mongod, "--bind_ip", "127.0.0.1", "--dbpath", str(folder)]
        else:
            command = [sys.executable, "-m", "secantus", "--standalone", "--storage-path", str(folder / "data")]
        with running([*command, "--port", str(port)], lambda: listening(port), folder):
            yield f"mongodb://127.0.0.1:{port}"
