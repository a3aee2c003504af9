"""Rank correlations: scipy's, with p-values that hold for few pairs too."""

from itertools import permutations
from math import factorial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from meshquake.ensembles.rank_correlation import EXACT, correlation, ranks

PAIRS = arrays(np.float64, st.tuples(st.just(2), st.integers(3, 30)), elements=st.floats(-100, 100, width=32))


@given(PAIRS)
def test_ranks_and_their_correlation_are_those_of_scipy(pairs):
    x, y = np.round(pairs)  # with ties
    assert ranks(x) == pytest.approx(stats.rankdata(x))
    if np.ptp(x) and np.ptp(y):
        wanted = stats.spearmanr(x, y)
        r, p = correlation(x, y)
        assert r == pytest.approx(wanted.statistic, abs=1e-9)
        if len(x) > EXACT:
            assert p == pytest.approx(wanted.pvalue, abs=1e-6)


@settings(max_examples=10)
@given(arrays(np.float64, (2, 5), elements=st.integers(0, 4)))
def test_few_pairs_are_tested_by_all_their_orders(pairs):
    """Scipy's permutation test, which tries all orders too, with ties."""
    x, y = pairs
    if np.ptp(x) and np.ptp(y):

        def statistic(x):
            return stats.spearmanr(x, y).statistic

        wanted = stats.permutation_test((x,), statistic, permutation_type="pairings", n_resamples=np.inf)
        at_least = np.abs(wanted.null_distribution) >= abs(wanted.statistic) - 1e-9
        assert correlation(x, y)[1] == pytest.approx(at_least.mean())


def test_four_pairs_in_order_are_two_orders_of_24():
    assert correlation(np.arange(4.0), np.arange(4.0) ** 2) == (pytest.approx(1), pytest.approx(2 / 24))
    assert correlation(np.arange(4.0), -np.arange(4.0)) == (pytest.approx(-1), pytest.approx(2 / 24))


@pytest.mark.parametrize("count", [9, 12, 30])
def test_no_order_of_many_pairs_is_less_likely_than_it_is(count):
    assert correlation(np.arange(count), np.arange(count))[1] == pytest.approx(2 / factorial(count), abs=1e-12)
    assert correlation(np.arange(count), np.arange(count))[1] > 0


@pytest.mark.parametrize("count", [3, 4, 5, 6])
@pytest.mark.parametrize("tied", [False, True])
def test_without_an_effect_at_most_one_order_in_twenty_looks_like_one(count, tied):
    x = np.arange(float(count))
    y = np.maximum(x, 1) if tied else x
    found = [correlation(x, np.array(order))[1] for order in permutations(y)]
    for level in (0.01, 0.05, 0.1):
        assert np.mean(np.array(found) <= level) <= level


def test_two_pairs_and_values_that_never_vary_say_nothing():
    nothing = [correlation(np.arange(2.0), np.arange(2.0)), correlation(np.arange(5.0), np.zeros(5))]
    nothing.append(correlation(np.array([1.0, 2.0, np.nan, 4.0]), np.array([1.0, 2.0, 3.0, np.inf])))
    assert np.isnan(nothing).all()
