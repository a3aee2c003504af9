"""W3C trace and span ids, hashed from addresses: the same request has the same ids in every run of a seed."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from meshquake.sim.telemetry.texts import of_one_length

Words = NDArray[np.uint64]

#: The hexadecimal digits of all 16-bit numbers, four bytes each.
_DIGITS = np.frombuffer("".join(f"{number:04x}" for number in range(2**16)).encode(), dtype=np.uint32)


def mix(x: Words) -> Words:
    """Apply SplitMix64's finalizer: a bijection of 64-bit numbers that looks random (Steele, Lea and Flood 2014)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def request_words(keys: Words, numbers: NDArray[np.int64]) -> Words:
    """Return half of the trace id (64 bits) of each request, given its entry's key and its number."""
    word = mix(keys ^ mix(numbers.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)))
    return np.where(word == 0, np.uint64(1), word)  # W3C: an id is never all zero


def span_words(requests: Words, sites: Words, visits: NDArray[np.int64], server: NDArray[np.bool_]) -> Words:
    """Return span ids (64 bits), given the request's word, the call site's key, the attempt path and the side."""
    side = (visits.astype(np.uint64) << np.uint64(1)) | server.astype(np.uint64)
    word = mix(mix(sites ^ mix(side)) ^ requests)
    return np.where(word == 0, np.uint64(1), word)


def hexadecimal(*words: Words, digits: int | None = None) -> pl.Series:
    """Return 64-bit words, concatenated, as lower-case hex: 16 digits per word, cut to the first `digits` if given."""
    quarters = np.stack(words, axis=1).astype(">u8").view(">u2").astype(np.uint16)
    return of_one_length(_DIGITS.take(quarters).view(np.uint8)[:, :digits])
