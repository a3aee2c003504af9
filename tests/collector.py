"""A real OTLP collector (rotel, from PyPI) between a test and a far side that keeps whatever it forwards."""

from __future__ import annotations

import gzip
import importlib.util
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import monotonic, sleep

import pytest


class FarSide(ThreadingHTTPServer):
    """Receives OTLP over HTTP as protobuf; `bodies` holds the requests, by signal."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bodies: dict[str, list[bytes]] = {"traces": [], "logs": [], "metrics": []}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.server.bodies[self.path.rpartition("/")[2]].append(body)
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def collector(folder: Path) -> Iterator[tuple[str, FarSide]]:
    """Yield the address of a running collector, and its far side; skips the test if rotel isn't installed."""
    found = importlib.util.find_spec("rotel")
    agent = None if found is None else Path(found.origin).parent / "rotel-agent"
    if agent is None or not agent.is_file():
        pytest.skip("rotel is not installed (pip install rotel)")
    far = FarSide()
    threading.Thread(target=far.serve_forever, daemon=True).start()
    address, grpc = f"127.0.0.1:{_free()}", f"127.0.0.1:{_free()}"
    options = {
        "pid-file": folder / "rotel.pid",
        "log-file": folder / "rotel.log",
        "otlp-http-endpoint": address,
        "otlp-grpc-endpoint": grpc,
        "exporter": "otlp",
        "otlp-exporter-protocol": "http",
        "otlp-exporter-endpoint": f"http://127.0.0.1:{far.server_address[1]}",
    }
    command = [agent, "start", *(f"--{name}={value}" for name, value in options.items())]
    with (folder / "rotel.out").open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        _wait(address, process)
        yield address, far
    finally:
        process.terminate()
        process.wait(timeout=10)
        far.shutdown()
        far.server_close()


def post(address: str, signal: str, body: bytes, kind: str) -> tuple[int, bytes]:
    """Send a request; returns status and body of the response."""
    connection = HTTPConnection(address, timeout=30)
    try:
        connection.request("POST", f"/v1/{signal}", body, {"Content-Type": kind})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _free() -> int:
    """Return a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(address: str, process: subprocess.Popen[bytes]) -> None:
    host, port = address.split(":")
    patience = monotonic() + 20
    while monotonic() < patience and process.poll() is None:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
            return
        except OSError:
            sleep(0.05)
    pytest.fail("the collector does not start")
