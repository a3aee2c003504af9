"""Intervals: against scipy where it has them, and by how often they cover the truth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from meshquake.ensembles.intervals import SECTIONS, bootstrap, sectioned, share_interval, t_interval

VALUES = arrays(np.float64, st.integers(2, 40), elements=st.floats(-1e6, 1e6, width=32))


@given(VALUES, st.floats(0.5, 0.999))
def test_the_interval_of_a_mean_is_students(values, confidence):
    found = t_interval(values, confidence)
    assert found.estimate == pytest.approx(values.mean())
    if np.ptp(values):
        low, high = stats.t.interval(confidence, len(values) - 1, values.mean(), stats.sem(values))
        assert (found.low, found.high) == pytest.approx((low, high), rel=1e-6, abs=1e-6)
    else:
        assert found.half == pytest.approx(0, abs=1e-6)


@given(arrays(np.float64, SECTIONS, elements=st.floats(0, 1e3, width=32)))
def test_of_a_mean_the_interval_by_sections_is_that_of_batch_means(sections):
    found, plain = sectioned(sections.mean(), sections), t_interval(sections)
    assert (found.low, found.high) == pytest.approx((plain.low, plain.high), abs=1e-6)


def test_the_bootstrap_is_that_of_scipy():
    """Scipy's with very many samples; ours has 2,000, which determines the tolerance."""
    values = np.random.Generator(np.random.Philox(3)).lognormal(0, 1, 25)
    found = bootstrap(values, key=5)
    generator = np.random.Generator(np.random.Philox(4))
    (low, high), *_ = vars(stats.bootstrap((values,), np.mean, n_resamples=50_000, random_state=generator)).values()
    assert (found.low, found.high) == pytest.approx((low, high), rel=0.05)
    assert found.high - found.estimate > found.estimate - found.low  # skewed, as the values are


def test_a_bootstrap_is_of_its_address_and_of_nothing_else():
    values = np.arange(12.0) ** 2
    assert bootstrap(values, key=1) == bootstrap(values, key=1) != bootstrap(values, key=2)


@given(st.integers(2, 30), st.floats(-1e3, 1e3))
def test_what_never_varies_is_known_exactly(count, value):
    for found in (t_interval(np.full(count, value)), bootstrap(np.full(count, value), 1)):
        assert found.low == pytest.approx(value) == found.high


def test_one_run_or_none_says_nothing_of_how_sure_it_is():
    assert np.isnan([t_interval(np.array([4.0])).low, t_interval(np.array([])).estimate]).all()
    for sections, method in ((np.array([1.0, np.nan]), "empty section"), (np.array([]), "whole run")):
        found = sectioned(3.0, sections)
        assert np.isnan([found.low, found.high]).all() and (found.estimate, found.method) == (3, method)


def test_bootstrap_intervals_of_skewed_values_hold_the_mean_about_as_often_as_they_say():
    """For 20 values of a lognormal with a sigma of .5, Student's interval covers 93% here, this one 93 to 94%."""
    draws = np.random.Generator(np.random.Philox(11)).lognormal(0, 0.5, (300, 20))
    found = [bootstrap(values, key=number) for number, values in enumerate(draws)]
    held = np.mean([each.low <= np.exp(0.125) <= each.high for each in found])
    assert 0.89 <= held <= 0.98


@given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))))
def test_the_interval_of_a_share_of_runs_is_that_of_clopper_and_pearson(runs):
    count, yes = runs
    found = share_interval(np.repeat([1.0, 0.0], [yes, count - yes]))
    wanted = stats.binomtest(yes, count).proportion_ci(0.95, "exact")
    assert (found.estimate, found.low, found.high) == pytest.approx((yes / count, wanted.low, wanted.high), abs=1e-9)
