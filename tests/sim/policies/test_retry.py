"""When a failed attempt is followed by another, and after what pause."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshquake.sim.policies.retry import Retry
from meshquake.topology import policies
from meshquake.topology.errors import CODES, ERRORS


def call(attempt=1, error="timeout", draw=0.5):
    """Return a failed attempt, whose draw for the pause is `draw`."""
    return SimpleNamespace(attempt=attempt, result=CODES[error], draws=(0.0,) * 6 + (draw,))


def goes_on(policy, *arguments, **named):
    """Return whether another attempt follows."""
    return Retry(policy).pause(call(*arguments, **named), 0.0) >= 0


@pytest.mark.parametrize("error", ERRORS)
def test_only_the_errors_that_the_policy_names_are_tried_again(error):
    for named in ((error,), tuple(ERRORS)):
        assert goes_on(policies.Retry(on=named), error=error)
    others = tuple(name for name in ERRORS if name != error)
    assert not goes_on(policies.Retry(on=others), error=error)


def test_by_default_those_are_tried_again_that_another_attempt_may_cure():
    tried = {error for error in ERRORS if goes_on(policies.Retry(), error=error)}
    assert tried == {error.name for error in ERRORS.values() if error.retryable}


def test_the_last_attempt_is_not_followed_by_another():
    assert [goes_on(policies.Retry(max_attempts=3), attempt) for attempt in (1, 2, 3)] == [True, True, False]


@given(st.integers(1, 9), st.floats(0, 1, exclude_max=True))
def test_the_pause_is_uniform_below_a_bound_that_doubles_up_to_the_maximum(attempt, draw):
    """Envoy's backoff: in [0, (2^N - 1) * base), at most the maximum."""
    policy = policies.Retry(max_attempts=10, base=0.025, maximum=0.25)
    bound = {1: 0.025, 2: 0.075, 3: 0.175}.get(attempt, 0.25)
    assert Retry(policy).pause(call(attempt, draw=draw), 0.0) == pytest.approx(draw * bound)
