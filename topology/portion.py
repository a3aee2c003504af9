"""A number of things, or a share of all of them: what Kubernetes calls IntOrString, as in `maxSurge: 25%`."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Final

#: The largest number that a file may give.
MOST: Final = 1_000_000


@dataclass(frozen=True)
class Portion:
    """A number of things, or a share of them if `count` is None. Read and written by `topology.units`."""

    count: int | None = None
    share: float = 0.0

    def of(self, whole: int, *, up: bool) -> int:
        """Return how many of `whole` that is; a share is rounded up or down."""
        if self.count is not None:
            return self.count
        # In decimals: 7% of 100 is 7, not 7.000000000000001, which would round up to 8.
        exact = Decimal(repr(self.share)) * whole
        return int(exact.to_integral_value(ROUND_CEILING if up else ROUND_FLOOR))
