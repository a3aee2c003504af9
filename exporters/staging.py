"""Output appears whole or not at all: it is written beside its place, and put there when it's complete.

Whatever stops the writer (a full disk, Ctrl-C, a kill), what was there before stays. Leftovers of a killed writer are
hidden folders, swept away by the next writer to the same place.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path


@contextmanager
def staged(target: Path) -> Iterator[Path]:
    """A new folder to write into, which becomes `target` if the block ends well and vanishes otherwise.

    Raises
    ------
    OSError
        If the folder can't be made, or not be put in its place.
    """
    target = Path(os.path.realpath(target))  # a link stays, and what it leads to is renewed
    target.parent.mkdir(parents=True, exist_ok=True)
    recover(target)
    if target.exists() and not target.is_dir():
        raise NotADirectoryError(f"{target} is in the way: it is not a folder")
    _sweep(target)
    stage = _beside(target, "partial")
    stage.mkdir()
    try:
        yield stage
        _put(stage, target)
    except BaseException:
        shutil.rmtree(stage, ignore_errors=True)
        raise


def recover(target: Path) -> None:
    """Put back what a writer had moved aside when it was killed before it had put the new folder in place."""
    for previous in _left(target, "previous"):
        if _alive(previous):
            continue
        if target.exists():
            shutil.rmtree(previous, ignore_errors=True)
        else:
            with suppress(OSError):  # another command was faster, or may write here and this one not
                previous.rename(target)


def _put(stage: Path, target: Path) -> None:
    """Rename the stage to its target, the previous folder making way for the shortest time."""
    previous = _beside(target, "previous")
    try:
        while not _swap(stage, target, previous):
            shutil.rmtree(previous, ignore_errors=True)
    except BaseException:
        with suppress(OSError):
            previous.rename(target)
        raise
    shutil.rmtree(previous, ignore_errors=True)


def _swap(stage: Path, target: Path, previous: Path) -> bool:
    """Move the target aside, if it is there, and the stage to its place; False if another writer came in between."""
    with suppress(FileNotFoundError):
        target.rename(previous)
    try:
        stage.rename(target)
    except OSError:
        if target.exists():
            return False
        raise
    return True


def _sweep(target: Path) -> None:
    """Remove what killed writers to the same place have left."""
    for stale in _left(target, "partial"):
        if not _alive(stale):
            shutil.rmtree(stale, ignore_errors=True)


def _left(target: Path, what: str) -> list[Path]:
    """What writers to a place have beside it: those that still run, and those that were killed."""
    return sorted(target.parent.glob(f".{escape(target.name)}.{what}-*"))


def _beside(target: Path, what: str) -> Path:
    return target.parent / f".{target.name}.{what}-{os.getpid()}"


def _alive(folder: Path) -> bool:
    """Whether the process that made a folder still runs."""
    pid = folder.name.rpartition("-")[2]
    if not pid.isdecimal() or int(pid) == os.getpid():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
