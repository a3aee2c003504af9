"""How a caller chooses among replicas."""

from collections import Counter
from types import SimpleNamespace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from meshquake.sim.policies.balancing import LeastRequest, Random, RoundRobin

PICKS = st.floats(0, 1, exclude_max=True)


def replicas(*loads):
    """Return replicas with these numbers of calls in flight."""
    return [SimpleNamespace(index=index, calls=load) for index, load in enumerate(loads)]


def call(pick=0.0):
    """Return a call whose draw for the choice is `pick`."""
    return SimpleNamespace(draws=(0.0, 0.0, 0.0, pick, 0.0, 0.0, 0.0))


def test_round_robin_takes_turns_and_callers_begin_at_different_replicas():
    three = replicas(0, 0, 0)
    turns = {}
    for caller in range(3):
        mine = RoundRobin(caller)
        turns[caller] = [mine.choose(three, call()).index for _ in range(5)]
    assert turns == {0: [1, 2, 0, 1, 2], 1: [2, 0, 1, 2, 0], 2: [0, 1, 2, 0, 1]}


@given(PICKS, st.integers(1, 50))
def test_random_takes_the_replica_at_the_calls_own_quantile(pick, count):
    assert Random().choose(replicas(*[0] * count), call(pick)).index == int(pick * count)


@given(PICKS, st.lists(st.integers(0, 5), min_size=2, max_size=10))
def test_least_request_never_takes_a_replica_that_is_busier_than_all_others(pick, loads):
    chosen = LeastRequest().choose(replicas(*loads), call(pick))
    assert sum(load >= loads[chosen.index] for load in loads) >= 2


def test_least_request_compares_each_pair_of_replicas_equally_often():
    """Among replicas ordered by load, each wins against all that come after it."""
    picks = np.random.Generator(np.random.Philox(1)).random(10_000)
    four = replicas(0, 1, 2, 3)
    counts = Counter(LeastRequest().choose(four, call(pick)).index for pick in picks)
    expected = np.array([3, 2, 1]) / 6 * len(picks)
    assert counts[3] == 0
    assert stats.chisquare([counts[index] for index in range(3)], expected).pvalue > 0.001
