"""Limits that callers set themselves: client-side throttling, adaptive concurrency, Envoy's circuit breakers, pools."""

import numpy as np
import pytest
from stage import Stage, play, take_rows, topology_of

from meshquake.faults.fault import Target, Window
from meshquake.faults.kinds import fault_kinds
from meshquake.topology.errors import CODES


def one(keys, work="100ms", service="workers: 100", more="", seed=1):
    """Return a mesh in which web calls db with these keys of the edge."""
    return Stage(
        f"""
name: one
defaults: {{edge: {{latency: 0ms}}}}
services:
  web: {{workers: 1000, operations: {{home: {{calls: [db.read]}}}}}}
  db: {{{service}, operations: {{read: {{work: {work}}}}}}}
edges: {{web -> db: {{{keys}}}}}
workload: {{mix: {{web.home: 1}}}}
""",
        seed,
    )


def fault(kind, target="db", **parameters):
    """Return a fault on a service."""
    return fault_kinds()[kind](id=f"{kind}", target=Target("service", target), **parameters)


def policy(stage, name):
    """Return a policy of web's."""
    return stage.mesh.services["web"].replicas[0].callers[0].policies[name]


# -- client-side throttling --------------------------------------------------------------------------------------------


def test_a_throttled_caller_refuses_what_the_formula_says():
    """(requests - 2 accepts) / (requests + 1): after 10 accepted requests the 21st is the first that can be refused."""
    stage = one("throttle: {factor: 2, window: 2m}", work="1ms")
    stage.fault(fault("refuse", share=1.0), 105, 10_000)
    stage.request(*range(0, 310, 10))
    throttle = policy(stage, "throttle")
    for time, requests, accepts in ((104, 11, 11), (199, 20, 11), (259, 26, 11), (309, 31, 11)):
        stage.mesh.env.advance(time / 1000)
        assert throttle.refusing(time / 1000) == max(0.0, (requests - 2 * accepts) / (requests + 1))
    results = [line.split(": ")[1] for line in stage.play() if "web>db" in line]
    assert results[:23] == ["success"] * 11 + ["connection_refused"] * 12
    assert "client_throttled" in results[23:]


def test_calls_of_which_no_result_is_known_yet_say_nothing():
    stage = one("throttle: {factor: 2}", work="50ms")
    stage.request(*range(40))
    assert [line for line in stage.play() if "client_throttled" in line] == [] == stage.events()


def test_a_throttled_caller_sends_a_dead_callee_hardly_more_than_it_once_accepted():
    """The refused share approaches one; once the callee is back, each accepted request lets two more through."""
    topology = topology_of("""
name: dead
services:
  web: {workers: 1000, operations: {home: {calls: [db.read]}}}
  db: {workers: 1000, operations: {read: {work: 1ms}}}
edges: {web -> db: {throttle: {window: 2s}}}
workload: {rate: 100/s, mix: {web.home: 1}}
""")
    rows = play(topology, 1, 4000, [(fault("refuse", share=1.0), Window(10, 10, 20))])
    calls = rows[rows["caller"] >= 0]

    def refused(start, end):
        some = calls[(calls["sent"] >= start) & (calls["sent"] < end)]
        return np.mean(some["result"] == CODES["client_throttled"])

    assert refused(0, 10) < 0.01  # the first ones are sent before any is accepted
    assert refused(15, 20) > 0.95
    assert refused(35, 40) < 0.01


def test_a_hedge_that_is_withdrawn_and_an_open_breaker_throttle_nothing():
    stage = one("hedge: 10ms, throttle: {window: 1s}", work="5s")
    stage.request(*range(0, 1000, 100))
    stage.play()
    assert policy(stage, "throttle").refusing(stage.mesh.env.now) == 0.0
    stage = one("throttle: {factor: 1}, breaker: {minimum_calls: 2, window_calls: 2, open_for: 1h}", work="1ms")
    stage.fault(fault("fail", share=1.0, error="internal"), 0, 10_000)
    stage.request(*range(0, 1000, 10))
    lines = [line for line in stage.play() if "web>db" in line]
    assert sum("circuit_open" in line for line in lines) == 98


