"""A number of things, or a share of all of them: what Kubernetes calls IntOrString, as in `maxSurge: 25%`.

A share of a count is what people take it for (`part`): 7% of 100 is 7, and a limit of 7% is reached at 7. In floating
point it is 7.000000000000001, and 29% of 100 is 28.999999999999996.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor
from typing import Final

#: The largest number that a file may give.
MOST: Final = 1_000_000
#: A product this close to a whole number is that number; rounding is wrong by less, even for `MOST`.
_ROUNDING: Final = 1e-9


def part(share: float, count: int) -> float:
    """Return a share of a count: a whole number where decimal arithmetic would give one."""
    product = share * count
    whole = round(product)
    return float(whole) if abs(product - whole) < _ROUNDING else product


@dataclass(frozen=True)
class Portion:
    """A number of things, or a share of them if `count` is None. Read and written by `topology.units`."""

    count: int | None = None
    share: float = 0.0

    def of(self, whole: int, *, up: bool) -> int:
        """Return how many of `whole` that is; a share is rounded up or down."""
        if self.count is not None:
            return self.count
        amount = part(self.share, whole)
        return ceil(amount) if up else floor(amount)
