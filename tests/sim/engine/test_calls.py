"""The life of a call, as complete timelines of tiny meshes in which everything takes constant time."""

import pytest
from scipy import stats
from stage import Stage, play, take_rows, topology_of

from meshquake.faults.fault import Target
from meshquake.faults.kinds.drop import Drop
from meshquake.faults.kinds.fail import Fail
from meshquake.faults.kinds.refuse import Refuse
from meshquake.faults.kinds.stop import Stop

DB = Target("service", "db")
WEB = Target("service", "web")
EDGE = Target("edge", "web", callee="db")


def two(edge="", web="", db="", calls="db.get"):
    """Return a web (10 ms of work) that calls a db (20 ms of work), a millisecond away."""
    return Stage(f"""
name: two
defaults: {{edge: {{latency: 1ms, {edge}}}}}
services:
  web: {{operations: {{home: {{work: 10ms, calls: [{calls}]}}}}, {web}}}
  db: {{operations: {{get: {{work: 20ms}}}}, {db}}}
workload: {{rate: 1/s, mix: {{web.home: 1}}}}
""")


def with_cache(hit_rate, cache=""):
    """Return a web that looks into a cache, and on a miss reads a db and fills the cache; each step takes 10 ms."""
    return Stage(f"""
name: cached
defaults: {{edge: {{latency: 0s}}}}
services:
  web:
    operations:
      home:
        work: 10ms
        calls: [cache.get: {{hit_rate: {hit_rate}, on_miss: [db.get, cache.set: {{optional: true}}]}}]
  cache: {{operations: {{get: {{work: 10ms}}, set: {{work: 10ms}}}}, {cache}}}
  db: {{operations: {{get: {{work: 10ms}}}}}}
workload: {{rate: 1/s, mix: {{web.home: 1}}}}
""")


# -- success ----------------------------------------------------------------------------------------------------------


def test_a_call_takes_its_work_its_calls_and_the_network_between():
    stage = two()
    stage.request(0)
    assert stage.play() == [
        "0-32 web: success",
        "10-32 web>db: success",
        "11-31 db: success",
    ]


def test_calls_of_a_list_go_out_one_after_another():
    stage = two(calls="db.get, db.get")
    stage.request(0)
    assert stage.play() == [
        "0-54 web: success",
        "10-32 web>db: success",
        "11-31 db: success",
        "32-54 web>db: success",
        "33-53 db: success",
    ]


def test_calls_of_a_nested_list_go_out_at_once_and_the_next_waits_for_all_of_them():
    stage = Stage("""
name: group
defaults: {edge: {latency: 0s}}
services:
  web: {operations: {home: {work: 10ms, calls: [[fast.get, slow.get], fast.get]}}}
  fast: {operations: {get: {work: 5ms}}}
  slow: {operations: {get: {work: 30ms}}}
workload: {rate: 1/s, mix: {web.home: 1}}
""")
    stage.request(0)
    assert stage.play() == [
        "0-45 web: success",
        "10-15 web>fast: success",
        "10-15 fast: success",
        "10-40 web>slow: success",
        "10-40 slow: success",
        "40-45 web>fast: success",
        "40-45 fast: success",
    ]


def test_a_failure_in_a_group_fails_the_caller_once_the_group_is_done():
    stage = Stage("""
name: group
defaults: {edge: {latency: 0s}}
services:
  web: {operations: {home: {work: 10ms, calls: [[db.get, slow.get], slow.get]}}}
  db: {operations: {get: {work: 5ms}}}
  slow: {operations: {get: {work: 30ms}}}
workload: {rate: 1/s, mix: {web.home: 1}}
""")
    stage.fault(Fail(id="bug", target=DB, share=1.0), 0, 1000)
    stage.request(0)
    assert stage.play() == [
        "0-40 web: dependency_failed",
        "10-15 web>db: internal",
        "10-15 db: internal",
        "10-40 web>slow: success",
        "10-40 slow: success",
    ]


def test_a_call_with_a_probability_is_made_for_that_share_of_requests():
    topology = topology_of("""
name: sometimes
services:
  web: {operations: {home: {work: 1ms, calls: [db.get: {probability: 30%}]}}}
  db: {operations: {get: {work: 1ms}}}
workload: {rate: 100/s, mix: {web.home: 1}}
""")
    rows = play(topology, seed=1, requests=10_000)
    made, users = (rows["site"] == 1).sum(), (rows["site"] == 0).sum()
    assert stats.binomtest(int(made), int(users), 0.3).pvalue > 0.001


# -- queues, workers and cores ----------------------------------------------------------------------------------------


