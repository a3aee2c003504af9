"""What is odd about a mesh: each warning where it's true, and none just beside it."""

import time

import pytest
from hypothesis import given, settings
from random_meshes import meshes

from meshquake.topology.distributions import LogNormal
from meshquake.topology.loader import load, parse, shipped
from meshquake.topology.policies import Retry
from meshquake.topology.review import remarks, review
from meshquake.topology.spec import Call, Edge, Entry, Operation, Service, Topology, Workload


def found(text):
    return review(parse(text, "mesh.yaml").topology)


def pair(edge="{}", app="{work: 5ms, calls: [db.get]}", db="{operations: {get: {work: 10ms}}}", rate="20/s"):
    """A mesh of two services, `app` and `db`, and the edge between them."""
    return found(
        f"""
        name: pair
        defaults: {{edge: {{latency: 1ms}}}}
        services:
          app: {{operations: {{go: {app}}}}}
          db: {db}
        edges: {{app -> db: {edge}}}
        workload: {{rate: {rate}, mix: {{app.go: 1}}}}
        """
    )


def line(**policies):
    """Services a to d in a line, with the policies of each edge, by the caller's letter."""
    return found(
        f"""
        name: line
        defaults: {{edge: {{latency: 1ms}}}}
        services:
          a: {{operations: {{go: {{calls: [b.go]}}}}}}
          b: {{operations: {{go: {{calls: [c.go]}}}}}}
          c: {{operations: {{go: {{calls: [d.go]}}}}}}
          d: {{operations: {{go: {{work: 10ms}}}}}}
        edges:
          a -> b: {policies["a"]}
          b -> c: {policies["b"]}
          c -> d: {policies["c"]}
        workload: {{mix: {{a.go: 1}}}}
        """
    )


def test_a_sound_mesh_has_no_warnings():
    assert pair("{timeout: 100ms, retry: 3, breaker: {minimum_calls: 20}, bulkhead: 5, pool: 10}") == []


def test_a_service_that_no_request_reaches_is_named_without_its_operations():
    services = "a: {operations: {go: {}}}, b: {operations: {x: {calls: [c.z]}, y: {}}}, c: {operations: {z: {}}}"
    assert found(f"{{name: n, services: {{{services}}}, workload: {{mix: {{a.go: 1, b.x: 0}}}}}}") == [
        ("services.b", "no request reaches this service"),
        ("services.c", "no request reaches this service"),
    ]


def test_an_operation_that_no_request_reaches_is_named_where_its_service_is_used():
    services = "a: {operations: {go: {}, idle: {}}}"
    assert found(f"{{name: n, services: {{{services}}}, workload: {{mix: {{a.go: 1}}}}}}") == [
        ("services.a.operations.idle", "no request reaches this operation")
    ]


@pytest.mark.parametrize(
    ("rate", "message"),
    [
        ("80/s", None),
        ("90/s", "little headroom: 90/s keep 90% of its cores busy"),
        ("100/s", "overloaded even when healthy: 100/s need 100% of its cores"),
    ],
)
def test_load_is_measured_against_cores(rate, message):
    warnings = pair(db="{cpu: 1, operations: {get: {work: 10ms}}}", rate=rate)
    assert warnings == ([("services.db", message)] if message else [])


def test_load_is_measured_against_workers_that_wait():
    assert found(
        """
        name: waiting
        services:
          app: {workers: 2, operations: {go: {work: 1ms, calls: [slow.go]}}}
          slow: {operations: {go: {work: 199ms}}}
        edges: {app -> slow: {latency: 0s}}
        workload: {rate: 12/s, mix: {app.go: 1}}
        """
    ) == [("services.app", "overloaded even when healthy: 12/s need 120% of its workers")]


def test_a_timeout_is_compared_with_the_whole_healthy_answer():
    tail = "{operations: {get: {work: {mixture: [{weight: 95%, constant: 10ms}, {weight: 5%, constant: 90ms}]}}}}"
    assert pair("{timeout: 100ms}", db=tail) == []
    assert pair("{timeout: 91ms}", db=tail) == [
        (
            "edges.app -> db.timeout",
            "app waits 91ms for db.get, but 5% of its healthy answers take longer (mean 16ms, p99 92ms)",
        )
    ]


def test_a_caller_that_gives_up_before_its_callee_does_leaves_work_behind():
    inner = "{timeout: 200ms, retry: {max_attempts: 3, base: 50ms, maximum: 100ms}}"
    # 3 x 200 ms, and pauses of at most 50 and 100 ms.
    assert line(a="{timeout: 1s}", b="{timeout: 751ms}", c=inner) == []
    assert line(a="{timeout: 1s}", b="{timeout: 749ms}", c=inner) == [
        (
            "edges.b -> c.timeout",
            "b gives up after 749ms, but c.go may wait 750ms for what it calls (timeouts x attempts): "
            "work that nobody waits for",
        )
    ]


