"""Error handling of commands: a line for each problem on standard error, and an exit status.

Only this module knows which status an error has. The group of commands runs each of them in `told`, so a command names
only what is specific to it: further errors to report, and what an error of the operating system concerns.
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
from meshquake.exporters.unfinished import EngineError
from meshquake.topology.exceptions import MeshquakeError

#: Exit statuses: a replay that differs; bad input, or output that can't be written. Those of stopped commands are in
#: `signals`.
DIFFERENT, BAD_INPUT = 1, 2


def fail(*problems: object, status: int = BAD_INPUT) -> NoReturn:
    """Report problems, one per line, and exit."""
    warn(*problems)
    sys.exit(status)


def warn(*messages: object) -> None:
    """Print warnings on standard error, one per line: oddities, or problems with a part of the request.

    An error with several problems gives a line for each.
    """
    output.complain(
        str(line) for each in messages for line in (each.args if isinstance(each, MeshquakeError) else [each])
    )


@contextmanager
def told(*also: type[Exception], interrupted: str = "Interrupted: no partial output is left.") -> Iterator[None]:
    """Report an error that is raised in a block, and exit.

    Parameters
    ----------
    also
        Kinds of error whose text is for users, besides `MeshquakeError`.
    interrupted
        The message after Ctrl-C or another terminating signal.
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
    """Report an invalid command line as `click` does, but escaped, as it quotes text from outside."""
    try:
        yield
    except click.ClickException as error:
        told = io.StringIO()
        error.show(told)
        output.complain(told.getvalue().removesuffix("\n").split("\n"))
        sys.exit(error.exit_code)


@contextmanager
def written(output: Path | str, kept: Callable[[], str] = str) -> Iterator[None]:
    """Report an output that can't be written, or whose makers were lost.

    The message names the output rather than the file within it, which is in a hidden folder until the output is
    complete.

    Parameters
    ----------
    output
        The output.
    kept
        Returns which part of it is usable all the same; empty if none is. It isn't asked about an output that was there
        before, and is left as it was.
    """
    try:
        yield
    except FileExistsError as error:
        fail(f"{output}: cannot be written: {reason(error)}")
    except OSError as error:
        fail("; ".join(filter(None, (f"{output}: cannot be written: {reason(error)}", kept()))))
    except EngineError as error:
        fail("; ".join(filter(None, (str(error), kept()))))


@contextmanager
def files(place: Path | str, done: str) -> Iterator[None]:
    """Report a file that can't be used.

    Parameters
    ----------
    place
        The path to name if the error names no file.
    done
        What files can't be: "read", or "read or written".
    """
    try:
        yield
    except FileExistsError as error:  # an existing file is in the way
        fail(f"{error.filename or place}: cannot be written: {reason(error)}")
    except OSError as error:
        fail(f"{error.filename or place}: cannot be {done}: {reason(error)}")


def reason(error: OSError) -> str:
    """Return the operating system's reason for an error."""
    return error.strerror or str(error)
