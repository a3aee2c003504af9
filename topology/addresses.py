"""Addressed draws: a value belongs to an address, not to the order in which it is asked for.

Draws are made with numpy's Philox, a counter-based generator (Salmon et al., "Parallel random numbers: as easy
as 1, 2, 3", 2011): the key is a hash of an address and the counter goes on from there, so any draw can be made at any
time.
"""

from __future__ import annotations

from hashlib import blake2b

import numpy as np

from topology.distributions import Floats

_MASK = 2**64 - 1


def address(seed: int, *parts: object) -> int:
    """A 128-bit key for an address: the same on every machine, whatever PYTHONHASHSEED says."""
    text = "\x1f".join([str(seed), *map(str, parts)])
    return int.from_bytes(blake2b(text.encode(), digest_size=16).digest(), "little")


def uniforms(key: int, first: int, count: int, columns: int = 4, visit: int = 0) -> Floats:
    """Uniforms in [0, 1) at `count` consecutive counters from `first` on, shape (count, columns)."""
    blocks = columns // 4
    generator = np.random.Philox(key=key, counter=[first * blocks, visit, 0, 0])
    return np.random.Generator(generator).random((count, columns))


def uniform(key: int, number: int, visit: int = 0) -> float:
    """One uniform in [0, 1) at an address, for rare draws (SplitMix64's finalizer; Steele et al. 2014)."""
    x = (key ^ (number * 0x9E3779B97F4A7C15) ^ (visit * 0xD1B54A32D192ED03)) & _MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
    return ((x ^ (x >> 31)) >> 11) * 2.0**-53