def test_a_caller_is_told_once_of_all_callees_that_outlast_it():
    warnings = found(
        """
        name: twice
        services:
          web: {operations: {go: {calls: [[a.go, b.go]]}}}
          a: {operations: {go: {calls: [db.go]}}}
          b: {operations: {go: {calls: [db.go, db.go]}}}
          db: {operations: {go: {}}}
        edges:
          web -> a: {timeout: 100ms}
          web -> b: {timeout: 100ms}
          a -> db: {timeout: 200ms}
          b -> db: {timeout: 200ms}
        workload: {mix: {web.go: 1}}
        """
    )
    assert warnings == [
        (
            "edges.web -> b.timeout",
            "web gives up after 100ms, but b.go may wait 400ms for what it calls (timeouts x attempts): "
            "work that nobody waits for; likewise its calls to a",
        )
    ]


@pytest.mark.parametrize(
    ("outer", "inner", "calls"),
    [
        # Each layer hears of the failures below it.
        ("{retry: {max_attempts: 4, on: [dependency_failed, timeout]}}", "{retry: 4}", 64),
        # A layer that times out first repeats what is still going on below.
        ("{timeout: 10s, retry: 4}", "{timeout: 20s, retry: 4}", 64),
        # The outer layers neither hear of the failure nor time out.
        ("{retry: 4}", "{retry: 4}", None),
        # Budgets let one call be 1.2 on average.
        (
            "{retry: {max_attempts: 4, on: [dependency_failed], budget: 20%}}",
            "{retry: {max_attempts: 4, budget: 20%}}",
            None,
        ),
        # 3 x 3 x 1 is not worth a warning.
        ("{retry: {max_attempts: 3, on: [dependency_failed]}}", "{}", None),
    ],
)
def test_retries_multiply_through_layers_that_hear_of_failures_below(outer, inner, calls):
    warnings = [warning for warning in line(a=outer, b=outer, c=inner) if warning[0].endswith("retry")]
    message = f"retries multiply: one request may become {calls} calls along a -> b -> c -> d"
    assert warnings == ([("edges.c -> d.retry", message)] if calls else [])


def test_a_breaker_must_be_able_to_see_enough_calls_to_open():
    assert pair("{breaker: {window_time: 5s, minimum_calls: 100}}") == []
    assert pair("{breaker: {window_time: 5s, minimum_calls: 101}, retry: 2}") == []
    assert pair("{breaker: {window_time: 5s, minimum_calls: 101}}") == [
        (
            "edges.app -> db.breaker",
            "the breaker of app to db cannot open at the usual rate: a replica makes at most 100 attempts in 5s, "
            "retries included, and 101 are needed",
        )
    ]
    assert pair("{breaker: {window_calls: 50, minimum_calls: 51}}") == []


@pytest.mark.parametrize("policy", ["bulkhead", "pool"])
def test_a_limit_below_the_usual_number_of_calls_in_flight_is_too_narrow(policy):
    slow = "{operations: {get: {work: 98ms}}}"
    assert pair(f"{{{policy}: 3}}", db=slow) == []
    assert pair(f"{{{policy}: 1}}", db=slow) == [
        (f"edges.app -> db.{policy}", "a replica of app has 2 calls to db in flight on average, and room for 1")
    ]


def test_a_rate_limit_below_the_usual_rate_turns_healthy_requests_away():
    """Two replicas with a token each 100 ms let 20/s through."""
    limited = "{replicas: 2, rate_limit: {max_tokens: 50, fill_interval: 100ms}, operations: {get: {work: 10ms}}}"
    assert pair(db=limited) == []
    (finding,) = pair(db=limited, rate="21/s")
    assert finding == (
        "services.db.rate_limit",
        "lets 20/s through, and healthy requests are 21/s: others are answered 429",
    )


def test_a_startup_probe_must_let_a_process_start_and_stands_in_for_the_liveness_probe():
    slow = "{{startup: 25s, liveness: {{}}, startup_probe: {probe}, operations: {{get: {{work: 10ms}}}}}}"
    ((place, text),) = pair(db=slow.format(probe="{}"))
    assert place == "services.db.startup_probe"
    assert text.startswith("a process that starts again takes 25s, and is ended after 20s")
    assert pair(db=slow.format(probe="{failure_threshold: 4}")) == []


def test_a_liveness_probe_must_let_a_process_start():
    """Kubernetes' probe asks three times in 20 s, from the start on."""
    slow = "{{startup: 20s, liveness: {probe}, operations: {{get: {{work: 10ms}}}}}}"
    assert pair(db=slow.format(probe="{initial_delay: 1s}")) == []
    ((place, text),) = pair(db=slow.format(probe="{}"))
    assert place == "services.db.liveness"
    assert text.startswith("a process that starts again takes 20s, and may be ended after 20s")


