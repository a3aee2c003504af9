"""What is reported of a value that changes all the time."""

from meshquake.sim.engine.environment import Environment
from meshquake.sim.policies.gauge import Gauge


def test_a_number_is_told_when_it_has_moved_by_its_factor_since_it_was_told_last_and_not_within_ten_seconds():
    env = Environment()
    found = []
    gauge = Gauge(env, 2.0, 0.0, lambda before, value: found.append((env._now, before, value)))
    values = {0: 5.0, 11: 9.0, 12: 10.0, 13: 30.0, 21: 30.0, 22: 20.1, 40: 10.1, 41: 10.0}
    for time, value in values.items():
        env.call_at(time, gauge.set, value)
    env.advance(50)
    assert found == [(0, 0.0, 5.0), (12, 5.0, 10.0), (22, 10.0, 20.1), (41, 20.1, 10.0)]