def test_a_request_that_finds_no_worker_waits_until_one_has_finished_calls_and_all():
    stage = two(web="workers: 1, queue: 1")
    stage.request(0, 5)
    assert stage.play() == [
        "0-32 web: success",
        "5-64 web: success (from 32)",
        "10-32 web>db: success",
        "11-31 db: success",
        "42-64 web>db: success",
        "43-63 db: success",
    ]


def test_a_request_that_finds_the_queue_full_is_shed_at_the_door():
    stage = two(web="workers: 1, queue: 0")
    stage.request(0, 5)
    assert stage.play() == [
        "0-32 web: success",
        "5-5 web: overloaded",
        "10-32 web>db: success",
        "11-31 db: success",
    ]


def test_a_caller_hears_that_it_was_shed_after_a_round_trip():
    stage = two(db="workers: 1, queue: 0")
    stage.request(0, 5)
    assert stage.play() == [
        "0-32 web: success",
        "5-17 web: dependency_failed",
        "10-32 web>db: success",
        "11-31 db: success",
        "15-17 web>db: overloaded",
        "16-16 db: overloaded",
    ]


def test_work_waits_for_a_core_which_is_free_while_its_request_waits_for_another_service():
    stage = two(web="cpu: 1, workers: 2")
    stage.request(0, 4)
    assert stage.play() == [
        "0-32 web: success",
        "4-42 web: success",
        "10-32 web>db: success",
        "11-31 db: success",
        "20-42 web>db: success",
        "21-41 db: success",
    ]


# -- timeouts and retries ----------------------------------------------------------------------------------------------


def test_after_a_timeout_the_callee_works_on_for_nobody():
    stage = two(edge="timeout: 15ms")
    stage.request(0)
    assert stage.play() == [
        "0-25 web: dependency_failed",
        "10-25 web>db: timeout",
        "11-31 db: success",
    ]


def test_attempts_that_time_out_pile_up_at_the_callee():
    stage = two(edge="timeout: 15ms, retry: {max_attempts: 3, base: 0s}", db="workers: 1")
    stage.request(0)
    assert stage.play() == [
        "0-55 web: dependency_failed",
        "10-25 web>db: timeout",
        "11-31 db: success",
        "25-40 web>db #2: timeout",
        "26-51 db: success (from 31)",
        "40-55 web>db #3: timeout",
        "41-71 db: success (from 51)",
    ]


def test_an_attempt_that_succeeds_ends_the_retries():
    stage = two(edge="retry: {max_attempts: 4, base: 0s}")
    stage.fault(Refuse(id="down", target=DB), 0, 11.5)
    stage.request(0)
    assert stage.play() == [
        "0-34 web: success",
        "10-12 web>db: connection_refused",
        "12-34 web>db #2: success",
        "13-33 db: success",
    ]


def test_an_error_that_another_attempt_would_not_cure_is_not_tried_again():
    stage = two(edge="retry: {max_attempts: 3, base: 0s}")
    stage.fault(Fail(id="bug", target=DB, share=1.0, error="internal"), 0, 1000)
    stage.request(0)
    assert stage.play() == [
        "0-32 web: dependency_failed",
        "10-32 web>db: internal",
        "11-31 db: internal",
    ]


@pytest.mark.parametrize(("attempt", "longest"), [(1, 0.1), (2, 0.3), (3, 0.4)])
def test_pauses_before_attempts_are_uniform_up_to_a_doubling_bound(attempt, longest):
    """Envoy's backoff: uniform in [0, min(base * (2^n - 1), maximum)) before attempt n + 1."""
    stage = two(edge="retry: {max_attempts: 4, base: 100ms, maximum: 400ms}", web="workers: 1000")
    stage.fault(Refuse(id="down", target=DB), 0, 10_000)
    stage.request(*range(0, 2000, 2))
    stage.mesh.env.advance(20)
    rows = take_rows(stage.mesh)
    at = {(row["number"], row["attempt_path"]): row for row in rows[rows["site"] == 1]}
    pauses = [at[number, attempt]["sent"] - at[number, attempt - 1]["ended"] for number in range(1000)]
    assert stats.kstest(pauses, stats.uniform(0, longest).cdf).pvalue > 0.001


def test_an_optional_call_that_fails_does_not_fail_its_caller():
    stage = two(calls="db.get: {optional: true}", edge="timeout: 15ms")
    stage.request(0)
    assert stage.play() == [
        "0-25 web: success",
        "10-25 web>db: timeout",
        "11-31 db: success",
    ]


# -- refusals by the caller --------------------------------------------------------------------------------------------