# -- adaptive concurrency ----------------------------------------------------------------------------------------------


def test_the_limit_follows_envoys_gradient():
    """With calls as long as the minimum g is 1.25: from 4 it goes to 5 + sqrt(5) = 7, then 8.75 + sqrt(8.75) = 11."""
    stage = one("adaptive_concurrency: {interval: 1s, samples: 2, least: 4, most: 4, remeasure: 1h}", work="10ms")
    controller = policy(stage, "adaptive_concurrency")
    controller._policy = type(controller._policy)(interval=1.0, samples=2, least=3, most=1000, remeasure=3600.0)
    stage.request(*range(0, 5000, 100))
    limits = []
    for second in range(1, 5):
        stage.mesh.env.advance(second - 0.001)
        limits.append(controller.limit)
    assert limits == [4, 7, 11, 17]
    stage.play()


def test_under_overload_the_limit_falls_and_the_queue_is_short():
    """A server of 100 calls a second gets 200: latency stays near the minimum, and the rest is refused at once."""
    text = """
name: overload
defaults: {edge: {latency: 0ms}}
services:
  web: {workers: 10000, operations: {home: {calls: [db.read]}}}
  db: {workers: 10, queue: 10000, operations: {read: {work: 100ms}}}
edges: {web -> db: {KEYS}}
workload: {rate: 200/s, mix: {web.home: 1}}
"""
    for keys, longest in (("adaptive_concurrency: {remeasure: 1h}", 0.5), ("timeout: none", 10.0)):
        rows = play(topology_of(text.replace("KEYS", keys)), 1, 8000)
        done = rows[(rows["caller"] >= 0) & (rows["result"] == 0) & (rows["sent"] > 10)]
        took = np.quantile(done["ended"] - done["sent"], 0.9)
        assert took < longest if longest < 1 else took > longest
        assert len(done) / (rows["sent"].max() - 10) > 80 or longest > 1


def test_while_the_minimum_is_measured_hardly_any_call_is_let_through():
    stage = one("adaptive_concurrency: {interval: 100ms, samples: 5, least: 3, remeasure: 1s, jitter: 0%}", work="50ms")
    stage.request(*range(0, 1500, 5))
    lines = [line for line in stage.play() if "web>db" in line]
    limited = [int(line.split("-")[0]) for line in lines if "concurrency_limited" in line]
    assert limited and min(limited) >= 1050 and max(limited) < 1250  # the first five return at 70 ms


def test_each_seed_draws_its_own_times_of_the_next_measurement():
    """A measurement follows the one before after 1 to 2 s; with the limit at 3, it refuses calls."""
    keys = "adaptive_concurrency: {interval: 100ms, samples: 5, least: 3, remeasure: 1s, jitter: 100%}"
    first = set()
    for seed in range(10):
        stage = one(keys, work="50ms", seed=seed)
        stage.request(*range(0, 3000, 5))
        limited = [line for line in stage.play() if "web>db" in line and "concurrency_limited" in line]
        first.add(int(limited[0].split("-")[0]))
    assert len(first) > 5


def test_what_never_left_says_nothing_about_how_long_calls_take():
    keys = (
        "breaker: {minimum_calls: 2, window_calls: 2, open_for: 1s}, adaptive_concurrency: {samples: 10, remeasure: 1h}"
    )
    stage = one(keys, work="10ms")
    stage.fault(fault("fail", share=1.0), 0, 500)
    stage.request(*range(0, 3000, 20))
    stage.play()
    assert policy(stage, "adaptive_concurrency")._minimum == pytest.approx(0.010)


# -- events of both -----------------------------------------------------------------------------------------------


