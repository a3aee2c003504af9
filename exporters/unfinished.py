"""What is under way, and how to stop and undo it: usually by the block that began it, else by whoever ends the process.

A signal may stop a block between any two of its steps, or come while it's inside a library that hears of no signals. So
a block that leaves something half-done says here how to undo it, before it begins, and one that calls such a library
how to interrupt that.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

#: The signals that ask a process to end: Ctrl-C, the usual one, and that of a terminal that was closed.
ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))

Step = Callable[[], object]
_INTERRUPTS: list[Step] = []
_UNDOS: list[Step] = []


@contextmanager
def undone(step: Step) -> Iterator[None]:
    """A block that is undone if it doesn't end well.

    Parameters
    ----------
    step
        Undoes it. It may be called twice, at any moment of the block, and from another thread.
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
    """A block inside a library that hears of no signals.

    Parameters
    ----------
    step
        Makes the library come back soon. It may be called at any moment of the block, and from another thread.
    """
    _INTERRUPTS.append(step)
    try:
        yield
    finally:
        _INTERRUPTS.remove(step)


def undo() -> None:
    """Undo all that is under way, the last first, as far as that is possible."""
    _call(_UNDOS)


def interrupt() -> None:
    """Interrupt all that is under way."""
    _call(_INTERRUPTS)


def _call(steps: list[Step]) -> None:
    for step in reversed(tuple(steps)):
        with suppress(Exception):
            step()
