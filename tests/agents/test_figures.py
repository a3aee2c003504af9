"""Aggregated figures of several seconds: means, weighted by requests where appropriate, and the latest of gauges."""

from math import isnan, nan

import numpy as np

from meshquake.agents.mitigation.figures import OF_USERS, Stretch
from meshquake.sim.live.second import OF_EDGES, OF_SERVICES, Second


def second(entry, service, edge):
    return Second(1.0, entry, np.array([service], dtype=np.float32), np.array([edge], dtype=np.float32))


def test_errors_and_latencies_weigh_by_requests_rates_and_use_by_seconds_and_states_are_the_latest():
    #         rate error p95 cpu use queue pool ready replicas
    quiet = second((0, 0, nan, nan, nan), [0, 0, nan, 10, 20, 5, nan, 2, 2], [0, 0, 0, 0, 2])
    busy = second((30, 3, 10, 20, 40), [30, 10, 100, 30, 40, 0, nan, 1, 2], [30, 3, 2, 1, 1])
    busier = second((10, 3, 20, 40, 80), [10, 50, 500, 50, 60, 7, nan, 1, 3], [10, 1, 0, 1, 0])
    found = Stretch.of([quiet, busy, busier])
    assert found.users.tolist() == np.array([40 / 3, 15, 12.5, 25, 50], dtype=np.float32).tolist()
    service = dict(zip(OF_SERVICES, found.services[0].tolist(), strict=True))
    assert isnan(service.pop("pool_in_use"))
    expected = [40 / 3, 20, 200, 30, 40, 7, 1, 3]
    assert list(service.values()) == np.array(expected, dtype=np.float32).tolist()
    edge = dict(zip(OF_EDGES, found.edges[0].tolist(), strict=True))
    assert (round(edge["sent"], 3), edge["breaker"]) == (13.333, 0)


def test_where_there_is_nothing_to_measure_it_says_so():
    found = Stretch.of([second((0, 0, nan, nan, nan), [0, 0, nan, nan, 0, 0, nan, 2, 2], [0] * 5)])
    told = found.as_json(["web"], ["web -> db"])
    assert told["users"] == {"request_rate": 0, "error_rate": 0, **dict.fromkeys(OF_USERS[2:])}
    assert told["services"]["web"]["latency_p95"] is None and told["edges"]["web -> db"]["sent"] == 0
