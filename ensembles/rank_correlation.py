"""Spearman's rank correlation, and how likely one as large is by chance."""

from __future__ import annotations

from functools import lru_cache
from itertools import permutations
from math import factorial

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

Floats = NDArray[np.float64]

#: Up to this many pairs every order is tried: 40,320 of 8.
EXACT = 8
#: Correlations that are nearer to each other are equal: the rest is rounding.
_ROUNDING = 1e-9


def correlation(x: Floats, y: Floats) -> tuple[float, float]:
    """Spearman's rank correlation of pairs of values, and its two-sided p-value.

    Up to `EXACT` pairs, p is the share of all orders of `y` in which the correlation is at least as large (M. G.
    Kendall, "Rank correlation methods", 1948). Beyond, it is that of Student's t, but no less than the share of two
    orders among all: that is the least which a permutation test can give without ties.

    Parameters
    ----------
    x, y
        Values at the same positions; pairs with a nan or an infinity are left out.

    Returns
    -------
    tuple[float, float]
        The correlation, and p; both nan for fewer than three pairs, or if all values of `x` or of `y` are equal.
    """
    there = np.isfinite(x) & np.isfinite(y)
    x, y = ranks(x[there]), ranks(y[there])
    count = len(x)
    if count < 3 or not x.std() or not y.std():
        return np.nan, np.nan
    x, y = ((each - each.mean()) / np.linalg.norm(each - each.mean()) for each in (x, y))
    r = float(np.clip(x @ y, -1.0, 1.0))
    if count <= EXACT:
        by_chance = np.abs(y[_orders(count)] @ x)
        return r, float(np.mean(by_chance >= abs(r) - _ROUNDING))
    squared = max(1 - r * r, np.finfo(float).eps)
    p = 2 * stdtr(count - 2, -abs(r) * ((count - 2) / squared) ** 0.5)
    return r, max(float(p), 2 / factorial(count))


def ranks(values: Floats) -> Floats:
    """Ranks from 1 on; equal values share the mean of their ranks."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    shared: Floats = (last - (count - 1) / 2)[place]
    return shared


@lru_cache(maxsize=EXACT)
def _orders(count: int) -> NDArray[np.int64]:
    """All orders of some positions, one per row."""
    return np.array([*permutations(range(count))])
