"""Repeated events are reported when they begin and when they are over; a moving value, once it has moved far."""

from meshquake.sim.engine.environment import Environment
from meshquake.sim.policies.spell import Spell


def told(times, until=100.0, ends=None):
    """Return the reports for something that happens at some times (seconds)."""
    env = Environment()
    found = []
    spell = Spell(env, lambda begins, reason: found.append((env._now, begins, reason)))
    for time in times:
        env.call_at(time, lambda time: spell.strike(f"at {time}"), time)
    if ends is not None:
        env.call_at(ends, lambda _: spell.end())
    env.advance(until)
    return found


def test_it_begins_with_the_first_and_is_over_ten_seconds_after_the_last():
    assert told([3.0, 4.0, 12.5]) == [(3.0, True, "at 3.0"), (22.5, False, "none for 10 s")]


def test_what_comes_back_within_ten_seconds_is_the_same_spell_and_after_that_another():
    assert [time for time, _, _ in told([0.0, 9.9, 19.8])] == [0.0, 29.8]
    assert [time for time, _, _ in told([0.0, 10.1])] == [0.0, 10.0, 10.1, 20.1]


def test_however_often_it_happens_there_is_at_most_a_pair_in_ten_seconds():
    assert len(told([place / 100 for place in range(10_000)], until=200.0)) == 2


def test_who_ends_tells_nothing_more():
    assert told([1.0], ends=5.0) == [(1.0, True, "at 1.0")]
