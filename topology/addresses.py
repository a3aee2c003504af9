"""Addressed draws: a value belongs to an address, not to the order in which values are drawn.

Draws are made with numpy's Philox, a counter-based generator (Salmon et al., "Parallel random numbers: as easy as 1, 2,
3", 2011). Its key is a hash of an address, and the counter goes on from there, so any draw can be made at any time.
"""

from __future__ import annotations

from hashlib import blake2b
from threading import Lock
from typing import Any

import numpy as np

from meshquake.topology.distributions import Floats

_MASK = 2**64 - 1

#: One generator, set to each address in turn: making one costs as much as some hundred draws. Nobody relies on its
#: state, but threads that draw at the same time must not mix theirs.
_philox = np.random.Philox(0)
_generator = np.random.Generator(_philox)
_sharing = Lock()


def address(seed: int, *parts: object) -> int:
    """Return a 128-bit key for an address: the same on every machine, whatever PYTHONHASHSEED is."""
    text = "\x1f".join([str(seed), *map(str, parts)])
    return int.from_bytes(blake2b(text.encode(), digest_size=16).digest(), "little")


def uniforms(key: int, first: int, count: int, columns: int = 4, attempt_path: int = 0) -> Floats:
    """Return uniforms in [0, 1) at `count` consecutive counters from `first` on, shape (count, columns)."""
    state: Any = {
        "bit_generator": "Philox",
        "state": {"counter": [first * (columns // 4), attempt_path, 0, 0], "key": [key & _MASK, key >> 64]},
        "buffer": [0, 0, 0, 0],
        "buffer_pos": 4,  # used up
        "has_uint32": 0,
        "uinteger": 0,
    }
    with _sharing:
        _philox.state = state
        return _generator.random((count, columns))


def uniform(key: int, number: int, attempt_path: int = 0) -> float:
    """Return one uniform in [0, 1) at an address, for rare draws (SplitMix64's finalizer; Steele et al. 2014)."""
    x = (key ^ (number * 0x9E3779B97F4A7C15) ^ (attempt_path * 0xD1B54A32D192ED03)) & _MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
    return ((x ^ (x >> 31)) >> 11) * 2.0**-53
