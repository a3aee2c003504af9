"""The server of a mesh that is played: on this machine alone, until a signal ends it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from threading import Thread

from meshquake.exporters.live.app import application
from meshquake.exporters.live.stage import Stage
from meshquake.exporters.server.hosts import Hosts
from meshquake.exporters.server.running import listen, server

#: It listens here and nowhere else: who steers it can make this machine work.
HOST = "127.0.0.1"
_CONNECTIONS = 64


def serve(stage: Stage, port: int, on_ready: Callable[[str], None]) -> None:
    """Serve a stage until a signal ends it, which is raised again then.

    Parameters
    ----------
    stage
        What is played.
    port
        Where to listen; 0 for any that is free.
    on_ready
        Hears the address for who steers, once the server listens. Behind `#` a browser tells nobody of the token.

    Raises
    ------
    OSError
        If it can't listen there.
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
