"""The server: its socket, its limits, and its end."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import uvicorn

from meshquake.exporters.fixtures import answer_key, reading
from meshquake.exporters.fixtures.fixture import Clock, Fixture
from meshquake.exporters.server.app import application
from meshquake.exporters.server.connection import PatientConnection
from meshquake.exporters.server.hosts import Hosts
from meshquake.exporters.server.page import Page
from meshquake.exporters.server.playback import Recording, SimulatedClock
from meshquake.exporters.unfinished import ENDING

#: Bytes of a request's first line and headers at most.
_REQUEST = 16_384
#: Bytes that the system keeps of what a reader hasn't taken: with megabytes, a slow one would seem to take nothing.
_SENT = 128 * 2**10
#: Seconds that readers have to take their last chunk when the server stops.
_GRACE = 1


class _Server(uvicorn.Server):
    """Ends its streams between two records at any signal that ends a command; SIGHUP is one more than uvicorn knows.

    They are heard from before there is an event loop until it's over, and raised again then: an exception in the middle
    of a loop leaves tasks behind, and asyncio says so on standard error.
    """

    @contextmanager
    def hearing(self) -> Generator[None]:
        """Hear of signals in a block; behind it they are raised again."""
        with super().capture_signals(), ExitStack() as before:
            for number in ENDING:
                handler = signal.getsignal(number)
                if callable(handler) and handler != self.handle_exit:
                    before.callback(signal.signal, number, handler)
                    signal.signal(number, self.handle_exit)
            yield

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Nothing more: they are heard already."""
        yield


def serve(
    folder: Path,
    *,
    host: str,
    port: int,
    speed: float,
    loop: bool,
    with_truth: bool,
    connections: int,
    allow_hosts: Sequence[str],
    clock: Clock,
    on_ready: Callable[[str], None],
) -> None:
    """Serve a fixture until a signal ends it, which is raised again then.

    Parameters
    ----------
    folder
        The fixture.
    host, port
        Where to listen; port 0 is any that is free.
    speed
        How many recorded seconds pass in a second.
    loop
        Whether it begins anew after its end.
    with_truth
        Whether to serve the answer key too.
    connections
        How many at once.
    allow_hosts
        Names by which the server may be called besides `localhost` and `host`.
    clock
        What the simulated clock goes by.
    on_ready
        Hears the server's address, once it listens.

    Raises
    ------
    exporters.fixtures.manifest.ManifestError, topology.problems.DocumentError
        If the folder isn't a whole fixture, or has lines that aren't records.
    exporters.fixtures.answer_key.TruthError
        If the truth is asked for, and there is none.
    OSError
        If it can't listen there.
    """
    fixture = Fixture(folder)
    truth = answer_key.locate(folder) if with_truth else None
    context = reading.context(folder)
    reading.check(folder, context.services)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family, backlog=128) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SENT)  # so do its connections
        recording, sampled = Recording(fixture, loop), Recording(fixture, loop)
        simulated = SimulatedClock(clock, fixture.start, speed, recording.end)
        hosts = Hosts(host, allow_hosts)
        app = application(recording, simulated, Page(sampled, context), truth, hosts, lambda: server.should_exit)
        server = _Server(
            uvicorn.Config(
                app,
                http=PatientConnection,
                ws="none",
                loop="asyncio",
                lifespan="off",
                log_level="error",
                access_log=False,
                server_header=False,
                limit_concurrency=connections,
                h11_max_incomplete_event_size=_REQUEST,
                timeout_graceful_shutdown=_GRACE,
            )
        )
        bound = listening.getsockname()[1]
        with closing(recording), closing(sampled), server.hearing():
            on_ready(f"http://[{host}]:{bound}" if ":" in host else f"http://{host}:{bound}")
            server.run(sockets=[listening])