@pytest.mark.parametrize(
    ("edge", "message"),
    [
        ("{outlier: {consecutive: none, success_rate: none}}", "outlier: ejects nothing: all its rules are off"),
        ("{outlier: {consecutive: none, success_rate: none, gateway: 5}}", None),
        ("{timeout: 1s, hedge: 1s}", "hedge: hedges no slow call: it waits 1s, and a call is given up after 1s"),
        ("{timeout: 1s, hedge: 900ms}", None),
        ("{timeout: 1s, hedge: {delay: 1s, percentile: 95%}}", None),
        (
            "{overall_timeout: 1s, hedge: 2s}",
            "hedge: hedges no slow call: it waits 2s, and a call is given up after 1s",
        ),
        ("{retry: {base: 1s}}", "retry: its pauses do not grow: the base of 1s is above the maximum of 250ms"),
        ("{retry: {base: 250ms}}", None),
    ],
)
def test_a_policy_that_does_nothing_as_it_is_set_is_odd(edge, message):
    policy, _, odd = (message or "").partition(": ")
    assert pair(edge) == ([(f"edges.app -> db.{policy}", odd)] if message else [])


@pytest.mark.parametrize(
    ("keys", "odd"),
    [
        ("queue: {target: 1ms}", ["queue.target: is of codel, and this queue is fifo: it does nothing"]),
        ("queue: {discipline: codel, target: 1ms}", []),
        ("cpu: {limit: 2, period: 50ms}", ["cpu.period: is of quota, and this cpu is fifo: it does nothing"]),
        ("cpu: {limit: 1500m, period: 50ms}", []),
        (
            "rollout: {strategy: recreate, max_surge: 1}",
            ["rollout.max_surge: is of rolling, and this rollout is recreate: it does nothing"],
        ),
        ("rollout: {max_surge: 1}", []),
    ],
)
def test_a_key_of_another_choice_than_the_one_that_was_made_is_odd_unless_it_is_a_default(keys, odd):
    text = (
        "name: m\ndefaults: {{service: {{{}}}}}\n"
        "services: {{a: {{{} operations: {{x: {{}}}}}}}}\nworkload: {{mix: {{a.x: 1}}}}"
    )
    own, default = (remarks(parse(text.format(*each), "m.yaml")) for each in (("", f"{keys},"), (keys, "")))
    assert [str(each) for each in own] == [f"m.yaml:3: warning: services.a.{each}" for each in odd]
    assert not default


def test_pools_that_hold_more_than_the_callee_does_protect_nothing():
    assert pair("{pool: 20}", db="{workers: 8, queue: 12, operations: {get: {}}}") == []
    assert pair("{pool: 21}", db="{workers: 8, queue: 12, operations: {get: {}}}") == [
        (
            "services.db",
            "the pools of its callers have 21 connections, more than the 20 requests that its workers and queues "
            "hold: the pools do not protect it",
        )
    ]


@settings(max_examples=50)
@given(meshes())
def test_every_warning_points_at_a_service_or_an_edge_of_the_mesh_once(mesh):
    known = {f"services.{service.name}" for service in mesh.services}
    known |= {f"services.{service.name}.operations.{op.name}" for service in mesh.services for op in service.operations}
    known |= {
        f"edges.{edge.caller} -> {edge.callee}.{policy}"
        for edge in mesh.edges
        for policy in ("timeout", "retry", "breaker", "bulkhead", "pool")
    }
    warnings = review(mesh)
    assert {path for path, _ in warnings} <= known
    assert len(set(warnings)) == len(warnings)


def test_nothing_is_odd_about_the_services_and_timeouts_of_the_shipped_meshes():
    for path in shipped().values():
        warnings = review(load(path).topology)
        assert [where for where, _ in warnings if where.startswith("services.")] == []
        assert [message for _, message in warnings if "healthy answers" in message or "multiply" in message] == []


def test_a_thousand_services_are_reviewed_in_seconds():
    """Layers in which every operation calls three of the next: 3^49 paths."""

    def calls(layer, place):
        return tuple((Call(f"s{layer + 1}-{(place + step) % 20}", "go"),) for step in (0, 1, 7)) if layer < 49 else ()

    services = tuple(
        Service(f"s{layer}-{place}", operations=(Operation("go", LogNormal(0.001, 0.5), calls(layer, place)),))
        for layer in range(50)
        for place in range(20)
    )
    edges = tuple(
        Edge(service.name, call.service, timeout=1.0, retry=Retry(on=("dependency_failed",)))
        for service in services
        for group in service.operations[0].calls
        for call in group
    )
    mesh = Topology("wide", services, edges, Workload(rate=1e-12, mix=(Entry("s0-0", "go", 1.0),)))
    begun = time.process_time()
    warnings = review(mesh)
    assert time.process_time() - begun < 5
    assert any(f"one request may become {3**49:.0f} calls" in message for _, message in warnings)
