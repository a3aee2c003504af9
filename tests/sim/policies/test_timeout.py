"""Deadlines of one length share one timer."""

from hypothesis import assume, given
from hypothesis import strategies as st

from meshquake.sim.engine.call import Call
from meshquake.sim.engine.environment import Environment
from meshquake.sim.mesh import Mesh
from meshquake.sim.policies.timeout import Timeout
from meshquake.topology.loader import parse

MESH = parse("name: m\nservices: {a: {operations: {x: {}}}}\nworkload: {mix: {a.x: 1}}\n", "m").topology
SITE = Mesh(MESH, 1, 1.0).sites[0]


def call_sent(number, now):
    """Return a call that is sent now; a real one, since the compiled hot path accepts no others."""
    return Call(SITE, number, 0, None, None, SITE.tape.draws(number), now)


class Watched:
    """Calls under a deadline of one second, and when each one reached it."""

    def __init__(self):
        self.env = Environment()
        self.expired = []
        self.timeout = Timeout(self.env, 1.0, self.expire)

    def expire(self, call):
        call.waiting = False
        self.expired.append((self.env.now, call.number))

    def send(self, number, at, answered=None):
        call = call_sent(number, at)
        self.env.call_at(at, lambda call: self.timeout.admit(call, self.env.now), call)
        if answered is not None:
            self.env.call_at(answered, lambda call: setattr(call, "waiting", False), call)


def test_who_still_waits_expires_and_who_was_answered_does_not():
    watched = Watched()
    watched.send(0, 0.0)
    watched.send(1, 0.25, answered=0.5)
    watched.send(2, 0.5)
    watched.send(3, 3.0)
    watched.env.advance(10)
    assert watched.expired == [(1.0, 0), (1.5, 2), (4.0, 3)]


def test_an_expiry_may_set_the_next_deadline():
    """An attempt that times out is followed by another at once."""
    watched = Watched()

    def expire(call):
        watched.expire(call)
        if len(watched.expired) < 3:
            watched.timeout.admit(call_sent(5, watched.env.now), watched.env.now)

    watched.timeout = Timeout(watched.env, 1.0, expire)
    watched.send(0, 0.0)
    watched.env.advance(10)
    assert watched.expired == [(1.0, 0), (2.0, 5), (3.0, 5)]


TIMES = st.floats(0, 5)


@given(st.lists(st.tuples(TIMES, st.none() | TIMES), max_size=20))
def test_it_does_what_a_timer_for_each_call_would_do(calls):
    watched = Watched()
    expected = []
    for name, (sent, after) in enumerate(calls):
        answered = None if after is None else sent + after
        watched.send(name, sent, answered)
        # The order at the exact moment of the deadline is not tested here.
        assume(answered != sent + 1.0)
        if answered is None or answered > sent + 1.0:
            expected.append((sent + 1.0, name))
    watched.env.advance(20)
    assert sorted(watched.expired) == sorted(expected)
