"""The retry budget, against a ledger that keeps every call and retry."""

from fractions import Fraction
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from meshquake.sim.policies.retry_budget import Budget
from meshquake.topology.policies import RetryBudget

#: A first attempt: the budget only asks of a call whether it is a retry.
FIRST = SimpleNamespace(former=None)


def withdraw(budget, now):
    """Make a retry if the budget allows it."""
    if not budget.allows_retry(FIRST, now):
        return False
    budget.retried(FIRST, now)
    return True


def test_retries_are_a_share_of_calls():
    budget = Budget(RetryBudget(ratio=0.25, minimum=0.0, window=10.0))
    assert not withdraw(budget, 0.0)
    for _ in range(8):
        budget.admit(FIRST, 0.0)
    assert [withdraw(budget, 0.0) for _ in range(3)] == [True, True, False]


def test_a_share_that_is_no_binary_number_earns_as_much():
    budget = Budget(RetryBudget(ratio=0.29, minimum=0.0, window=10.0))
    for _ in range(100):
        budget.admit(FIRST, 0.0)
    assert [withdraw(budget, 0.0) for _ in range(30)] == [True] * 29 + [False]


def test_some_retries_a_second_are_allowed_whatever_the_load():
    budget = Budget(RetryBudget(ratio=0.0, minimum=0.5, window=10.0))
    assert [withdraw(budget, 0.0) for _ in range(6)] == [True] * 5 + [False]


def test_calls_and_retries_count_until_they_leave_the_window():
    budget = Budget(RetryBudget(ratio=1.0, minimum=0.0, window=10.0))
    budget.admit(FIRST, 0.0)
    assert not withdraw(budget, 10.0)
    budget.admit(FIRST, 10.0)
    assert [withdraw(budget, 19.9) for _ in range(2)] == [True, False]
    # The call has left the window but the retry it paid for hasn't: a debt until that leaves too.
    budget.admit(FIRST, 20.0)
    assert not withdraw(budget, 20.0)
    assert withdraw(budget, 29.5)


@given(
    st.sampled_from([0.0, 0.1, 0.2, 0.29, 0.5, 2.0]),
    st.sampled_from([0.0, 0.5, 4.0]),
    st.lists(st.tuples(st.integers(0, 15), st.booleans()), max_size=60),
)
def test_in_any_window_retries_are_no_more_than_the_ratio_of_calls_and_the_minimum(ratio, minimum, steps):
    """Exact to the last retry, although a ratio such as a fifth is no binary number.

    `steps` are pauses in tenths of the window, and whether a call or a retry follows.
    """
    budget = Budget(RetryBudget(ratio=ratio, minimum=minimum, window=10.0))
    now, ledger = 0, []
    for pause, call in steps:
        now += pause
        recent = [change for slot, change in ledger if slot > now - 10]
        if call:
            budget.admit(FIRST, float(now))
            ledger.append((now, Fraction(str(ratio))))
        else:
            allowed = sum(recent, Fraction(str(minimum)) * 10) >= 1
            assert withdraw(budget, float(now)) == allowed
            if allowed:
                ledger.append((now, Fraction(-1)))
