"""Random walks: values with the specified correlation, each at its own address."""

import numpy as np
import pytest

from meshquake.sim.environment.drift import Drift


def walk(keys, over, step, places):
    """Return the values at places from 0 on, one row per walk."""
    drift = Drift(keys, over, step)
    return np.array([drift.at(place) for place in range(places)]).T


def test_values_are_standard_normal_and_correlated_exponentially():
    rows = walk(range(1, 1001), [10.0] * 1000, 2.0, 300)
    assert rows.mean() == pytest.approx(0, abs=0.02)
    assert rows.std() == pytest.approx(1, abs=0.02)
    for lag in (1, 5, 10):
        correlation = (rows[:, :-lag] * rows[:, lag:]).mean()
        assert correlation == pytest.approx(np.exp(-2.0 * lag / 10.0), abs=0.02), lag


def test_a_recording_begins_with_what_is_usual():
    first = walk(range(1, 4001), [1000.0] * 4000, 2.0, 1)
    assert first.std() == pytest.approx(1, abs=0.05)


def test_a_value_depends_on_its_row_and_place_alone():
    together = walk([11, 22, 33], [10.0, 20.0, 30.0], 2.0, 400)
    assert (walk([22], [20.0], 2.0, 400) == together[1]).all()
    late = Drift([33], [30.0], 2.0)
    assert late.at(399)[0] == together[2, 399]
    assert late.at(390)[0] == together[2, 390]


def test_values_of_long_ago_are_not_kept():
    drift = Drift([1], [10.0], 2.0)
    drift.at(300)
    with pytest.raises(ValueError, match=r"place 10 is past: values are kept from 256 on"):
        drift.at(10)
