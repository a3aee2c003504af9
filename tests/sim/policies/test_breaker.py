"""The circuit breaker, as complete lists of the calls it let through and its state changes."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshquake.sim.policies.breaker import CLOSED, HALF_OPEN, OPEN, Breaker
from meshquake.topology.policies import CircuitBreaker

COUNTING = CircuitBreaker(window_calls=4, minimum_calls=4, open_for=10.0, half_open_calls=2, slow_call=1.0)


class Caller:
    """Makes calls through a breaker and notes its state changes."""

    def __init__(self, policy):
        self.moves = []
        self.breaker = Breaker(policy, lambda state, now, reason: self.moves.append((now, state, reason)))

    def call(self, now, failed=False, duration=0.0):
        """Make a call that is answered at once; returns whether it was let through."""
        if not self.breaker.permits(now):
            return False
        self.breaker.record(now, self.breaker.generation, failed, duration)
        return True

    def calls(self, outcomes, start=0):
        """Make calls one second apart: `.` succeeds, `x` fails, `s` is slow. Returns which were let through."""
        let = [self.call(start + i, failed=c == "x", duration=2.0 * (c == "s")) for i, c in enumerate(outcomes)]
        return "".join("-+"[each] for each in let)


def test_it_opens_when_the_share_of_failures_in_the_window_reaches_the_threshold():
    caller = Caller(COUNTING)
    assert caller.calls("..xx.") == "++++-"
    assert caller.moves == [(3, OPEN, "2 of 4 calls failed")]


def test_it_stays_closed_below_the_minimum_of_calls():
    caller = Caller(COUNTING)
    assert caller.calls("xxx") == "+++"
    assert caller.moves == []


def test_a_minimum_above_the_window_of_calls_is_the_window():
    """As in resilience4j; otherwise such a breaker would never open."""
    caller = Caller(CircuitBreaker(window_calls=4, minimum_calls=5, open_for=10.0))
    assert caller.calls("..xx.") == "++++-"


def test_failures_that_left_the_window_of_calls_are_forgotten():
    caller = Caller(COUNTING)
    assert caller.calls("x...x...x...") == "+" * 12
    assert caller.moves == []


def test_failures_that_left_the_window_of_time_are_forgotten():
    timed = CircuitBreaker(window_time=5.0, minimum_calls=3, open_for=10.0)
    apart, together = Caller(timed), Caller(timed)
    assert [apart.call(now, failed=True) for now in (0, 3, 6, 9, 12)] == [True] * 5
    assert [together.call(now, failed=True) for now in (0, 2, 5, 6)] == [True, True, True, False]
    assert (apart.moves, together.moves) == ([], [(5, OPEN, "3 of 3 calls failed")])


def test_slow_calls_open_it_by_a_threshold_of_their_own():
    caller = Caller(COUNTING)
    assert caller.calls("ssss.") == "++++-"
    assert caller.moves == [(3, OPEN, "4 of 4 calls slower than 1 s")]


def test_a_success_opens_it_if_it_makes_the_outcomes_enough():
    """As in resilience4j, whose closed state compares the rates with the thresholds after each outcome."""
    caller = Caller(COUNTING)
    assert caller.calls("xxx..") == "++++-"
    assert caller.moves == [(3, OPEN, "3 of 4 calls failed")]


def test_a_success_opens_it_if_older_ones_have_left_the_window_of_time():
    """Two of six failed, and then two of the three that are left."""
    caller = Caller(CircuitBreaker(window_time=5.0, minimum_calls=3, open_for=10.0))
    assert caller.calls("....xx") == "++++++"
    assert [caller.call(now) for now in (9, 10)] == [True, False]
    assert caller.moves == [(9, OPEN, "2 of 3 calls failed")]


@pytest.mark.parametrize("percent", range(1, 101))
def test_its_threshold_is_reached_by_as_many_of_a_hundred_calls_as_the_percentage_says(percent):
    """In floating point, 7% of a hundred is more than 7."""
    for bad in (percent - 1, percent):
        caller = Caller(CircuitBreaker(window_calls=100, failure_rate=percent / 100))
        caller.calls("." * (100 - bad) + "x" * bad)
        assert bool(caller.moves) == (bad == percent)


def test_after_its_time_trial_calls_decide_and_success_closes_it():
    caller = Caller(COUNTING)
    assert caller.calls("xxxx") == "++++"
    assert caller.calls("........", start=11) == "--++++++"
    assert caller.moves == [
        (3, OPEN, "4 of 4 calls failed"),
        (13, HALF_OPEN, "trial calls begin"),
        (14, CLOSED, "trial calls succeeded"),
    ]


def test_a_bad_trial_opens_it_again_for_as_long():
    caller = Caller(COUNTING)
    caller.calls("xxxx")
    assert caller.calls(".x.", start=13) == "++-"
    assert [caller.call(now) for now in (23.9, 24)] == [False, True]
    assert [(now, state) for now, state, _ in caller.moves] == [(3, OPEN), (13, HALF_OPEN), (14, OPEN), (24, HALF_OPEN)]


def test_half_open_it_lets_through_no_more_calls_than_its_trials():
    caller = Caller(COUNTING)
    caller.calls("xxxx")
    assert [caller.breaker.permits(20) for _ in range(4)] == [True, True, False, False]


def test_a_trial_that_its_caller_rejected_is_given_back():
    caller = Caller(COUNTING)
    caller.calls("xxxx")
    assert [caller.breaker.permits(20) for _ in range(3)] == [True, True, False]
    caller.breaker.forgive(caller.breaker.generation)
    assert [caller.breaker.permits(20) for _ in range(2)] == [True, False]


def test_outcomes_of_calls_let_through_in_an_earlier_state_do_not_count():
    caller = Caller(COUNTING)
    early = caller.breaker.generation
    caller.calls("xxxx")
    caller.breaker.permits(20)
    for _ in range(10):
        caller.breaker.record(20, early, True, 0.0)
        caller.breaker.forgive(early)
    assert caller.breaker.state == HALF_OPEN
    assert [caller.breaker.permits(20) for _ in range(2)] == [True, False]


#: The states that can follow each state.
NEXT = {CLOSED: {OPEN}, OPEN: {HALF_OPEN}, HALF_OPEN: {OPEN, CLOSED}}


@given(st.lists(st.tuples(st.floats(0, 6), st.booleans(), st.floats(0, 3))))
def test_its_states_follow_each_other_and_it_is_open_for_its_whole_time(calls):
    caller = Caller(COUNTING)
    now = 0.0
    for pause, failed, duration in calls:
        now += pause
        caller.call(now, failed, duration)
    states = [CLOSED, *(state for _, state, _ in caller.moves)]
    assert all(after in NEXT[before] for before, after in pairwise(states))
    opened = [now for now, state, _ in caller.moves if state == OPEN]
    tried = [now for now, state, _ in caller.moves if state == HALF_OPEN]
    assert all(trial - open_since >= COUNTING.open_for for open_since, trial in zip(opened, tried, strict=False))
