"""Opens files that come from outside: whatever is at a path is read to its end, or refused, but never waited for.

A regular file has an end. A pipe has one if something writes to it, like `<(command)` in a shell. A device has no
reliable end, and a pipe that nothing writes to would block its reader for ever.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from io import BufferedReader
from pathlib import Path


def opened(path: str | Path) -> BufferedReader:
    """Open a regular file for reading bytes.

    Raises
    ------
    OSError
        If it doesn't exist, can't be read, or is of another kind; the error names the path and the reason.
    """
    file, mode = _open(os.fspath(path))
    if not stat.S_ISREG(mode):
        file.close()
        raise _refused(os.fspath(path), "it is a pipe, not a file")
    return file


def content(path: str | Path, largest: int) -> bytes:
    """Return all that a file holds, or all that is written to a pipe.

    Parameters
    ----------
    path
        The file.
    largest
        The most bytes that it may hold.

    Raises
    ------
    OSError
        As `opened` does, or if it is larger, or a pipe that nothing writes to.
    """
    name = os.fspath(path)
    file, mode = _open(name)
    with file:
        first = b""
        if stat.S_ISFIFO(mode):
            try:
                first = os.read(file.fileno(), 1)
            except BlockingIOError:  # something will write to it, or close it
                pass
            else:
                if not first:
                    raise _refused(name, "it is a pipe that nobody writes to")
            os.set_blocking(file.fileno(), True)
        found = first + file.read(largest + 1 - len(first))
    if len(found) > largest:
        raise _refused(name, f"it is larger than {largest // 2**20} MiB")
    return found


def is_file(path: Path) -> bool:
    """Whether a regular file is there; False also if access is denied or the path is a loop of links."""
    return _is(path, stat.S_ISREG)


def exists(path: Path) -> bool:
    """Whether anything is there, of any kind; False in the same cases as `is_file`."""
    return _is(path, lambda mode: True)


def is_folder(path: Path) -> bool:
    """Whether a folder is there; False in the same cases as `is_file`."""
    return _is(path, stat.S_ISDIR)


def _is(path: Path, kind: Callable[[int], bool]) -> bool:
    try:
        return kind(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def reason(error: OSError) -> str:
    """Return why a file can't be used, as in `no such file`."""
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, IsADirectoryError):
        return "is a folder, not a file"
    return f"cannot be read: {error.strerror or error}"


def _open(name: str) -> tuple[BufferedReader, int]:
    """Open a file or a pipe; return it with its mode."""
    if "\0" in name:
        raise _refused(name, "embedded null byte")
    # Non-blocking: otherwise opening a pipe would wait for a writer.
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