def test_an_open_breaker_refuses_at_once_and_closes_after_a_good_trial():
    stage = two(edge="breaker: {window_calls: 2, minimum_calls: 2, open_for: 1s, half_open_calls: 1}")
    stage.fault(Refuse(id="down", target=DB), 0, 300)
    stage.request(0, 100, 200, 1500)
    assert stage.play() == [
        "0-12 web: dependency_failed",
        "10-12 web>db: connection_refused",
        "100-112 web: dependency_failed",
        "110-112 web>db: connection_refused",
        "200-210 web: dependency_failed",
        "210-210 web>db: circuit_open",
        "1500-1532 web: success",
        "1510-1532 web>db: success",
        "1511-1531 db: success",
    ]
    assert stage.events() == [
        (112, "circuit_breaker_open", "web-0"),
        (1510, "circuit_breaker_half_open", "web-0"),
        (1532, "circuit_breaker_closed", "web-0"),
    ]


def test_a_full_bulkhead_refuses_at_once():
    stage = two(edge="bulkhead: 1")
    stage.request(0, 5, 25)
    assert stage.play() == [
        "0-32 web: success",
        "5-15 web: dependency_failed",
        "10-32 web>db: success",
        "11-31 db: success",
        "15-15 web>db: bulkhead_full",
        "25-57 web: success",
        "35-57 web>db: success",
        "36-56 db: success",
    ]


def test_a_call_without_a_connection_waits_for_one():
    stage = two(edge="pool: 1")
    stage.request(0, 5)
    assert stage.play() == [
        "0-32 web: success",
        "5-54 web: success",
        "10-32 web>db: success",
        "11-31 db: success",
        "15-54 web>db: success",
        "33-53 db: success",
    ]


def test_a_call_waits_for_a_connection_no_longer_than_the_acquire_timeout():
    stage = two(edge="pool: {size: 1, acquire_timeout: 10ms}")
    stage.request(0, 5)
    assert stage.play() == [
        "0-32 web: success",
        "5-25 web: dependency_failed",
        "10-32 web>db: success",
        "11-31 db: success",
        "15-25 web>db: pool_timeout",
    ]


def test_a_call_that_nobody_waits_for_keeps_its_connection_until_it_is_answered():
    stage = two(edge="timeout: 15ms, pool: 1")
    stage.request(0, 12)
    assert stage.play() == [
        "0-25 web: dependency_failed",
        "10-25 web>db: timeout",
        "11-31 db: success",
        "12-37 web: dependency_failed",
        "22-37 web>db: timeout",
        "33-53 db: success",
    ]


def test_a_timeout_while_waiting_for_a_connection_reaches_nobody():
    stage = two(edge="timeout: 15ms, pool: 1")
    stage.request(0, 1)
    assert stage.play() == [
        "0-25 web: dependency_failed",
        "1-26 web: dependency_failed",
        "10-25 web>db: timeout",
        "11-26 web>db: timeout",
        "11-31 db: success",
    ]


def test_a_lost_connection_is_opened_again_for_a_round_trip_and_the_callees_work():
    stage = two(edge="pool: {size: 1, connect: 15ms}")
    stage.fault(Refuse(id="down", target=DB), 0, 50)
    stage.request(0, 100, 200)
    assert stage.play() == [
        "0-12 web: dependency_failed",
        "10-12 web>db: connection_refused",
        "100-149 web: success",
        "110-149 web>db: success",
        "113-148 db: success",
        "200-232 web: success",
        "210-232 web>db: success",
        "211-231 db: success",
    ]


# -- no answer ---------------------------------------------------------------------------------------------------------


def test_a_callee_without_ready_replicas_fails_calls_at_once():
    stage = two(db="readiness: {period: 100ms, failure_threshold: 1}")
    stage.fault(Refuse(id="down", target=DB), 0, 1000)
    stage.request(500, 2000)
    assert stage.play() == [
        "500-510 web: dependency_failed",
        "510-510 web>db: no_ready_replica",
        "2000-2032 web: success",
        "2010-2032 web>db: success",
        "2011-2031 db: success",
    ]


def test_an_entry_without_ready_replicas_fails_its_users():
    stage = two(web="readiness: {period: 100ms, failure_threshold: 1}")
    stage.fault(Refuse(id="down", target=WEB), 0, 1000)
    stage.request(500)
    assert stage.play() == ["500-500 web: no_ready_replica"]


def test_a_call_into_a_cut_edge_fails_when_the_connection_times_out():
    stage = two(edge="connect_timeout: 100ms")
    stage.fault(Drop(id="drop", target=EDGE), 0, 1000)
    stage.request(0)
    assert stage.play() == [
        "0-110 web: dependency_failed",
        "10-110 web>db: connection_timeout",
    ]


