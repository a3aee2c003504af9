"""Signals that end a command: Ctrl-C, SIGTERM, and SIGHUP when the terminal is closed.

The first one raises `Stopped` in the main thread: blocks clean up on the way out, and the exit status is 128 plus the
signal's number. Later ones change nothing. The process ends within two seconds, whatever the main thread is doing.

An exception alone isn't enough for that. Python raises it between two instructions of its own, so a library that is
blocked doesn't see it (in an SQL statement, a DNS look-up, or a pipe that nobody reads), and a callback of a library
may swallow it. A second thread learns of each signal at once, through a socket that Python's C handler writes to. It
interrupts what can be interrupted, gives the main thread time to clean up, then undoes the rest itself, and ends the
process. In addition, polars has its own handler for Ctrl-C, after which the system resumes a wait for a lock; a further
signal, which has no other meaning, interrupts that wait.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import warnings
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from threading import Thread, main_thread
from time import sleep
from types import FrameType

from meshquake.exporters import unfinished

#: Seconds that the main thread gets to clean up, and then to exit once everything is undone.
_PATIENCE, _LAST = 1.5, 0.3


class Stopped(KeyboardInterrupt):
    """Raised when a signal asks the command to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def status(error: KeyboardInterrupt) -> int:
    """Return the exit status of a stopped command; a library's own KeyboardInterrupt counts as SIGINT."""
    return 128 + (error.number if isinstance(error, Stopped) else signal.SIGINT)


@contextmanager
def obeyed() -> Iterator[None]:
    """Handle signals during the block that does all work of the process; ignored ones (`nohup`) stay ignored."""
    first: int | None = None

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal first
        if first is None:
            first = number
            # The message is enough about unfinished work. And where the exception is lost, in a callback of a library
            # or of the garbage collector, the other thread ends the process.
            warnings.simplefilter("ignore")
            sys.unraisablehook = lambda lost: None
            raise Stopped(number)

    heard = [number for number in unfinished.ENDING if signal.getsignal(number) != signal.SIG_IGN]
    try:
        try:
            _hear(heard, stop)
            _watch(heard)
            yield
        finally:
            if first is None:
                _hear(heard, signal.SIG_DFL)  # all is done, with nothing left to clean up
    except Stopped:  # outside of a command, which would have reported it
        with suppress(OSError, AttributeError):  # the terminal may be closed, or stderr was
            sys.stderr.write("Interrupted.\n")
    finally:
        if first is not None:
            unfinished.undo()
            drop_output()
            _hear(heard, signal.SIG_DFL)
            sys.exit(128 + first)


def _hear(numbers: Collection[int], handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    for number in numbers:
        signal.signal(number, handler)


def drop_output() -> None:
    """Discard buffered output that couldn't be written, which Python would try again at exit."""
    with suppress(OSError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _watch(heard: Collection[int]) -> None:
    """Start the thread that ends the process after a signal."""
    told, tells = socket.socketpair()
    tells.setblocking(False)
    signal.set_wakeup_fd(tells.detach(), warn_on_full_buffer=False)
    if sys.platform != "win32":
        signal.signal(signal.SIGURG, lambda number, frame: None)
    Thread(target=_end, args=(told, heard), name="signals", daemon=True).start()


def _end(told: socket.socket, heard: Collection[int]) -> None:
    """Wait for a signal, and end the process if it then doesn't end by itself."""
    while (number := told.recv(1)[0]) not in heard:
        pass
    unfinished.interrupt()
    main = main_thread().ident
    if sys.platform != "win32" and main is not None:
        signal.pthread_kill(main, signal.SIGURG)
    sleep(_PATIENCE)
    unfinished.undo()
    sleep(_LAST)
    os._exit(128 + number)
