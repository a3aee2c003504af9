"""Whether more requests are bad than chance makes of it.

scipy.stats has both tests, but takes longer to import than a minute of the ten services to play.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from meshquake.topology.special_functions import bdtrc, gammaln

#: The share of bad requests in good order, where none before the incident tell of it.
_QUIET = 0.01


def p_value(bad: int, requests: int, usual: int, before: int) -> float:
    """The probability that so many of some requests, or more, are bad though nothing has changed.

    Were all of them alike, the bad ones would be spread over both stretches of time at random: how many are in the
    later one has a hypergeometric distribution (Fisher's exact test). It's exact for slow requests too, though what is
    slow is found from those before: it depends on ranks alone.

    Parameters
    ----------
    bad, requests
        Bad requests, and all of them, of now.
    usual, before
        The same of before. With nothing before, one in a hundred is held to be bad.
    """
    if not before:
        return float(bdtrc(bad - 1, requests, _QUIET))
    every, worse = before + requests, usual + bad
    among = np.arange(bad, min(requests, worse) + 1)
    ways = _ways(worse, among) + _ways(every - worse, requests - among) - _ways(every, requests)
    return float(np.exp(ways).sum())


def _ways(things: int, chosen: ArrayLike) -> NDArray[np.float64]:
    """The logarithm of how many ways there are to choose so many of some things."""
    chosen = np.asarray(chosen)
    ways: NDArray[np.float64] = gammaln(things + 1) - gammaln(chosen + 1) - gammaln(things - chosen + 1)
    return ways
