"""The serving process: `python -m meshquake.agents.serving FD`, where FD is its end of the channel to the judge.

It gets no other argument, almost no environment, and a folder with the visible files. Once it has read them it no
longer needs the folder, and the judge removes it.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from threading import Thread
from typing import Any

from meshquake.agents import audit
from meshquake.agents.desk import Desk
from meshquake.agents.incident import Incident
from meshquake.agents.mitigation.live_desk import LiveDesk
from meshquake.agents.serving import locked, protocol, transport
from meshquake.agents.serving.channel import Channel
from meshquake.agents.serving.far import Far
from meshquake.agents.tools.tool import ToolError
from meshquake.topology.exceptions import MeshquakeError


def main(descriptor: int) -> None:
    """Serve what the judge orders."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # from the terminal; the judge gets it too, and ends this process
    transport.quiet()
    judge = Channel(socket.socket(fileno=descriptor))
    order = judge.hear()
    if order is None:
        return
    folder = Path(order["folder"])
    locked.lock(folder)
    try:
        listening = socket.create_server((transport.HOST, order["port"])) if "port" in order else None
        desk = _live(judge, order) if "live" in order else _case(judge, order)
    except MeshquakeError as error:
        judge.say(failed=[str(line) for line in error.args])
        return
    except OSError as error:
        judge.say(failed=[f"{transport.HOST}:{order.get('port', '')}: cannot listen: {error.strerror}"])
        return
    os.chdir("/")
    Thread(target=_end_with, args=(judge,), daemon=True).start()
    server = protocol.server(desk)
    if listening is None:
        judge.say(ready="")
        transport.over_stdio(server)
    else:
        transport.over_http(server, listening, lambda address: judge.say(ready=address))


def _case(judge: Channel, order: Mapping[str, Any]) -> Desk:
    """Set up the desk for a recorded case."""
    return Incident(
        Path(order["folder"]),
        now=order["now"],
        without=order["without"],
        pace=order["pace"],
        sink=lambda entry: _tell(judge, entry),
        taker=lambda answers: _hand(judge, answers),
    )


def _live(judge: Channel, order: Mapping[str, Any]) -> Desk:
    """Set up the desk for a mesh that the judge plays."""
    mesh = Far(judge, Path(order["folder"]), order["live"])
    return LiveDesk(mesh, order["live"]["without"], order["pace"], [lambda entry: _tell(judge, entry)])


def _end_with(judge: Channel) -> None:
    """End this process when the judge has ended in any way."""
    judge.await_end()
    os._exit(0)


def _tell(judge: Channel, entry: audit.Entry) -> None:
    judge.say(audit=asdict(entry))


def _hand(judge: Channel, answers: Mapping[str, Any]) -> None:
    """Hand an answer to the judge, which confirms that it is saved, and nothing more."""
    judge.say(answers=answers)
    if judge.hear() is None:
        raise ToolError("the answer could not be stored: there is no process to take it")


if __name__ == "__main__":
    main(int(sys.argv[1]))
    # Don't wait for threads of libraries, which may block on input that never comes.
    sys.stdout.flush()
    os._exit(0)
