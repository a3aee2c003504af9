"""The process that serves tools: started with nothing of the truth, and spoken to over one channel."""

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

#: What a process needs of the environment to run at all.
_KEPT = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "PYTHONHOME", "LD_LIBRARY_PATH")


class ServingError(MeshquakeError):
    """The serving process could not begin."""


@contextmanager
def serving() -> Iterator[Channel]:
    """The serving process, while the block lasts: the channel to it, over which alone it's told something."""
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
    """The serving process."""
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
    """Tell the serving process what it serves; returns what it says as it is ready.

    Parameters
    ----------
    judge
        The channel to it.
    port
        Where to listen; 0 for any port; None to serve over standard input and output.
    told
        What it is told besides.

    Raises
    ------
    ServingError
        If it can't begin.
    """
    judge.say(**told, **({} if port is None else {"port": port}))
    begun = judge.hear() or {"failed": ["the process that serves ended before it began"]}
    if "failed" in begun:
        raise ServingError(*begun["failed"])
    return str(begun["ready"])
