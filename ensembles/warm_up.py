"""How much of a run is warm-up: MSER-5.

The series is cut where the marginal standard error of the rest is least (K. P. White, "An effective truncation
heuristic for bias reduction in simulation output", Simulation 69(6), 1997, on means of five observations; K. P. White,
M. J. Cobb and S. C. Spratt, "A comparison of five steady-state truncation heuristics for simulation", WSC 2000).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: Observations that are averaged into one mean first.
BATCH = 5


@dataclass(frozen=True)
class Cut:
    """How many observations at the beginning are warm-up.

    `settled` is whether that is reliable: the best place to cut lies in the first half. Otherwise the run is too short
    to tell, and half of it is cut.
    """

    observations: int
    settled: bool


def mser(values: Floats, batch: int = BATCH) -> Cut:
    """Where to cut a series.

    Parameters
    ----------
    values
        Observations in order.
    batch
        How many observations make one mean. A remainder at the end is ignored.

    Returns
    -------
    Cut
        Nothing is cut from a series of fewer than four means, which says too little.
    """
    count = len(values) // batch
    if count < 4:
        return Cut(0, False)
    means = values[: count * batch].reshape(count, batch).mean(axis=1)
    means = means - means.mean()  # the sums of squares below would lose digits otherwise
    left = np.arange(count, 0, -1)
    sums, squares = (np.cumsum(each[::-1])[::-1] for each in (means, means**2))
    error = np.maximum(squares - sums**2 / left, 0.0) / left**2
    best = int(np.argmin(error[: count - 1]))  # the last mean alone has no error, and says nothing
    half = count // 2
    return Cut(min(best, half) * batch, best < half)
