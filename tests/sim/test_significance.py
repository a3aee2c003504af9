"""The probability that so many requests are bad by chance."""

import pytest
from scipy import stats

from meshquake.sim.significance import p_value


@pytest.mark.parametrize("before", [0, 1, 60, 5000, 10**6])
@pytest.mark.parametrize(("bad", "requests"), [(1, 1), (1, 10), (10, 10), (6, 100), (40, 700)])
def test_it_is_what_fishers_test_and_the_binomial_one_of_a_library_have(bad, requests, before):
    for usual in {0, before // 20}:
        hypergeometric = stats.hypergeom.sf(bad - 1, before + requests, usual + bad, requests)
        expected = hypergeometric if before else stats.binom.sf(bad - 1, requests, 0.01)
        assert p_value(bad, requests, usual, before) == pytest.approx(expected, rel=1e-6)
