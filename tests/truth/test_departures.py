"""When a series departs from its twin: the rule, on series of a few values."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshquake.sim.telemetry.metrics import Alert
from meshquake.sim.telemetry.sampling.series import Samples, Series
from meshquake.truth import sample_file
from meshquake.truth.departures import APART, STRETCHES, SUSTAINED, Departure, departures
from meshquake.truth.sample_file import SampleFile

NAN = float("nan")
A, _, C = (Series("web", metric) for metric in "abc")


def samples(**values):
    """Return samples of some series, named a to c, second by second."""
    found = SampleFile()
    found.add(Samples(tuple(Series("web", name) for name in values), np.array(list(values.values()), dtype=float).T))
    return found


def found(fact, twin, begin=0.0):
    """Return the departure of one series, or None."""
    fact, twin = samples(a=fact), samples(a=twin)
    return departures(fact, twin, twin, begin).get(A)


def test_a_step_is_a_departure_from_its_first_second_on_with_the_peak_at_its_highest():
    assert found([5, 5, 5, 9, 12, 11], [5, 5, 5, 5, 5, 5]) == Departure(3, 4, 5, 12.0, 5.0)


def test_a_fall_is_one_too():
    assert found([5, 5, 5, 2, 1, 2], [5, 5, 5, 5, 5, 5]) == Departure(3, 4, 5, 1.0, 5.0)


def test_a_series_that_is_as_it_would_be_has_not_departed():
    assert found([5, 6, 5, 4, 5, 6], [5, 6, 5, 4, 5, 6]) is None


def test_a_constant_that_stays_what_it_is_has_not_departed_and_one_that_changes_has():
    assert found([0, 0, 0, 0], [0, 0, 0, 0]) is None
    assert found([0, 1, 1, 1], [0, 0, 0, 0]) == Departure(1, 1, 3, 1.0, 0.0)


@pytest.mark.parametrize("odd", range(SUSTAINED))
def test_one_odd_second_or_two_are_nothing(odd):
    fact = [5.0] * 10
    fact[4 : 4 + odd] = [50.0] * odd
    assert found(fact, [5.0] * 10) is None
    fact[4 : 4 + SUSTAINED] = [50.0] * SUSTAINED
    assert found(fact, [5.0] * 10) == Departure(4, 4, 6, 50.0, 5.0)


def test_seconds_need_not_be_one_after_another():
    assert found([5, 50, 5, 60, 5, 50], [5] * 6) == Departure(1, 3, 5, 60.0, 5.0)


def test_what_is_no_more_than_twice_as_far_off_as_the_twin_ever_went_is_nothing():
    twin = [10, 10, 10, 13, 10, 10, 10]
    assert found([10, 16, 16, 16, 16, 10, 10], twin) is None
    assert found([10, 17, 17, 17, 10, 10, 10], twin) == Departure(1, 1, 3, 17.0, 10.0)


def test_the_onset_is_when_it_first_leaves_the_twins_values_though_it_goes_far_only_later():
    twin = [10, 11, 9, 10, 11, 9, 10, 11]
    assert found([10, 11, 9, 12, 20, 30, 30, 11], twin) == Departure(3, 5, 6, 30.0, 10.0)


def few(seconds, seed=1):
    """Return a random rate of ten requests a second on average, with one second of zero."""
    rate = np.random.default_rng(seed).poisson(10, seconds).astype(float)
    rate[3] = 0
    return rate


def test_a_rate_that_falls_to_what_single_seconds_have_anyway_has_departed_if_it_stays_there():
    twin = few(90)
    fact = twin.copy()
    fact[30:60] = 0
    departure = found(fact, twin, begin=30.0)
    assert (departure.onset, departure.last, departure.value) == (30, 59, 0.0)
    assert departure.direction is Alert.FALL and departure.usual == pytest.approx(10, abs=1)


@pytest.mark.parametrize("length", range(40))
def test_a_fall_that_only_stretches_show_is_one_of_twice_as_many_as_they_have_seconds(length):
    """For a rate that alternates between none and ten, far down is below 3 over five seconds, and below 5 over more."""
    twin = np.tile([0.0, 10.0], 40)
    fact = twin.copy()
    fact[20 : 20 + length] = 0
    low = {5: 3, 10: 5, 20: 5}
    means = {stretch: np.convolve(fact, np.ones(stretch) / stretch, "valid")[20:] for stretch in STRETCHES}
    fell = any((means[stretch] < low[stretch]).sum() >= APART * stretch for stretch in STRETCHES)
    assert (found(fact, twin, begin=20.0) is not None) == fell


@pytest.mark.parametrize(
    ("rate", "factor", "seconds", "seen"),
    [(8, 0, 20, 0.95), (2, 0, 60, 0.9), (12, 0.2, 20, 0.85), (20, 0.5, 30, 0.9), (8, 0.5, 60, 0.85)],
)
def test_users_who_stay_away_are_seen_to_where_anyone_would_see_it(rate, factor, seconds, seen):
    """In the share of runs given in docs/truth.md; in the others the twin fell half as far by chance."""
    random = np.random.default_rng(5)
    names = [f"s{number}" for number in range(200)]
    twin = random.poisson(rate, (90 + seconds, len(names))).astype(float)
    fact = twin.copy()
    fact[60 : 60 + seconds] = random.binomial(twin[60 : 60 + seconds].astype(int), factor)
    runs = [samples(**dict(zip(names, run.T, strict=True))) for run in (fact, twin, twin)]
    falls = departures(*runs, 60.0).values()
    assert len(falls) > seen * len(names)
    assert all(fall.direction is Alert.FALL and 60 <= fall.onset <= fall.last < 60 + seconds for fall in falls)


def test_a_rate_that_goes_up_and_down_otherwise_than_the_twin_by_chance_has_not_fallen():
    for seed in range(40):
        assert found(few(90, seed), few(90, seed + 1)) is None, seed


def test_a_rise_is_told_by_its_seconds_alone():
    twin = few(90)
    assert found(twin + 8 * (np.arange(90) >= 30), twin, begin=30.0) is None


def test_what_another_fault_takes_away_is_no_fall_of_this_one():
    healthy = few(90)
    fact, other = healthy.copy(), healthy.copy()
    fact[20:80] = other[20:80] = 0
    assert departures(samples(a=fact), samples(a=other), samples(a=healthy), 20.0) == {}
    other[40:] = healthy[40:]  # from then on it is due to this fault alone
    departure = departures(samples(a=fact), samples(a=other), samples(a=healthy), 20.0)[A]
    assert 40 <= departure.onset <= 46 and departure.last == 79


def test_nothing_before_the_fault_counts():
    assert found([50, 50, 50, 5, 5, 5], [5] * 6, begin=3.0) is None
    assert found([50, 5, 5, 50, 50, 50], [5] * 6, begin=3.7) == Departure(3, 3, 5, 50.0, 5.0)


def test_seconds_without_a_sample_are_passed_over():
    assert found([5, NAN, 50, NAN, 50, 50], [5, 5, NAN, 5, 5, 5]) == Departure(2, 2, 5, 50.0, 5.0)


def test_a_series_without_any_sample_in_either_run_has_not_departed():
    assert found([NAN] * 5, [5] * 5) is None
    assert found([5] * 5, [NAN] * 5) is None


def test_what_only_the_longer_run_has_is_left_out():
    assert found([5, 5, 50, 50, 50], [5, 5, 5]) is None


def test_series_are_told_apart_by_name_wherever_they_stand():
    fact = samples(a=[5, 5, 5, 5], b=[5, 5, 5, 5], c=[5, 7, 7, 7])
    twin = samples(c=[5, 5, 5, 5], a=[5, 5, 5, 5], b=[5, 5, 5, 5])
    assert departures(fact, twin, twin, 0.0) == {C: Departure(1, 1, 3, 7.0, 5.0)}


def test_a_series_that_only_one_of_the_runs_has_has_not_departed():
    both, more = samples(a=[5, 5, 5, 5]), samples(a=[5, 5, 5, 5], b=[1, 9, 9, 9])
    assert departures(more, both, both, 0.0) == departures(both, more, more, 0.0) == {}


def test_of_no_samples_nothing_has_departed():
    nothing = SampleFile()
    assert departures(nothing, nothing, samples(a=[5, 5]), 0.0) == {}


def test_series_that_are_looked_at_a_few_at_a_time_depart_as_all_of_them_do(monkeypatch):
    random = np.random.default_rng(1)
    twin = {name: random.random(50) for name in "abcdefgh"}
    fact = {name: values + (np.arange(50) > 20) * index for index, (name, values) in enumerate(twin.items())}
    fact, twin = samples(**fact), samples(**twin)
    found = departures(fact, twin, twin, 10.0)
    monkeypatch.setattr(sample_file, "PIECE", 3 * 8 * 50)
    assert [len(group) for group in fact.groups(50)] == [3, 3, 2]
    assert list(departures(fact, twin, twin, 10.0).items()) == list(found.items())
    assert 0 < len(found) < 8


VALUES = st.lists(st.integers(-5, 5), min_size=1, max_size=30)


@given(VALUES, st.integers(0, 30))
def test_no_series_departs_from_itself(values, begin):
    assert found(values, values, begin) is None


@given(VALUES, VALUES, st.integers(0, 30))
def test_a_departure_begins_no_later_than_its_peak_after_the_fault_and_outside_of_what_the_twin_shows(
    fact, twin, begin
):
    departure = found(fact, twin, begin)
    length = min(len(fact), len(twin))
    fact, twin = fact[:length], twin[:length]
    usual, reach = np.median(twin), max(max(twin) - np.median(twin), np.median(twin) - min(twin))
    far = [second for second in range(begin, length) if abs(fact[second] - usual) > 2 * reach]
    if len(far) < SUSTAINED:
        assert departure is None or (departure.value < departure.usual and departure.onset >= begin)
        return
    outside = [second for second in range(begin, length) if not min(twin) <= fact[second] <= max(twin)]
    assert departure.onset == outside[0] <= far[0] <= departure.peak <= departure.last == far[-1]
    assert departure.value == fact[departure.peak]
    assert abs(departure.value - usual) == max(abs(fact[second] - usual) for second in far)


def test_what_another_fault_does_is_no_measure_and_no_departure_of_this_one():
    healthy = samples(a=[5] * 30)
    fact, other = ([90 if 2 <= second < 8 else 5 for second in range(30)] for _ in range(2))  # in both runs
    fact[14:20] = [30] * 6
    fact, other = samples(a=fact), samples(a=other)
    assert departures(fact, other, healthy, 0.0) == {A: Departure(14, 14, 19, 30.0, 5.0)}
    assert departures(fact, fact, healthy, 0.0) == {}


def test_what_a_fault_adds_to_another_is_told_against_what_that_one_does():
    """The usual value at the peak is that of the run without this fault, and the peak is where the fault adds most."""
    other = [5] * 10 + [50] * 40
    fact = other[:20] + [80] * 10 + other[30:]
    assert departures(samples(a=fact), samples(a=other), samples(a=[5] * 50), 0.0) == {
        A: Departure(20, 20, 29, 80.0, 50.0)
    }


def test_a_series_that_others_make_restless_departs_only_beyond_their_restlessness():
    other = [5] * 10 + [30, 50] * 20
    for value, departs in ((41, False), (60, False), (61, True)):
        fact = other[:20] + [value] * 10 + other[30:]
        assert bool(departures(samples(a=fact), samples(a=other), samples(a=[5] * 50), 0.0)) == departs, value


@given(VALUES, VALUES, st.integers(0, 30))
def test_a_fault_that_changes_nothing_has_no_departures_whatever_others_do(values, healthy, begin):
    other = samples(a=values)
    assert departures(other, other, samples(a=healthy), begin) == {}


@pytest.mark.parametrize(("share", "seen"), [(0.3, True), (1.0, True), (0.01, False)])
def test_a_share_of_few_requests_rises_though_one_that_fails_by_itself_is_all_of_its_second(share, seen):
    """Of two requests a second one fails by itself, and no second can be more than twice as far off."""
    random = np.random.default_rng(3)
    by_itself = np.array([second == 20 for second in range(120)], dtype=int)
    by_fault = np.array([random.binomial(2, share) if second >= 60 else 0 for second in range(120)])
    twin, fact = 50.0 * by_itself, 50.0 * np.minimum(2, by_itself + by_fault)
    runs = [samples(error_rate=run) for run in (fact, twin, twin)]
    rose = departures(*runs, 60.0).get(Series("web", "error_rate"))
    assert (rose is not None) == seen
    if rose is not None:
        assert rose.direction is Alert.RISE
        assert 60 <= rose.onset <= rose.peak <= rose.last < 120
        assert rose.value == max(fact[60:])


def test_what_is_never_negative_would_not_be_without_the_fault():
    """Another fault removes errors that occur without any fault: none are left, rather than fewer than none."""
    healthy = [0.0] * 30 + [5.0] + [0.0] * 29
    other = [0.0] * 60
    fact = [0.0] * 28 + [100.0] * 10 + [0.0] * 22
    departure = departures(samples(a=fact), samples(a=other), samples(a=healthy), 20.0)[A]
    assert departure.usual == 0.0
