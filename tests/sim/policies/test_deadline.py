"""Deadlines beyond the timeout of an attempt, and cancellation: complete timelines."""

import pytest
from stage import Stage

from meshquake.faults.fault import Target
from meshquake.faults.kinds import fault_kinds


def chain(first, second, work="1s", workers=1):
    """Return web calling app calling db, with keys of both edges, the work of db and the workers of app."""
    return Stage(f"""
name: chain
services:
  web: {{operations: {{home: {{calls: [app.get]}}}}}}
  app: {{workers: {workers}, queue: 5, operations: {{get: {{work: 2ms, calls: [db.read]}}}}}}
  db: {{workers: 1, queue: 5, operations: {{read: {{work: {work}}}}}}}
edges:
  web -> app: {{{first}}}
  app -> db: {{{second}}}
workload: {{mix: {{web.home: 1}}}}
""")


def one(keys, work="7s"):
    """Return a mesh in which web calls db with these keys of the edge."""
    return Stage(f"""
name: one
defaults: {{edge: {{latency: 0ms}}}}
services:
  web: {{operations: {{home: {{calls: [db.read]}}}}}}
  db: {{workers: 100, operations: {{read: {{work: {work}}}}}}}
edges: {{web -> db: {{{keys}}}}}
workload: {{mix: {{web.home: 1}}}}
""")


# -- over all attempts -------------------------------------------------------------------------------------------------


def test_a_route_timeout_as_long_as_an_attempts_leaves_no_time_for_a_retry():
    """Istio's `timeout: 2s` with retries: callers wait 2 s, not 8."""
    stage = one("timeout: 2s, overall_timeout: 2s, retry: {max_attempts: 4, base: 25ms}")
    stage.request(0)
    assert stage.play() == ["0-2000 web: dependency_failed", "0-2000 web>db: timeout", "0-7000 db: success"]


def test_a_route_timeout_ends_the_attempt_under_way_and_counts_the_pauses():
    stage = one("timeout: 2s, overall_timeout: 3s, retry: {max_attempts: 4, base: 0ms}")
    stage.request(0)
    assert stage.play() == [
        "0-3000 web: dependency_failed",
        "0-2000 web>db: timeout",
        "0-7000 db: success",
        "2000-3000 web>db #2: timeout",
        "2000-9000 db: success",
    ]


def test_a_retry_that_could_only_be_made_too_late_is_not_waited_for():
    stage = one("timeout: 100ms, overall_timeout: 101ms, retry: {max_attempts: 4, base: 10s, maximum: 10s}")
    stage.request(0)
    assert stage.play()[:2] == ["0-100 web: dependency_failed", "0-100 web>db: timeout"]


# -- propagated deadlines ----------------------------------------------------------------------------------------------


def test_a_deadline_travels_with_the_request():
    """The call to the database is given up with the caller's caller, though its own timeout is longer."""
    stage = chain("timeout: 100ms, latency: 0ms", "timeout: 500ms, inherit_deadline: true, latency: 0ms")
    stage.request(0)
    assert stage.play() == [
        "0-100 web: dependency_failed",
        "0-100 web>app: timeout",
        "0-100 app: dependency_failed",
        "2-100 app>db: timeout",
        "2-1002 db: success",
    ]


def test_what_waited_past_its_deadline_calls_nobody():
    """The second request gets the worker after its deadline: it does its work, but sends nothing."""
    stage = chain("timeout: 50ms, latency: 0ms", "inherit_deadline: true, latency: 0ms")
    stage.request(0, 1)
    assert [line for line in stage.play() if "app" in line] == [
        "0-50 web>app: timeout",
        "0-50 app: dependency_failed",
        "1-51 web>app: timeout",
        "1-52 app: dependency_failed (from 50)",
        "2-50 app>db: timeout",
        "52-52 app>db: timeout",
    ]


# -- cancellation ------------------------------------------------------------------------------------------------------


def test_a_cancelled_call_frees_its_worker_and_takes_those_it_made_along():
    """One message later the callee stops, and cancels its own calls; the queue advances at once."""
    stage = chain("timeout: 100ms, latency: 5ms, cancellation: true", "timeout: 10s, latency: 1ms, cancellation: true")
    stage.request(0)
    assert stage.play() == [
        "0-100 web: dependency_failed",
        "0-100 web>app: timeout",
        "5-105 app: cancelled",
        "7-105 app>db: cancelled",
        "8-106 db: cancelled",
    ]
    replica = stage.mesh.services["db"].replicas[0]
    assert (replica.free, replica.idle_cores, replica.busy_clock) == (1, 1, pytest.approx(0.098))
    assert replica.core_clock == pytest.approx(0.098)


def test_without_cancellation_on_the_next_edge_its_callee_works_on_for_nobody():
    stage = chain("timeout: 100ms, latency: 5ms, cancellation: true", "latency: 1ms")
    stage.request(0)
    assert stage.play()[-2:] == ["7-105 app>db: cancelled", "8-1008 db: success"]


