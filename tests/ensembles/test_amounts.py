"""Labels are amounts if they are all of one kind, whatever units they are written in."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshquake.ensembles.amounts import amounts
from meshquake.topology import units


@pytest.mark.parametrize(
    ("labels", "values", "unit"),
    [
        (["1", "2.5", "3e2"], [1, 2.5, 300], ""),
        (["500ms", "1s", "2s", "1m"], [0.5, 1, 2, 60], "s"),
        (["0", "250ms", "1s"], [0, 250, 1000], "ms"),
        (["0.05", "10%", "50%"], [5, 10, 50], "%"),
        (["10", "20/s", "60/m"], [10, 20, 1], "/s"),
        (["512MiB", "1GiB"], [512, 1024], "MiB"),
        (["250m", "1", "2"], [250, 1000, 2000], "m"),
        (["1x", "5x"], [1, 5], "x"),
    ],
)
def test_amounts_of_one_kind_are_numbers_in_the_unit_that_most_of_them_have(labels, values, unit):
    found = amounts(labels)
    assert (found.values, found.unit) == (pytest.approx(tuple(values)), unit)


@pytest.mark.parametrize(
    "labels", [["none", "1s"], ["1s", "10%"], ["1s", "1"], ["1MB", "1ms"], ["1x", "5y"], ["load .5"], ["1e999"], []]
)
def test_what_is_not_of_one_kind_is_no_number(labels):
    assert amounts(labels) is None


@given(st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=8), st.sampled_from(["duration", "ratio", "rate", "size"]))
def test_amounts_are_in_the_order_of_what_they_stand_for(values, kind):
    """However the writer of a unit chooses to write each of them."""
    found = amounts([units.UNITS[kind].show(value) for value in values])
    assert (
        np.argsort(np.round(found.values, 9), kind="stable").tolist()
        == np.argsort(np.round(np.array(values) * found.values[0] / values[0], 9), kind="stable").tolist()
    )
