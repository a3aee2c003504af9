"""The server of a live mesh, which listens on this machine alone and runs until a signal ends it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from threading import Thread

from meshquake.exporters.live.app import application
from meshquake.exporters.live.stage import Stage
from meshquake.exporters.server.hosts import Hosts
from meshquake.exporters.server.running import listen, server

#: The only address to listen at: whoever steers a mesh can put load on this machine.
HOST = "127.0.0.1"
_CONNECTIONS = 64


def serve(stage: Stage, port: int, on_ready: Callable[[str], None]) -> None:
    """Serve a stage until a signal ends it; the signal is then raised again.

    Parameters
    ----------
    stage
        The stage to serve.
    port
        The port to listen at; 0 for any free one.
    on_ready
        Called with the address for steering, once the server listens. The token is behind `#`, which browsers do not
        send.

    Raises
    ------
    OSError
        If it can't listen at the port.
    """
    token = secrets.token_urlsafe(24)
    with listen(HOST, port) as listening:
        app = application(stage, token, Hosts(HOST), lambda: running.should_exit)
        running = server(app, _CONNECTIONS)
        player = Thread(target=stage.run, name="player", daemon=True)
        with running.hearing():
            player.start()
            on_ready(f"http://{HOST}:{listening.getsockname()[1]}/#token={token}")
            try:
                running.run(sockets=[listening])
            finally:
                stage.stop()
                player.join(5.0)
