"""Work in progress, and how to interrupt and undo it: by the block itself, or by whatever ends the process.

A signal may stop a block between any two of its steps, or arrive while it is inside a library that ignores signals.
So a block that may leave something half-done registers here, before it begins, how to undo it; and a block that calls
such a library registers how to interrupt that.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from meshquake.topology.exceptions import MeshquakeError

#: The signals that ask a process to end: Ctrl-C, `kill`, and the closing of its terminal.
ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))

Step = Callable[[], object]
_INTERRUPTS: list[Step] = []
_UNDOS: list[Step] = []


class EngineError(MeshquakeError):
    """Whatever does the work can't do it, or was lost before it was complete: a worker process, or a cluster."""


@contextmanager
def undone(step: Step) -> Iterator[None]:
    """Undo a block if it raises.

    Parameters
    ----------
    step
        Undoes the block. It may be called twice, at any point of the block, and from another thread.
    """
    _UNDOS.append(step)
    try:
        yield
    except BaseException:
        step()
        _UNDOS.remove(step)
        raise
    _UNDOS.remove(step)


@contextmanager
def interruptible(step: Step) -> Iterator[None]:
    """Make a block interruptible that calls a library that ignores signals.

    Parameters
    ----------
    step
        Makes the library return soon. It may be called at any point of the block, and from another thread.
    """
    _INTERRUPTS.append(step)
    try:
        yield
    finally:
        _INTERRUPTS.remove(step)


def undo() -> None:
    """Undo all work in progress, latest first, ignoring errors."""
    _call(_UNDOS)


def interrupt() -> None:
    """Interrupt all work in progress."""
    _call(_INTERRUPTS)


def _call(steps: list[Step]) -> None:
    for step in reversed(tuple(steps)):
        with suppress(Exception):
            step()
