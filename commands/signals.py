"""Signals that end a command: Ctrl-C, SIGTERM, and SIGHUP of a terminal that was closed.

The first one raises `Stopped` in the main thread: blocks clean up on the way out, and the exit status is 128 and the
signal's number. Later ones change nothing. Within two seconds it's over, whatever the main thread is doing.

For an exception isn't enough. Python raises it between two instructions of its own, so a library that is at work
doesn't hear of it (an SQL statement, a name that is looked up, a pipe that nobody reads), and what a library calls
back may lose it. A second thread hears of each signal at once, through a socket that Python's handler in C writes to.
It interrupts what can be interrupted, gives the main thread time to clean up, then undoes itself what is left, and ends
the process. And polars has a handler of its own for Ctrl-C, after which the system resumes a wait for a lock: another
signal, which means nothing to anybody, interrupts that.
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

#: Seconds that the main thread has to clean up, and then once more to end when all is undone.
_PATIENCE, _LAST = 1.5, 0.3


class Stopped(KeyboardInterrupt):
    """A signal asks the command to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def status(error: KeyboardInterrupt) -> int:
    """The exit status of a command that was stopped; a library's own KeyboardInterrupt is SIGINT."""
    return 128 + (error.number if isinstance(error, Stopped) else signal.SIGINT)


@contextmanager
def obeyed() -> Iterator[None]:
    """All that this process does, in a block that signals end. What was ignored from the start (`nohup`) still is."""
    first: int | None = None

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal first
        if first is None:
            first = number
            # Of what isn't brought to its end, the line that is told says enough; and where the exception is lost, in a
            # callback of a library or of the garbage collector, the other thread ends the process.
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
                _hear(heard, signal.SIG_DFL)  # all is done: nothing is left to clean up
    except Stopped:  # outside of a command, which would have told of it
        with suppress(OSError, AttributeError):  # nobody may read it: the terminal is closed, or stderr was
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
    """Forget what couldn't be written to standard output: it's still buffered, and would be tried again at the end."""
    with suppress(OSError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _watch(heard: Collection[int]) -> None:
    """Have another thread see to it that the process ends after a signal."""
    told, tells = socket.socketpair()
    tells.setblocking(False)
    signal.set_wakeup_fd(tells.detach(), warn_on_full_buffer=False)
    if sys.platform != "win32":
        signal.signal(signal.SIGURG, lambda number, frame: None)
    Thread(target=_end, args=(told, heard), name="signals", daemon=True).start()


def _end(told: socket.socket, heard: Collection[int]) -> None:
    """Wait for a signal, and end the process if it doesn't end by itself then."""
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