def test_a_queued_call_that_is_cancelled_leaves_the_queue_and_never_starts():
    stage = Stage("""
name: queue
defaults: {edge: {latency: 0ms}}
services:
  web: {operations: {home: {calls: [db.read]}}}
  batch: {operations: {run: {calls: [db.read]}}}
  db: {workers: 1, queue: 1, operations: {read: {work: 80ms}}}
edges: {web -> db: {timeout: 50ms, cancellation: true}}
workload: {mix: {batch.run: 1, web.home: 1}}
""")
    stage.request(0, 60)
    stage.request(1, 52, entry=1)
    assert [line for line in stage.play() if " db:" in line] == [
        "0-80 db: success",
        "1-51 db: cancelled",
        "52-102 db: cancelled (from 80)",
        "60-60 db: overloaded",
    ]
    assert len(stage.mesh.services["db"].replicas[0].queue) == 0


def test_what_waits_for_a_core_or_hangs_is_cancelled_too():
    stage = Stage("""
name: cores
services:
  web: {operations: {home: {calls: [db.read]}}}
  db: {workers: 4, cpu: 1, operations: {read: {work: 80ms}}}
edges: {web -> db: {timeout: 100ms, latency: 0ms, cancellation: true}}
workload: {mix: {web.home: 1}}
""")
    stage.request(0, 10, 11)
    assert [line for line in stage.play() if "db:" in line and ">" not in line] == [
        "0-80 db: success",
        "10-110 db: cancelled",
        "11-111 db: cancelled",
    ]
    replica = stage.mesh.services["db"].replicas[0]
    assert (replica.free, replica.idle_cores, list(replica.run_queue)) == (4, 1, [])
    stage = one("timeout: 100ms, cancellation: true", work="10ms")
    stage.fault(fault_kinds()["hang"](id="f", target=Target("service", "db"), share=1.0), 0, 1000)
    stage.request(50)
    assert stage.play()[-1] == "50-150 db: cancelled"
    assert not any(stage.mesh.engine.hung.values())


def test_a_pooled_connection_is_free_once_the_callee_has_confirmed():
    stage = one("timeout: 100ms, cancellation: true, pool: {size: 1, acquire_timeout: 1s}, latency: 2ms")
    stage.request(0, 50)
    assert stage.play() == [
        "0-100 web: dependency_failed",
        "0-100 web>db: timeout",
        "2-102 db: cancelled",
        "50-150 web: dependency_failed",
        "50-150 web>db: timeout",
        "106-152 db: cancelled",
    ]
    pool = stage.mesh.services["web"].replicas[0].callers[0].policies["pool"]
    assert (pool.in_use, pool.waiting) == (0, 0)


def test_a_call_that_waits_for_a_connection_when_its_caller_is_cancelled_never_leaves():
    stage = chain(
        "timeout: 30ms, latency: 0ms, cancellation: true",
        "latency: 0ms, pool: {size: 1, acquire_timeout: 10s}",
        workers=2,
    )
    stage.request(0, 1)
    lines = stage.play()
    assert "3-31 app>db: cancelled" in lines
    assert [line for line in lines if " db:" in line] == ["2-1002 db: success"]


def test_work_between_calls_and_parts_that_run_side_by_side_end_with_their_request():
    """Two branches: one works for long, the other waits for the database."""
    stage = Stage("""
name: parts
defaults: {edge: {latency: 0ms}}
services:
  web: {operations: {home: {calls: [app.get]}}}
  app: {workers: 4, cpu: 2, operations: {get: {work: 1ms, calls: [[[work: 1s, db.read], [db.read, work: 1s]]]}}}
  db: {operations: {read: {work: 300ms}}}
edges: {web -> app: {timeout: 100ms, cancellation: true}, app -> db: {cancellation: true}}
workload: {mix: {web.home: 1}}
""")
    stage.request(0)
    assert stage.play()[2:] == ["0-100 app: cancelled", "1-100 app>db: cancelled", "1-100 db: cancelled"]
    replica = stage.mesh.services["app"].replicas[0]
    assert (replica.free, replica.idle_cores, stage.mesh.engine.parts) == (4, 2, {})
    assert replica.core_clock == pytest.approx(0.001 + 0.099)


def test_cores_that_are_shared_are_free_for_the_others_at_once():
    stage = Stage("""
name: shared
defaults: {edge: {latency: 0ms}}
services:
  web: {operations: {home: {calls: [db.read]}}}
  batch: {operations: {run: {calls: [db.read]}}}
  db: {workers: 4, cpu: {limit: 1, scheduling: fair}, operations: {read: {work: 100ms}}}
edges: {web -> db: {timeout: 40ms, cancellation: true}}
workload: {mix: {batch.run: 1, web.home: 1}}
""")
    stage.request(0)
    stage.request(0, entry=1)
    # 40 ms at half speed, then 80 alone.
    assert [line for line in stage.play() if " db:" in line] == ["0-120 db: success", "0-40 db: cancelled"]


def test_a_handler_that_gave_its_worker_back_is_cancelled_without_one():
    stage = Stage("""
name: async
defaults: {edge: {latency: 0ms, cancellation: true}}
services:
  web: {operations: {home: {calls: [app.get]}}}
  app: {handlers: async, workers: 1, operations: {get: {work: 1ms, calls: [db.read]}}}
  db: {operations: {read: {work: 300ms}}}
edges: {web -> app: {timeout: 100ms}}
workload: {mix: {web.home: 1}}
""")
    stage.request(0, 10)
    assert [line for line in stage.play() if " db:" in line] == ["1-100 db: cancelled", "11-110 db: cancelled"]
    assert stage.mesh.services["app"].replicas[0].free == 1
