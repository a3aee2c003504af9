"""Tests of pairs: those of scipy, and right as often as they say, for few runs too."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from meshquake.ensembles.pair_tests import McNemar, Sign, Student, pair_test
from meshquake.topology.addresses import address, uniforms

TABLES = st.tuples(st.integers(0, 20), st.integers(0, 20), st.integers(0, 20))


@given(TABLES)
def test_shares_are_compared_by_the_binomial_of_the_pairs_that_disagree(table):
    _, only_first, only_other = table
    found = McNemar(sum(table), only_first, only_other)
    both = only_first + only_other
    assert found.p == pytest.approx(stats.binomtest(only_first, both).pvalue if both else 1.0)
    low, high = found.interval(0.95)
    other = McNemar(sum(table), only_other, only_first)
    assert other.interval(0.95) == pytest.approx((-high, -low)) and other.p == found.p
    if sum(table):
        assert low <= (only_other - only_first) / sum(table) <= high


def test_an_interval_of_shares_is_that_of_agresti_and_min():
    """Wald's interval of a table of 13, 9, 2 and 16 pairs, after a half is added to each cell."""
    both, only_first, only_other, neither = 13.5, 9.5, 2.5, 16.5
    total = both + only_first + only_other + neither
    first, other = (both + only_first) / total, (both + only_other) / total
    covariance = both / total - first * other
    variance = (first * (1 - first) + other * (1 - other) - 2 * covariance) / total
    half = stats.norm.ppf(0.975) * variance**0.5
    assert McNemar(40, 9, 2).interval(0.95) == pytest.approx((other - first - half, other - first + half))


@pytest.mark.parametrize(("only_first", "only_other"), [(0.1, 0.1), (0.3, 0.1), (0.02, 0.05), (0.0, 0.4)])
@pytest.mark.parametrize("pairs", [10, 30])
def test_an_interval_of_shares_holds_the_difference_as_often_as_it_says(only_first, only_other, pairs):
    """By adding up the probabilities of all tables."""
    held = 0.0
    for one, other in product(range(pairs + 1), repeat=2):
        if one + other <= pairs:
            low, high = McNemar(pairs, one, other).interval(0.95)
            table = (one, other, pairs - one - other)
            weight = stats.multinomial.pmf(table, pairs, [only_first, only_other, 1 - only_first - only_other])
            held += weight * (low <= only_other - only_first <= high)
    assert held >= 0.93


@pytest.mark.parametrize("pairs", [2, 5, 20])
@pytest.mark.parametrize(("share", "likeness"), [(0.5, 0.0), (0.1, 0.0), (0.5, 0.8), (0.02, 0.5)])
def test_of_studies_of_shares_without_an_effect_at_most_5_in_100_find_one(pairs, share, likeness):
    """2,000 studies each; `likeness` is the probability that both runs of a pair are decided by the same draw."""
    studies = 2000
    drawn = uniforms(address(1, "test", "shares", pairs, str(share), str(likeness)), 0, studies, 4 * pairs)
    decided, first, other = drawn[:, :pairs], drawn[:, pairs : 2 * pairs], drawn[:, 2 * pairs : 3 * pairs]
    other = np.where(decided < likeness, first, other)
    yes = (np.stack([first, other]) < share).astype(float)
    found = np.array([pair_test(yes[0, study], yes[1, study], shares=True).p for study in range(studies)])
    assert np.mean(found <= 0.05) <= 0.05


def test_each_kind_of_difference_has_its_test():
    values = np.arange(6.0)
    assert pair_test(values, values + 1, shares=False) == Sign(6, 1.0)
    assert isinstance(pair_test(values, values**2, shares=False), Student)
    assert pair_test(values % 2, 1 - values % 2, shares=True) == McNemar(6, 3, 3)


def test_values_too_small_to_have_a_variance_are_no_error():
    assert pair_test(np.zeros(3), np.array([1e-200, 2e-200, 3e-200]), shares=False).p == 0.25