def test_throttling_is_told_when_it_begins_and_ten_seconds_after_the_last_call_that_it_refused():
    stage = one("throttle: {window: 1s}", work="1ms")
    stage.fault(fault("refuse", share=1.0), 5_000, 7_000)
    stage.request(*range(0, 20_000, 20))
    stage.mesh.env.advance(30)
    rows = take_rows(stage.mesh)
    throttled = rows["sent"][rows["result"] == CODES["client_throttled"]] * 1000
    assert len(throttled) > 50
    assert [event for event in stage.events() if event[2] == "web-0"] == [
        (pytest.approx(throttled[0]), "throttling_started", "web-0"),
        (pytest.approx(throttled[-1] + 10_000), "throttling_stopped", "web-0"),
    ]


def test_adaptive_concurrency_tells_when_it_limits_calls_and_of_a_minimum_that_is_another_than_before():
    """The minimum is measured at first, and every 15 s; at 20 s calls begin to take four times as long."""
    stage = one("adaptive_concurrency: {samples: 10, remeasure: 15s, jitter: 0%}", work="10ms")
    stage.fault(fault("slow", factor=4.0), 20_000, 60_000)
    stage.request(*range(0, 50_000, 5))
    stage.mesh.env.advance(60)
    minima = [event for event in stage.mesh.journal.events if event.type == "minimum_latency"]
    assert [event.attributes["minimum_ms"] for event in minima] == pytest.approx([10.0, 40.0], rel=0.05)
    assert [event.attributes["previous_ms"] for event in minima] == [None, minima[0].attributes["minimum_ms"]]
    rows = take_rows(stage.mesh)
    limited = rows["sent"][rows["result"] == CODES["concurrency_limited"]] * 1000
    times = [(time, kind) for time, kind, _ in stage.events() if kind != "minimum_latency"]
    assert times[0] == (pytest.approx(limited[0]), "limiting_started")
    assert times[-1] == (pytest.approx(limited[-1] + 10_000), "limiting_stopped")


# -- Envoy's circuit breakers ------------------------------------------------------------------------------------------


def test_no_more_calls_wait_for_a_connection_than_may():
    stage = one("pool: {size: 1, acquire_timeout: 1s, pending: 1}")
    stage.request(0, 10, 20)
    assert [line for line in stage.play() if "web>db" in line] == [
        "0-100 web>db: success",
        "10-200 web>db: success",
        "20-20 web>db: pool_full",
    ]


def test_a_connection_carries_as_many_calls_at_a_time_as_it_has_streams():
    stage = one("pool: {size: 1, streams: 2, acquire_timeout: 1s}")
    stage.request(0, 10, 20)
    assert [line for line in stage.play() if "web>db" in line] == [
        "0-100 web>db: success",
        "10-110 web>db: success",
        "20-200 web>db: success",
    ]


def test_connections_are_opened_when_all_streams_of_those_there_are_taken():
    stage = one("pool: {size: 3, streams: 2, connect: 0ms}", more="")
    pool = policy(stage, "pool")
    pool.idle = 0  # none is open
    stage.request(*range(5))
    stage.play()
    assert stage.mesh.edges[0].opened == 3 and pool.idle == 6


def test_no_more_retries_are_under_way_than_may():
    """Envoy's `max_retries`: three, including those in backoff."""
    stage = one("retry: {max_attempts: 2, base: 0ms, concurrent: 3}", work="50ms")
    stage.fault(fault("fail", share=1.0, error="unavailable"), 0, 60)
    stage.request(*range(5))
    assert sum("#2" in line for line in stage.play()) == 3
    assert policy(stage, "retry_concurrency").running == 0


# -- idle connections to a process that is gone ------------------------------------------------------------------------


@pytest.mark.parametrize(("notices", "first"), [("true", "success"), ("false", "connection_reset")])
def test_a_dead_idle_connection_is_noticed_at_once_or_by_its_first_use(notices, first):
    """A database restarts while nobody calls it; the pool is full of connections to the old process."""
    keys = f"pool: {{size: 3, notices: {notices}, connect: 0ms}}"
    stage = one(keys, work="1ms", service="startup: 1s, readiness: {period: 1s}")
    stage.fault(fault("stop"), 100, 200)
    stage.request(5000, 5100, 5200, 5300)
    results = [line.split(": ")[1] for line in stage.play() if "web>db" in line]
    assert results == [first] * 3 + ["success"]
