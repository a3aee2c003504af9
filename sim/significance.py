"""Test whether more requests are bad than chance explains.

scipy.stats has both tests, but importing it takes longer than simulating a minute of ten services.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from meshquake.topology.special_functions import bdtrc, gammaln

#: The usual share of bad requests, where there are none before the incident to tell.
_QUIET = 0.01


def p_value(bad: int, requests: int, usual: int, before: int) -> float:
    """Return the probability of at least so many bad requests if nothing has changed.

    If nothing has changed, the bad requests are spread at random over both periods, and the number in the later one has
    a hypergeometric distribution (Fisher's exact test). The test is exact for slow requests too, although the earlier
    requests define what is slow: it depends on ranks alone.

    Parameters
    ----------
    bad, requests
        Numbers of bad requests and of all requests, now.
    usual, before
        The same for the time before. If `before` is 0, one request in a hundred is taken to be bad.
    """
    if not before:
        return float(bdtrc(bad - 1, requests, _QUIET))
    every, worse = before + requests, usual + bad
    among = np.arange(bad, min(requests, worse) + 1)
    ways = _ways(worse, among) + _ways(every - worse, requests - among) - _ways(every, requests)
    return float(np.exp(ways).sum())


def _ways(things: int, chosen: ArrayLike) -> NDArray[np.float64]:
    """Return the logarithm of the binomial coefficient: in how many ways some of these things can be chosen."""
    chosen = np.asarray(chosen)
    ways: NDArray[np.float64] = gammaln(things + 1) - gammaln(chosen + 1) - gammaln(things - chosen + 1)
    return ways