def test_a_call_into_a_cut_edge_times_out_first_if_its_own_timeout_is_shorter():
    stage = two(edge="connect_timeout: 100ms, timeout: 30ms")
    stage.fault(Drop(id="drop", target=EDGE), 0, 1000)
    stage.request(0)
    assert stage.play() == [
        "0-40 web: dependency_failed",
        "10-40 web>db: timeout",
    ]


def test_a_killed_callee_resets_its_callers_connections_and_then_refuses_new_ones():
    stage = two(db="startup: 1s")
    stage.fault(Stop(id="crash", target=DB), 20, 1000)
    stage.request(0, 100, 1500, 3000)
    assert stage.play() == [
        "0-21 web: dependency_failed",
        "10-21 web>db: connection_reset",
        "11-20 db: connection_reset",
        "100-112 web: dependency_failed",
        "110-112 web>db: connection_refused",
        "1500-1512 web: dependency_failed",
        "1510-1512 web>db: connection_refused",
        "3000-3032 web: success",
        "3010-3032 web>db: success",
        "3011-3031 db: success",
    ]


def test_what_waits_in_a_killed_callees_queue_is_reset_too():
    stage = two(db="workers: 1")
    stage.fault(Stop(id="crash", target=DB), 25, 1000)
    stage.request(0, 5)
    assert stage.play() == [
        "0-26 web: dependency_failed",
        "5-26 web: dependency_failed",
        "10-26 web>db: connection_reset",
        "11-25 db: connection_reset",
        "15-26 web>db: connection_reset",
        "16-25 db: connection_reset",
    ]


def test_a_caller_killed_while_it_waits_leaves_a_cancelled_call_and_a_callee_that_works_on():
    stage = two()
    stage.fault(Stop(id="crash", target=WEB), 20, 1000)
    stage.request(0)
    assert stage.play() == [
        "0-20 web: connection_reset",
        "10-20 web>db: cancelled",
        "11-31 db: success",
    ]


def test_a_caller_killed_while_it_waits_for_a_connection_leaves_a_cancelled_call_that_reached_nobody():
    stage = two(edge="pool: 1")
    stage.fault(Stop(id="crash", target=WEB), 20, 1000)
    stage.request(0, 5)
    assert stage.play() == [
        "0-20 web: connection_reset",
        "5-20 web: connection_reset",
        "10-20 web>db: cancelled",
        "11-31 db: success",
        "15-20 web>db: cancelled",
    ]


def test_a_caller_killed_between_two_attempts_makes_no_second_one():
    stage = two(edge="retry: {max_attempts: 2, base: 10s, maximum: 10s}")
    stage.fault(Refuse(id="down", target=DB), 0, 1000)
    stage.fault(Stop(id="crash", target=WEB), 20, 1000)
    stage.request(0)
    assert stage.play() == [
        "0-20 web: connection_reset",
        "10-12 web>db: connection_refused",
    ]


# -- lookups -----------------------------------------------------------------------------------------------------------


def test_a_hit_spares_the_calls_that_follow_a_miss():
    stage = with_cache("100%")
    stage.request(0)
    assert stage.play() == [
        "0-20 web: success",
        "10-20 web>cache: success",
        "10-20 cache: success",
    ]


def test_a_miss_is_followed_by_its_chain_of_calls():
    stage = with_cache("0%")
    stage.request(0)
    assert stage.play() == [
        "0-40 web: success",
        "10-20 web>cache: success",
        "10-20 cache: success",
        "20-30 web>db: success",
        "20-30 db: success",
        "30-40 web>cache: success",
        "30-40 cache: success",
    ]


def test_a_lookup_that_fails_is_a_miss():
    stage = with_cache("100%")
    stage.fault(Refuse(id="down", target=Target("operation", "cache", operation="get")), 0, 1000)
    stage.request(0)
    assert stage.play() == [
        "0-30 web: success",
        "10-10 web>cache: connection_refused",
        "10-20 web>db: success",
        "10-20 db: success",
        "20-30 web>cache: success",
        "20-30 cache: success",
    ]


def test_a_chain_that_fails_before_its_end_fails_the_caller():
    stage = with_cache("0%")
    stage.fault(Fail(id="bug", target=DB, share=1.0), 0, 1000)
    stage.request(0)
    assert stage.play() == [
        "0-30 web: dependency_failed",
        "10-20 web>cache: success",
        "10-20 cache: success",
        "20-30 web>db: internal",
        "20-30 db: internal",
    ]
