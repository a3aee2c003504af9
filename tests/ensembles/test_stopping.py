"""When there are enough runs."""

import numpy as np
import pytest

from meshquake.ensembles.intervals import Interval, share_interval, t_interval
from meshquake.ensembles.stopping import Until


@pytest.mark.parametrize(("half", "reached"), [(0.0476, True), (0.0477, False)])
def test_the_half_width_is_that_of_law_and_kelton(half, reached):
    """5% of the truth is 5/105 of the estimate, or 4.76%."""
    assert Until("x", 0.05).reached(Interval(1.0, 1.0 - half, 1.0 + half, "t")) is reached


@pytest.mark.parametrize("values", [np.zeros(10), np.array([1.0]), np.array([])])
def test_what_never_happened_and_what_is_not_known_is_not_reached(values):
    """No error is relative to a mean of 0: ten runs without a rare event do not say how rare it is."""
    assert not Until("x", 0.05).reached(t_interval(values))
    assert not Until("x", 0.05).reached(share_interval(values[:0] if len(values) == 1 else values))


def test_what_never_varies_is_known_at_once():
    assert Until("x", 0.05).reached(t_interval(np.full(10, 3.0)))


def test_what_never_happened_is_checked_again_ten_runs_on_until_the_end():
    never, looks = t_interval(np.zeros(10)), [10]
    while looks[-1] < 45:
        looks.append(Until("x", 0.05).next_look(never, looks[-1], 45))
    assert looks == [10, 20, 30, 40, 45]


def test_the_next_look_is_where_the_variance_so_far_lets_expect_the_end_and_ten_runs_on_at_least():
    until = Until("x", 0.25)  # a half-width of a fifth
    assert until.next_look(Interval(1.0, 0.6, 1.4, "t"), 20, 1000) == 72  # four times as many, and nine tenths of them
    assert until.next_look(Interval(1.0, 0.79, 1.21, "t"), 20, 1000) == 30
    assert until.next_look(Interval(1.0, 0.0, 2.0, "t"), 100, 150) == 135
    assert until.next_look(Interval(1.0, 0.0, 2.0, "t"), 145, 150) == 150
    assert until.next_look(Interval(np.nan, np.nan, np.nan, "no run"), 10, 1000) == 20


def test_means_are_within_the_relative_error_as_often_as_is_said():
    """Exponential values until 10%: in about 95% of the studies the truth is within 10% of the mean."""
    draws = np.random.Generator(np.random.Philox(8))
    until, held = Until("x", 0.1), 0
    for _ in range(200):
        values = draws.exponential(1.0, 5000)
        count = 20
        while not until.reached(t_interval(values[:count])):
            count = until.next_look(t_interval(values[:count]), count, 5000)
        held += abs(values[:count].mean() - 1) <= 0.1
    assert 0.90 <= held / 200 <= 0.99
