"""The serving process, which is started without any of the truth, and the one channel to it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import meshquake
from meshquake.agents.serving.channel import Channel
from meshquake.exporters import unfinished
from meshquake.topology.exceptions import MeshquakeError

#: Environment variables that a process needs to run at all.
_KEPT = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "PYTHONHOME", "LD_LIBRARY_PATH")


class ServingError(MeshquakeError):
    """Raised if the serving process could not start."""


@contextmanager
def serving() -> Iterator[Channel]:
    """Run the serving process during a block, and yield the channel to it, which is its only source of information."""
    ours, theirs = socket.socketpair()
    with ExitStack() as stack:
        judge = Channel(ours)
        stack.callback(judge.close)
        process = _process(theirs)
        stack.enter_context(unfinished.undone(process.kill))
        stack.callback(process.wait)
        stack.callback(process.terminate)
        yield judge


def _process(channel: socket.socket) -> subprocess.Popen[bytes]:
    """Start the serving process."""
    package = str(Path(str(meshquake.__file__)).parent.parent)
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    with channel:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "meshquake.agents.serving", str(channel.fileno())],
            env=kept | {"PYTHONPATH": package},
            cwd="/",
            pass_fds=[channel.fileno()],
        )


def begin(judge: Channel, port: int | None, **told: Any) -> str:
    """Tell the serving process what to serve; returns its address (empty if it doesn't listen) once it is ready.

    Parameters
    ----------
    judge
        The channel to the serving process.
    port
        The port to listen at; 0 for any; None to serve over standard input and output.
    told
        The rest of the order.

    Raises
    ------
    ServingError
        If it can't start.
    """
    judge.say(**told, **({} if port is None else {"port": port}))
    begun = judge.hear() or {"failed": ["the process that serves ended before it began"]}
    if "failed" in begun:
        raise ServingError(*begun["failed"])
    return str(begun["ready"])
