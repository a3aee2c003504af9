"""Restriction of the serving process to the files it may read: Python, and the folder that it is given.

On Linux the kernel enforces it (Landlock, https://docs.kernel.org/userspace-api/landlock.html), so that not even a
mistake here could open the answer key, another case, or the `/proc` entries of the process that knows the case. On
other systems, the process simply is never told where they are.
"""

from __future__ import annotations

import ctypes
import os
import sys
import sysconfig
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

import meshquake

#: Numbers of system calls, the same on every architecture.
_CREATE, _ADD, _RESTRICT = 444, 445, 446
_NO_NEW_PRIVILEGES: Final = 38
#: All access rights of the first version of Landlock, and those allowed beneath a folder: to execute and to read.
_ALL, _READ, _READ_FILE = (1 << 13) - 1, 0b1101, 0b0101
_BENEATH: Final = 1
#: Folders of system libraries, and system files that Python reads.
_SYSTEM = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/share/zoneinfo", "/dev/null", "/dev/urandom")


class _Rules(ctypes.Structure):
    _fields_ = (("handled", ctypes.c_uint64),)


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


def lock(folder: Path) -> bool:
    """Restrict this process to reading Python and one folder; returns whether the system supports that.

    The restriction holds for the calling thread and those it starts, so call this before there are others.

    Parameters
    ----------
    folder
        The folder that stays readable.
    """
    if not sys.platform.startswith("linux"):
        return False
    kernel: Callable[..., int] = ctypes.CDLL(None, use_errno=True).syscall
    rules = _Rules(_ALL)
    found = kernel(_CREATE, ctypes.byref(rules), ctypes.c_size_t(ctypes.sizeof(rules)), 0)
    if found < 0:
        return False
    try:
        for path in {*_python(), *_SYSTEM, str(folder)}:
            _allow(kernel, found, path)
        ctypes.CDLL(None).prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        return bool(kernel(_RESTRICT, found, 0) == 0)
    finally:
        os.close(found)


def _python() -> Iterable[str]:
    """Yield the standard library, the installed packages, and the folders of this one; cases may lie beside them."""
    for name in ("stdlib", "platstdlib", "purelib", "platlib"):
        yield sysconfig.get_path(name)
    package = Path(str(meshquake.__file__)).parent
    yield from (str(path) for path in sorted(package.glob("*.py")))
    yield from (str(path.parent) for path in sorted(package.glob("*/__init__.py")))


def _allow(kernel: Callable[..., int], rules: int, path: str) -> None:
    """Allow reading beneath a path, if it exists."""
    with suppress(OSError):
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            allowed = _READ if Path(path).is_dir() else _READ_FILE
            beneath = _Beneath(allowed, opened)
            kernel(_ADD, rules, _BENEATH, ctypes.byref(beneath), 0)
        finally:
            os.close(opened)
