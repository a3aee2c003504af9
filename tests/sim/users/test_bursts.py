"""On-off sources: they are in their steady state when the recording begins."""

import numpy as np
import pytest

from meshquake.sim.users.levels import level_of
from meshquake.topology.distributions import (
    Constant,
    Distribution,
    Empirical,
    Exponential,
    Gamma,
    LogNormal,
    Mixture,
    Pareto,
)
from meshquake.topology.users import Bursts


class Uneven(Distribution):
    """A kind that a package might add: half of the times are 50 times as long as the others."""

    def expectation(self):
        return 1.0

    def quantile(self, u):
        return np.where(u < 0.5, 2 / 51, 100 / 51)


#: Each with a mean near one second.
TIMES = {
    "constant": Constant(1.0),
    "exponential": Exponential(1.0),
    "lognormal": LogNormal(0.5, 1.2),
    "gamma, more variable than exponential": Gamma(1.0, 2.0),
    "gamma, less variable": Gamma(1.0, 0.3),
    "pareto": Pareto(0.3, 1.4, 100.0),
    "pareto without a mean but for its cut": Pareto(0.1, 0.7, 20.0),
    "pareto at the limit": Pareto(0.2, 1.0, 20.0),
    "mixture": Mixture((9.0, 1.0), (Constant(0.1), Exponential(8.0))),
    "empirical": Empirical((0.0, 0.0, 0.1, 0.2, 0.3, 5.0)),
    "of a package": Uneven(),
}
SOURCES = 10_000
#: Standard errors that a share may be off: one in 30,000 shares is.
FAR = 4.2


@pytest.mark.parametrize("name", TIMES)
def test_the_share_of_sources_that_is_on_is_the_same_from_the_first_moment_on(name):
    """It is on / (on + off), of the means: an alternating renewal process in equilibrium (Cox 1962, chapter 7)."""
    on, off = TIMES[name], Exponential(1.6)
    mean = on.expectation()
    expected = mean / (mean + 1.6)
    level = level_of(Bursts(on, off, sources=SOURCES), 5, "them", 0.0, 1e9)
    shares = [level(times * mean) for times in (0.0, 0.25, 1.0, 10.0)]
    error = FAR * np.sqrt(expected * (1 - expected) / SOURCES)
    assert shares == pytest.approx([expected] * 4, abs=error)


@pytest.mark.parametrize("name", TIMES)
def test_a_time_that_spans_a_moment_is_longer_by_its_length(name):
    """With f the density of the times, that of such a time is x f(x) / mean: its mean is E x^2 / E x."""
    times, u = TIMES[name], (np.arange(400_000) + 0.5) / 400_000
    usual, spanning = times.quantile(u), times.length_biased(u)
    assert (np.diff(spanning) >= 0).all() or name == "mixture"
    assert spanning.mean() == pytest.approx((usual**2).mean() / usual.mean(), rel=0.005)
    for longest in np.quantile(usual, [0.2, 0.5, 0.8]) * 1.0001:
        share = usual[usual <= longest].sum() / usual.sum()
        assert (spanning <= longest).mean() == pytest.approx(share, abs=0.002)


@pytest.mark.parametrize("name", TIMES)
def test_a_kind_that_does_not_say_is_found_from_its_quantiles(name):
    times, u = TIMES[name], (np.arange(1000) + 0.5) / 1000
    exact, found = times.length_biased(u), Distribution.length_biased(times, u)
    assert np.sort(found)[:900] == pytest.approx(np.sort(exact)[:900], rel=0.05, abs=0.02)


@pytest.mark.parametrize(
    "none", [Constant(0.0), Empirical((0.0,)), Empirical((0.0, 0.0)), Mixture((1.0,), (Constant(0.0),))]
)
def test_sources_that_are_on_for_no_time_are_off(none):
    assert not none.length_biased(np.linspace(0, 0.99, 5)).any()
    level = level_of(Bursts(none, Exponential(1.0), sources=100), 5, "them", 0.0, 1e9)
    assert level(0.0) == 0.0
    assert np.mean([level(0.1 * i) for i in range(1, 50)]) < 0.01
