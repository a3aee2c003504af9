"""Opens files that come from outside: whatever stands at a path is read to its end, or refused, and never waited for.

A regular file has an end. A pipe has one if somebody writes to it, as `<(command)` of a shell does. Devices have none
that one could rely on, and a pipe to which nobody writes would keep its reader for ever.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from io import BufferedReader
from pathlib import Path


def opened(path: str | Path) -> BufferedReader:
    """Open a regular file to read its bytes.

    Raises
    ------
    OSError
        If there is none, or it can't be read, or it's of another kind; it names the path, and why.
    """
    file, mode = _open(os.fspath(path))
    if not stat.S_ISREG(mode):
        file.close()
        raise _refused(os.fspath(path), "it is a pipe, not a file")
    return file


def content(path: str | Path, largest: int) -> bytes:
    """All that a file holds, or all that somebody writes to a pipe.

    Parameters
    ----------
    path
        The file.
    largest
        Bytes that it may hold.

    Raises
    ------
    OSError
        As `opened` does, or if it is larger, or a pipe to which nobody writes.
    """
    name = os.fspath(path)
    file, mode = _open(name)
    with file:
        first = b""
        if stat.S_ISFIFO(mode):
            try:
                first = os.read(file.fileno(), 1)
            except BlockingIOError:  # somebody will write, or close it
                pass
            else:
                if not first:
                    raise _refused(name, "it is a pipe to which nobody writes")
            os.set_blocking(file.fileno(), True)
        found = first + file.read(largest + 1 - len(first))
    if len(found) > largest:
        raise _refused(name, f"it is larger than {largest // 2**20} MiB")
    return found


def is_file(path: Path) -> bool:
    """Whether a regular file is there; it isn't either if one may not look, or the path leads round in a ring."""
    return _is(path, stat.S_ISREG)


def is_folder(path: Path) -> bool:
    """Whether a folder is there, as `is_file`."""
    return _is(path, stat.S_ISDIR)


def _is(path: Path, kind: Callable[[int], bool]) -> bool:
    try:
        return kind(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def reason(error: OSError) -> str:
    """Why a file can't be used, as in `no such file`."""
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, IsADirectoryError):
        return "is a folder, not a file"
    return f"cannot be read: {error.strerror or error}"


def _open(name: str) -> tuple[BufferedReader, int]:
    """A file or a pipe, and its mode."""
    if "\0" in name:
        raise _refused(name, "embedded null byte")
    # Else opening a pipe would wait for a writer.
    descriptor = os.open(name, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), name)
        if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
            raise _refused(name, "it is a device, not a file")
        return os.fdopen(descriptor, "rb"), mode
    except BaseException:
        os.close(descriptor)
        raise


def _refused(name: str, why: str) -> OSError:
    return OSError(errno.EINVAL, why, name)
