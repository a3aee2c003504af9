"""Serve a fixture over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from meshquake.exporters.fixtures import answer_key, reading
from meshquake.exporters.fixtures.fixture import Clock, Fixture
from meshquake.exporters.server.app import application
from meshquake.exporters.server.hosts import Hosts
from meshquake.exporters.server.page import Page
from meshquake.exporters.server.playback import Recording, SimulatedClock
from meshquake.exporters.server.running import listen, server


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
    """Serve a fixture until a signal ends it; the signal is then raised again.

    Parameters
    ----------
    folder
        The fixture.
    host, port
        Where to listen; port 0 is any free one.
    speed
        Recorded seconds per real second.
    loop
        Whether to start over at the end.
    with_truth
        Whether to serve the answer key too.
    connections
        Most connections at once.
    allow_hosts
        Host names to accept besides `localhost` and `host`.
    clock
        The clock that drives the simulated clock.
    on_ready
        Called with the server's address, once it listens.

    Raises
    ------
    exporters.fixtures.manifest.ManifestError, topology.problems.DocumentError
        If the folder isn't a complete fixture, or has lines that aren't records.
    exporters.fixtures.answer_key.TruthError
        If `with_truth` is set and there is no answer key.
    OSError
        If it can't listen at `host` and `port`.
    """
    fixture = Fixture(folder)
    truth = answer_key.locate(folder) if with_truth else None
    context = reading.context(folder)
    reading.check(folder, context.services)
    with listen(host, port) as listening:
        recording, sampled = Recording(fixture, loop), Recording(fixture, loop)
        simulated = SimulatedClock(clock, fixture.start, speed, recording.end)
        hosts = Hosts(host, allow_hosts)
        page = Page(sampled, context)
        app = application(recording, simulated, page, truth, hosts, lambda: running.should_exit)
        running = server(app, connections)
        bound = listening.getsockname()[1]
        with closing(recording), closing(sampled), running.hearing():
            on_ready(f"http://[{host}]:{bound}" if ":" in host else f"http://{host}:{bound}")
            running.run(sockets=[listening])
