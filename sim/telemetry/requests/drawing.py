"""Draw the random values of requests: each for one purpose, keyed by a word (64 bits).

A word belongs to a request, a call, a process or the code. A text says how a value is drawn: `NAME:LOW..HIGH` or
`NAME:ONE|OTHER`; with `#` in place of `:`, the value belongs to the code.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meshquake.sim.telemetry.ids import Words, mix
from meshquake.topology.addresses import address
from meshquake.topology.telemetry.logs import DRAWN

Floats = NDArray[np.float64]


def purpose(name: str) -> np.uint64:
    """Return the number that separates the draws for one purpose from those for others."""
    return _PURPOSES.setdefault(name, np.uint64(address(0, "particulars", name) % 2**64))


_PURPOSES: dict[str, np.uint64] = {}


def draws(of: Words, name: str) -> Floats:
    """Draw uniforms in [0, 1) from words, for one purpose."""
    return unit(mix(of ^ purpose(name)))


def unit(words: Words) -> Floats:
    """Turn words into uniforms in [0, 1)."""
    uniforms: Floats = (words >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return uniforms


def drawn(name: str) -> bool:
    """Whether a value named in a text is drawn."""
    return ":" in name or "#" in name


#: In place of a number of digits: the rule draws one of some words.
WORDS = -1


@dataclass(frozen=True)
class Rule:
    """How a value is drawn: a number from `low` to `high` with so many decimals, or one of some words."""

    purpose: int
    of_code: bool
    digits: int
    low: float = 0.0
    high: float = 0.0
    words: tuple[str, ...] = ()

    @classmethod
    @cache
    def of(cls, text: str) -> Rule:
        """Parse a rule."""
        found = DRAWN.fullmatch(text)
        assert found is not None, text
        key, of_code = int(purpose(found["name"])), found["fixed"] == "#"
        if found["words"]:
            return cls(key, of_code, WORDS, words=tuple(found["words"].split("|")))
        return cls(key, of_code, len(found["digits"] or ""), float(found["low"]), float(found["high"]))

    def at(self, u: float) -> str:
        """Return the value for a uniform number in [0, 1)."""
        if self.words:
            return self.words[int(u * len(self.words))]
        low, high = self.low, self.high
        return f"{low * (high / low) ** u if low > 0 else low + (high - low) * u:.{self.digits}f}"


def spread(uniforms: Floats, low: Any, high: Any) -> Floats:
    """Map uniforms to numbers from `low` to `high`: log-uniform, or uniform where `low` is not positive."""
    least = np.maximum(low, 1e-300)
    result: Floats = np.where(low > 0, least * (high / least) ** uniforms, low + (high - low) * uniforms)
    return result
