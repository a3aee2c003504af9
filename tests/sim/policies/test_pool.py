"""The connection pool, step by step and against a model."""

from types import SimpleNamespace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from meshquake.sim.engine.policy import HELD, PASS
from meshquake.sim.policies.pool import Pool
from meshquake.topology import policies
from meshquake.topology.errors import CODES, SUCCESS


class ACall(SimpleNamespace):
    """A call about which nothing is known yet."""

    __hash__ = object.__hash__


def a_call():
    return ACall(held=False, connected=False, connect=-1.0, outcome=SUCCESS)


class Stand:
    """A pool with stand-ins for its surroundings: the calls it let through, and its reports of a shortage."""

    def __init__(self, size, warm=True):
        self.edge = SimpleNamespace(modifiers=())
        self.let_go, self.shortages, self.watched, self.waits = [], [], [], []
        self.pool = Pool(
            policies.Pool(size=size, connect=0.5),
            self.edge,
            warm,
            lambda call, policy: self.let_go.append(call),
            lambda pool, call, gave_up: self.shortages.append((call, gave_up)),
            SimpleNamespace(admit=lambda call, now: self.watched.append(call)),
            lambda call, since, code: self.waits.append((call, since, code)),
        )

    def give_back(self, call, intact=True):
        """Give back a call's connection; returns the calls that are let through for it."""
        call.outcome = SUCCESS if intact else CODES["connection_reset"]
        before = len(self.let_go)
        self.pool.returned(call, 0.0)
        return self.let_go[before:]

    def resize(self, share):
        """Let a fault take some of the connections; returns the calls that are let through then."""
        self.edge.modifiers = (SimpleNamespace(effect=lambda now: SimpleNamespace(pool=share)),)
        before = len(self.let_go)
        self.pool.disturbed(0.0)
        return self.let_go[before:]


def test_a_warm_pool_has_its_connections_open_and_a_cold_one_opens_them():
    first, second = a_call(), a_call()
    assert Stand(1, warm=True).pool.admit(first, 0.0) == PASS
    assert Stand(1, warm=False).pool.admit(second, 0.0) == PASS
    assert (first.connect, second.connect) == (-1.0, 0.5)


def test_who_waits_is_served_first_come_first_served():
    stand = Stand(1)
    calls = [a_call() for _ in range(4)]
    assert [stand.pool.admit(call, 0.0) for call in calls] == [PASS, HELD, HELD, HELD]
    assert stand.watched == calls[1:]
    stand.pool.cancel(calls[2], 0.0)
    assert [stand.give_back(call) for call in (calls[0], calls[1], calls[3])] == [[calls[1]], [calls[3]], []]
    assert not any(call.held or call.connected for call in calls)


def test_a_connection_that_broke_is_closed_and_the_next_call_opens_another():
    stand = Stand(1)
    first, second = a_call(), a_call()
    stand.pool.admit(first, 0.0)
    stand.give_back(first, intact=False)
    stand.pool.admit(second, 0.0)
    assert second.connect == 0.5


def test_a_call_that_never_had_a_connection_gives_none_back():
    stand = Stand(1)
    stand.pool.admit(a_call(), 0.0)
    stand.pool.returned(a_call(), 0.0)
    assert stand.pool.in_use == 1


def test_a_pool_that_shrank_grants_nothing_until_enough_is_given_back():
    stand = Stand(3)
    calls = [a_call() for _ in range(4)]
    for call in calls:
        stand.pool.admit(call, 0.0)
    assert stand.resize(1 / 3) == []
    assert [stand.give_back(call) for call in calls[:3]] == [[], [], [calls[3]]]
    assert (stand.pool.in_use, stand.pool.idle) == (1, 0)


def test_of_each_wait_that_is_over_it_is_told_since_when_and_how_it_ended():
    stand = Stand(1)
    first, second, third = (a_call() for _ in range(3))
    stand.pool.admit(first, 0.0)
    stand.pool.admit(second, 1.0)
    stand.pool.admit(third, 2.0)
    stand.pool.give_up(third, 3.0)
    assert stand.give_back(first) == [second]
    assert stand.waits == [(third, 2.0, CODES["pool_timeout"]), (second, 1.0, SUCCESS)]


def test_of_a_shortage_each_call_that_waits_is_told_and_each_that_gives_up():
    stand = Stand(1)
    calls = [a_call() for _ in range(3)]
    for call in calls:
        stand.pool.admit(call, 0.0)
    stand.pool.give_up(calls[2], 1.0)
    assert stand.shortages == [(calls[1], False), (calls[2], False), (calls[2], True)]


class PoolMachine(RuleBasedStateMachine):
    """Takes, returns, departures and changes of size in any order."""

    def __init__(self):
        super().__init__()
        self.stand = Stand(3)
        self.pool = self.stand.pool
        self.holders = []
        self.queue = []

    @rule()
    def take(self):
        call = a_call()
        (self.holders if self.pool.admit(call, 0.0) == PASS else self.queue).append(call)

    @rule(intact=st.booleans())
    def give(self, intact):
        if self.holders:
            self.expect(self.stand.give_back(self.holders.pop(0), intact))

    @rule(place=st.integers(0, 5))
    def leave(self, place):
        if place < len(self.queue):
            self.pool.cancel(self.queue.pop(place), 0.0)

    @rule(size=st.integers(1, 3))
    def resize(self, size):
        self.expect(self.stand.resize(size / 3))

    @rule()
    def end(self):
        assert self.pool.end() == self.queue
        self.queue = []

    def expect(self, granted):
        """Check that the connections go to the calls that waited longest."""
        assert granted == self.queue[: len(granted)]
        self.holders += granted
        del self.queue[: len(granted)]

    @invariant()
    def counts_are_those_of_the_model(self):
        pool = self.pool
        assert (pool.in_use, pool.waiting) == (len(self.holders), len(self.queue))
        assert 0 <= pool.idle <= pool.policy.size - pool.in_use
        assert not self.queue or pool.in_use >= pool.size
        assert all(call.held and not call.connected for call in self.queue)
        assert all(call.connected and not call.held for call in self.holders)


TestPool = PoolMachine.TestCase
TestPool.settings = settings(derandomize=True)


def ended(*up):
    """Return a replica that has just gone down, with others of its service that are up or not."""
    replicas = [SimpleNamespace(up=each) for each in (False, *up)]
    return SimpleNamespace(service=SimpleNamespace(fellows=lambda replica: replicas))


def test_idle_connections_to_the_only_replica_go_with_its_process_and_the_next_call_opens_one():
    pool = Stand(3).pool
    busy, later = a_call(), a_call()
    pool.admit(busy, 0.0)
    pool.callee_ended(ended(), 1.0)
    assert (pool.idle, pool.in_use) == (0, 1)
    pool.admit(later, 1.0)
    assert (busy.connect, later.connect) == (-1.0, 0.5)


def test_of_several_replicas_one_that_ends_takes_its_share_of_the_idle_connections():
    left = []
    for others in ((True, True), (True, False), (False, False)):
        pool = Stand(10).pool
        pool.callee_ended(ended(*others), 1.0)
        left.append(pool.idle)
    assert left == [6, 5, 0]
