"""Python's cyclic collector, kept from what lasts: what there is before a run outlives it, and calls form no rings.

A run that is over is garbage in rings: too few objects for Python to look for them soon, and all the arrays they hold.
So it's looked for before the next run, which takes as long as there are objects that aren't frozen.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

#: Whether there is a run under way in this process, or a block of several.
_running = False
_several = False
#: Whether there was a run.
_ran = False
#: Whether the program around it has frozen what it holds, once that was seen: a count walks all that is frozen.
_foreign = False


@contextmanager
def paused() -> Iterator[None]:
    """A block without the collector, which would walk every call under way again and again."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextmanager
def of_a_run() -> Iterator[None]:
    """A run: all that exists already, the mesh above all, is frozen; of a run within a run it is already."""
    global _running, _ran
    if _running:
        yield
        return
    _running = True
    try:
        if _program_froze():
            yield
            return
        if _ran:
            gc.collect()
        _ran = True
        if _several:
            yield
            return
        with _frozen():
            yield
    finally:
        _running = False


@contextmanager
def of_several_runs() -> Iterator[None]:
    """A block of several runs, one after another: what exists before it is looked at once, and not before each run."""
    global _several
    if _running or _several or _program_froze():
        yield
        return
    if _ran:
        gc.collect()
    _several = True
    try:
        with _frozen():
            yield
    finally:
        _several = False


def _program_froze() -> bool:
    """Whether somebody else has frozen something, which stays so: to undo it would be to undo all of it.

    Garbage is then theirs to look for as well.
    """
    global _foreign
    _foreign = _foreign or (not _several and gc.get_freeze_count() > 0)
    return _foreign


@contextmanager
def _frozen() -> Iterator[None]:
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
