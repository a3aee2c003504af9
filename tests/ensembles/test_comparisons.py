"""Differences between variants: paired differences, Holm's procedure, and letters."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from meshquake.ensembles.comparisons import holm, letters, paired, together

P = st.lists(st.floats(0, 1), min_size=1, max_size=20)
PAIRS = arrays(np.float64, st.tuples(st.just(2), st.integers(3, 30)), elements=st.floats(-100, 100, width=32))


@given(PAIRS)
def test_a_difference_is_that_of_students_test_of_pairs(pairs):
    first, other = pairs
    found = paired(first, other)
    if np.ptp(other - first) > 1e-3:
        assert found.p == pytest.approx(stats.ttest_rel(other, first).pvalue, abs=1e-9)
        apart = first.var(ddof=1) + other.var(ddof=1)
        assert found.reduction == pytest.approx(apart / (other - first).var(ddof=1))


@given(arrays(np.float64, st.integers(2, 30), elements=st.floats(-1e6, 1e6)))
def test_nothing_differs_from_itself(values):
    (found,) = together([paired(values, values)])
    assert (found.mean, found.same, found.low, found.high, found.p, found.differs) == (0, True, 0, 0, 1, False)
    yes = (values > 0).astype(float)
    (found,) = together([paired(yes, yes, shares=True)])
    assert (found.mean, found.same, found.p, found.differs) == (0, True, 1, False)
    assert found.low < 0 < found.high  # a few runs that agree do not rule out that others would not


def test_what_is_known_of_one_only_is_no_pair():
    nan = np.nan
    found = paired(np.array([1.0, nan, 3.0, 4.0]), np.array([2.0, 2.0, nan, 6.0]))
    assert (found.pairs, found.mean) == (2, 1.5)
    assert np.isnan(paired(np.array([nan, 1.0]), np.array([1.0, 2.0])).p)


@pytest.mark.parametrize(("pairs", "differs"), [(2, False), (5, False), (6, True), (10, True)])
@pytest.mark.parametrize("more", [2.0, 0.1, -0.3])
def test_what_is_always_more_by_the_same_differs_if_it_was_seen_often_enough(pairs, differs, more):
    """By chance all would have one sign with a probability of 2 * .5^n, whether or not sums are rounded."""
    (found,) = together([paired(np.arange(pairs) / 10, np.arange(pairs) / 10 + more)])
    assert (found.mean, found.p, found.reduction) == (pytest.approx(more), 2 * 0.5**pairs, np.inf)
    assert found.differs == differs
    ends = sorted([more, more if differs else 0.0])
    assert [found.low, found.high] == pytest.approx(ends)


def test_rounding_is_no_difference():
    found = paired(np.full(20, 0.3), np.full(20, 0.1 + 0.2))
    assert found.mean and found.p == 1


def test_holm_rejects_as_in_the_textbook():
    """Four tests of .01, .04, .03 and .005: adjusted .03, .06, .06 and .02."""
    found = holm([0.01, 0.04, 0.03, 0.005])
    assert [each.adjusted for each in found] == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert [each.rejected for each in found] == [True, False, False, True]


@given(P)
def test_holm_rejects_all_that_bonferroni_does_and_nothing_that_alone_is_likely(p):
    found = holm(p)
    for each, verdict in zip(p, found, strict=True):
        assert verdict.rejected == (verdict.adjusted <= 0.05 + 1e-12)
        assert verdict.rejected or each > 0.05 / len(p)
        assert each <= 0.05 or not verdict.rejected
        assert verdict.adjusted >= each
    order = np.argsort(p)
    assert np.all(np.diff([found[place].adjusted for place in order]) >= 0)


@given(st.lists(PAIRS, min_size=1, max_size=8))
def test_an_interval_that_is_told_holds_nothing_if_and_only_if_they_do_not_differ(pairs):
    for each in together([paired(*pair) for pair in pairs]):
        assert each.low <= each.high
        assert each.differs or each.low <= 0 <= each.high
        assert not each.differs or (each.low >= 0 if each.mean > 0 else each.high <= 0)


@given(
    st.lists(
        arrays(np.float64, st.tuples(st.just(2), st.integers(2, 30)), elements=st.sampled_from([0.0, 1.0])),
        min_size=1,
        max_size=8,
    )
)
def test_so_does_one_of_shares(pairs):
    for (first, other), each in zip(pairs, together([paired(*pair, shares=True) for pair in pairs]), strict=True):
        assert each.mean == other.mean() - first.mean() or each.mean == pytest.approx(other.mean() - first.mean())
        assert -1 <= each.low <= each.high <= 1
        assert each.differs or each.low <= 0 <= each.high
        assert not each.differs or (each.low >= 0 if each.mean > 0 else each.high <= 0)


def test_of_many_comparisons_of_nothing_hardly_any_study_calls_one_different():
    """The chance of any error in 15 comparisons is at most 5%; without Holm it would be over a third."""
    draws = np.random.Generator(np.random.Philox(2)).normal(0, 1, (400, 6, 12))
    wrong = plain = 0
    for study in draws:
        found = [paired(study[one], study[other]) for one, other in combinations(range(6), 2)]
        wrong += any(each.differs for each in together(found))
        plain += any(each.p < 0.05 for each in found)
    assert wrong / 400 < 0.08 and plain / 400 > 0.2


@given(
    st.integers(1, 8).flatmap(
        lambda n: st.tuples(st.just(n), st.sets(st.sampled_from([*combinations(range(n), 2)] or [None])))
    )
)
def test_two_share_a_letter_if_and_only_if_they_do_not_differ(given_):
    count, differing = given_
    differing = {pair for pair in differing if pair}
    found = letters(count, sorted(differing))
    assert all(found)
    for one, other in combinations(range(count), 2):
        assert bool(set(found[one]) & set(found[other])) == ((one, other) not in differing)
