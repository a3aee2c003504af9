"""MSER-5: the cut minimises the standard error of the rest, and its effect on runs that start far from steady state."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from meshquake.ensembles.warm_up import BATCH, Cut, mser

SERIES = arrays(np.float64, st.integers(20, 200), elements=st.floats(-1e3, 1e3, width=32))


@given(SERIES)
def test_the_cut_is_the_least_of_the_definition(values):
    """White 1997: the sum of squares about the mean of the rest, over the square of their number."""
    means = values[: len(values) // BATCH * BATCH].reshape(-1, BATCH).mean(axis=1)
    errors = [np.sum((means[d:] - means[d:].mean()) ** 2) / (len(means) - d) ** 2 for d in range(len(means) - 1)]
    cut = mser(values)
    if cut.settled:
        assert errors[cut.observations // BATCH] == pytest.approx(min(errors), abs=1e-6 * np.var(values) + 1e-9)
    else:
        assert cut.observations == len(means) // 2 * BATCH


@given(SERIES, st.floats(-100, 100), st.floats(0.1, 10))
def test_neither_origin_nor_unit_moves_the_cut(values, origin, unit):
    plain = values + np.random.Generator(np.random.Philox(1)).normal(0, 1, len(values))  # no ties
    assert mser(plain * unit + origin) == mser(plain)


def test_a_ramp_at_the_beginning_is_cut_off_and_nothing_else():
    noise = np.random.Generator(np.random.Philox(7)).normal(0, 1, 2000)
    ramp = np.maximum(0.0, 20 - np.arange(2000) / 10)
    cut = mser(noise + ramp)
    assert cut.settled and 150 <= cut.observations <= 400
    assert mser(noise).observations < 200


def test_of_what_never_settles_half_is_cut_and_it_is_told():
    assert mser(np.arange(100.0)[::-1] ** 2) == Cut(50, False)
    assert mser(np.ones(15)) == Cut(0, False)
