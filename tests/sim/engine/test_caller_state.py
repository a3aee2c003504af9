"""What a caller chooses: a replica, and whether to try again."""

from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from meshquake.sim.engine.caller_state import CODES, CallerState, RuntimeEdge, choose, fails_over
from meshquake.topology.policies import ERRORS, Retry, RetryBudget
from meshquake.topology.spec import Edge

PICKS = st.floats(0, 1, exclude_max=True)


def replicas(*loads):
    """Replicas that have so many calls."""
    return [SimpleNamespace(index=index, calls=load) for index, load in enumerate(loads)]


def channel(index=0, **policies):
    """The channel of the caller's replica `index`."""
    link = RuntimeEdge(Edge("a", "b", **policies), 0, None, None)
    return CallerState(link, SimpleNamespace(index=index), True, None)


def test_round_robin_takes_turns_and_callers_begin_at_different_replicas():
    three = replicas(0, 0, 0)
    turns = {}
    for caller in range(3):
        mine = channel(caller)
        turns[caller] = [choose(three, "round_robin", mine, 0.0).index for _ in range(5)]
    assert turns == {0: [1, 2, 0, 1, 2], 1: [2, 0, 1, 2, 0], 2: [0, 1, 2, 0, 1]}


@given(PICKS, st.integers(1, 50))
def test_random_takes_the_replica_at_the_calls_own_quantile(pick, count):
    assert choose(replicas(*[0] * count), "random", channel(), pick).index == int(pick * count)


@given(PICKS, st.lists(st.integers(0, 5), min_size=2, max_size=10))
def test_least_request_never_takes_a_replica_that_is_busier_than_all_others(pick, loads):
    chosen = choose(replicas(*loads), "least_request", channel(), pick)
    assert sum(load >= loads[chosen.index] for load in loads) >= 2


def test_least_request_compares_each_pair_of_replicas_equally_often():
    """Of replicas in order of load, each wins against all that come after it."""
    picks = np.random.Generator(np.random.Philox(1)).random(10_000)
    four = replicas(0, 1, 2, 3)
    counts = Counter(choose(four, "least_request", channel(), pick).index for pick in picks)
    expected = np.array([3, 2, 1]) / 6 * len(picks)
    assert counts[3] == 0
    assert stats.chisquare([counts[index] for index in range(3)], expected).pvalue > 0.001


@pytest.mark.parametrize("error", ERRORS)
def test_only_the_errors_that_the_policy_names_are_tried_again(error):
    call = SimpleNamespace(attempt=1)
    assert not fails_over(channel(), call, CODES[error], 0.0)
    for named in ((error,), tuple(ERRORS)):
        assert fails_over(channel(retry=Retry(on=named)), call, CODES[error], 0.0)
    others = tuple(name for name in ERRORS if name != error)
    assert not fails_over(channel(retry=Retry(on=others)), call, CODES[error], 0.0)


def test_the_last_attempt_is_not_followed_by_another():
    mine = channel(retry=Retry(max_attempts=3))
    again = [fails_over(mine, SimpleNamespace(attempt=attempt), CODES["timeout"], 0.0) for attempt in (1, 2, 3)]
    assert again == [True, True, False]


def test_a_budget_is_spent_only_on_attempts_that_are_made():
    mine = channel(retry=Retry(max_attempts=2, budget=RetryBudget(ratio=0.0, minimum=0.2, window=10.0)))
    first, last = SimpleNamespace(attempt=1), SimpleNamespace(attempt=2)
    for _ in range(5):
        assert not fails_over(mine, last, CODES["timeout"], 0.0)
        assert not fails_over(mine, first, CODES["internal"], 0.0)
    assert [fails_over(mine, first, CODES["timeout"], 0.0) for _ in range(3)] == [True, True, False]
