"""How a command ends when something is wrong: a line for each problem on standard error, and an exit status.

This is the one place that knows which status an error has. The group of commands runs each of them in `told`, so a
command names only what is special to it: what else may be wrong, and whose fault an error of the operating system is.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import click

from meshquake.commands import output, signals
from meshquake.topology.exceptions import MeshquakeError

#: Exit statuses: a second run that isn't the same; bad input or output that can't be written. That of a command that
#: was stopped is in `signals`.
DIFFERENT, BAD_INPUT = 1, 2


def fail(*problems: object, status: int = BAD_INPUT) -> NoReturn:
    """Say what is wrong, a line a problem, and exit."""
    warn(*problems)
    sys.exit(status)


def warn(*messages: object) -> None:
    """Say on standard error what is odd, or wrong with a part of what was asked for: a line a message.

    An error that has several problems is as many messages.
    """
    output.complain(
        str(line) for each in messages for line in (each.args if isinstance(each, MeshquakeError) else [each])
    )


@contextmanager
def told(*also: type[Exception], interrupted: str = "Interrupted: no partial output is left.") -> Iterator[None]:
    """Tell what goes wrong inside, and exit.

    Parameters
    ----------
    also
        Kinds of error whose text is for the user too, besides `MeshquakeError`.
    interrupted
        What is said after Ctrl-C, or another signal to end.
    """
    for_the_user: tuple[type[Exception], ...] = (MeshquakeError, *also)
    try:
        yield
    except KeyboardInterrupt as error:
        fail(interrupted, status=signals.status(error))
    except for_the_user as error:
        fail(error)


@contextmanager
def usage() -> Iterator[None]:
    """Tell of a command line that can't be used, as `click` does: what that quotes comes from outside too."""
    try:
        yield
    except click.ClickException as error:
        told = io.StringIO()
        error.show(told)
        output.complain(told.getvalue().removesuffix("\n").split("\n"))
        sys.exit(error.exit_code)


@contextmanager
def written(output: Path | str, kept: Callable[[], str] = str) -> Iterator[None]:
    """Tell of an output that can't be written.

    The output itself is named, and not the file in it: that is in a hidden folder until all is whole.

    Parameters
    ----------
    output
        What is written.
    kept
        Gives what of it is of use all the same; empty if nothing is.
    """
    try:
        yield
    except OSError as error:
        fail("; ".join(filter(None, (f"{output}: cannot be written: {reason(error)}", kept()))))


@contextmanager
def files(place: Path, done: str) -> Iterator[None]:
    """Tell of a file that can't be used.

    Parameters
    ----------
    place
        What is named if the error names no file.
    done
        What is done with files: they are "read", or "read or written".
    """
    try:
        yield
    except FileExistsError as error:  # what is there already is in the way of writing
        fail(f"{error.filename or place}: cannot be written: {reason(error)}")
    except OSError as error:
        fail(f"{error.filename or place}: cannot be {done}: {reason(error)}")


def reason(error: OSError) -> str:
    """Why the operating system didn't do something."""
    return error.strerror or str(error)
