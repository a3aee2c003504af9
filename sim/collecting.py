"""Python's cyclic collector, kept from what lasts: what there is before a run outlives it, and calls form no rings.

A run that is over is garbage in rings: too few objects for Python to look for them soon, and all the arrays they hold.
So it's looked for before the next run, which takes as long as there are objects that aren't frozen.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

#: Whether there is a run under way in this process, and whether there was one.
_running = False
_ran = False


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
    # What somebody else has frozen stays so: to undo it would be to undo all of it.
    foreign = gc.get_freeze_count() > 0
    if _ran:
        gc.collect()
    _running = _ran = True
    if not foreign:
        gc.freeze()
    try:
        yield
    finally:
        if not foreign:
            gc.unfreeze()
        _running = False


@contextmanager
def of_several_runs() -> Iterator[None]:
    """A block of several runs, one after another: what exists before it is looked at once, and not before each run."""
    if gc.get_freeze_count() > 0:
        yield
        return
    if _ran:
        gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
