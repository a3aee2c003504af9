"""How much is left of a piece of work, on average, when somebody comes to look."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np

from meshquake.topology.distributions import Distribution
from meshquake.topology.spec import Operation, Work, following, pieces

_STRATA: Final = (np.arange(1000) + 0.5) / 1000


@lru_cache(maxsize=4096)
def residual(operations: tuple[Operation, ...]) -> float:
    """Return the mean residual time (seconds) of the pieces of work of some operations, each as frequent as the others.

    That is E[S^2] / 2 E[S]: long pieces are likelier to be met than short ones (Kleinrock, Queueing Systems I, 5.2).
    Moments are those of the middles of 1,000 equal strata.
    """
    times = [_sample(time) for operation in operations for time in _times(operation)]
    total = sum(float(each.mean()) for each in times)
    return sum(float((each**2).mean()) for each in times) / 2.0 / total if total else 0.0


def _times(operation: Operation) -> list[Distribution]:
    between: list[Work] = [*pieces(operation.calls), *following(operation.calls)]
    return [operation.work, *(each.time for each in between)]


def _sample(time: Distribution) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    sample: np.ndarray[tuple[int], np.dtype[np.float64]] = np.asarray(time.quantile(_STRATA), dtype=np.float64)
    return sample
