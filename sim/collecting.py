"""Keep Python's cyclic garbage collector away from objects that outlive a run.

Whatever exists before a run outlives it, so it is frozen (`gc.freeze`). Calls form no reference cycles, so there is
nothing to collect among them. A finished run is cyclic garbage, though: too few objects to trigger the collector soon,
but holding large arrays. It is collected before the next run, which costs time in proportion to the unfrozen objects.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

#: Whether a run, or a block of several runs, is under way in this process.
_running = False
_several = False
#: Whether a run has taken place.
_ran = False
#: Whether the surrounding program was seen to have frozen objects. Cached, since counting walks all frozen objects.
_foreign = False


@contextmanager
def paused() -> Iterator[None]:
    """Disable the collector in a block: it would walk every call under way again and again."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextmanager
def of_a_run() -> Iterator[None]:
    """Freeze everything that exists before a run, the mesh above all. Does nothing for a run within a run."""
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
    """Freeze once for several runs in a row, instead of before each of them."""
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
    """Whether the surrounding program has frozen objects of its own.

    They must stay frozen, and `gc.unfreeze` would thaw all of them. So freezing and collecting are left to it.
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
