"""The connection pool, step by step and against a model."""

from types import SimpleNamespace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from meshquake.sim.policies.pool import NONE, OPENED, REUSED, WAITING, Pool
from meshquake.topology.policies import Pool as Policy


def a_call():
    return SimpleNamespace(pooled=NONE)


def test_a_warm_pool_has_its_connections_open_and_a_cold_one_opens_them():
    first, second = a_call(), a_call()
    assert Pool(Policy(size=1), warm=True).take(first)
    assert Pool(Policy(size=1), warm=False).take(second)
    assert (first.pooled, second.pooled) == (REUSED, OPENED)


def test_who_waits_is_served_first_come_first_served():
    pool = Pool(Policy(size=1), warm=True)
    calls = [a_call() for _ in range(4)]
    assert [pool.take(call) for call in calls] == [True, False, False, False]
    pool.leave(calls[2])
    assert [pool.give(True) for _ in range(3)] == [calls[1], calls[3], None]
    assert [call.pooled for call in calls] == [REUSED, REUSED, NONE, REUSED]


def test_a_connection_that_broke_is_closed_and_the_next_call_opens_another():
    pool = Pool(Policy(size=1), warm=True)
    first, second = a_call(), a_call()
    pool.take(first)
    pool.give(False)
    pool.take(second)
    assert second.pooled == OPENED


def test_a_pool_that_shrank_grants_nothing_until_enough_is_given_back():
    pool = Pool(Policy(size=3), warm=True)
    calls = [a_call() for _ in range(4)]
    for call in calls:
        pool.take(call)
    pool.size = 1
    assert [pool.give(True) for _ in range(3)] == [None, None, calls[3]]
    assert (pool.in_use, pool.idle) == (1, 0)


class PoolMachine(RuleBasedStateMachine):
    """Any order of takes, gives, departures and changes of size."""

    def __init__(self):
        super().__init__()
        self.pool = Pool(Policy(size=3), warm=True)
        self.holders = []
        self.queue = []

    @rule()
    def take(self):
        call = a_call()
        (self.holders if self.pool.take(call) else self.queue).append(call)

    @rule(intact=st.booleans())
    def give(self, intact):
        if self.holders:
            self.holders.pop(0)
            self.expect(self.pool.give(intact))

    @rule(place=st.integers(0, 5))
    def leave(self, place):
        if place < len(self.queue):
            self.pool.leave(self.queue.pop(place))

    @rule(size=st.integers(1, 3))
    def resize(self, size):
        self.pool.size = size
        while self.expect(self.pool.grant()):
            pass

    @rule()
    def abandon(self):
        assert self.pool.abandon() is (self.queue.pop(0) if self.queue else None)

    def expect(self, granted):
        """Whoever is granted a connection waited longest."""
        if granted is not None:
            assert granted is self.queue.pop(0)
            self.holders.append(granted)
        return granted

    @invariant()
    def counts_are_those_of_the_model(self):
        pool = self.pool
        assert (pool.in_use, pool.waiting) == (len(self.holders), len(self.queue))
        assert 0 <= pool.idle <= pool.policy.size - pool.in_use
        assert not self.queue or pool.in_use >= pool.size
        assert all(call.pooled == WAITING for call in self.queue)
        assert all(call.pooled in (REUSED, OPENED) for call in self.holders)


TestPool = PoolMachine.TestCase
TestPool.settings = settings(deadline=None, derandomize=True)
