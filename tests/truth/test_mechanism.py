"""How a fault reached a user, step by step: in plays whose timing is fully known, then in whole incidents."""

import pytest
from twin_runs import HARMFUL, Play, compare, incident, simulation

from meshquake.faults.change import Change
from meshquake.faults.fault import Target
from meshquake.faults.kinds.delay import Delay
from meshquake.faults.kinds.drop import Drop
from meshquake.faults.kinds.fail import Fail
from meshquake.faults.kinds.flip import Flip
from meshquake.faults.kinds.hang import Hang
from meshquake.faults.kinds.hog_cpu import HogCpu
from meshquake.faults.kinds.refuse import Refuse
from meshquake.faults.kinds.shrink_pool import ShrinkPool
from meshquake.faults.kinds.slow import Slow
from meshquake.topology.errors import ERRORS
from meshquake.topology.spec import Edge
from meshquake.truth.calls import Tree
from meshquake.truth.mechanism import AMPLIFIED, EJECTED, HEDGED, MECHANISMS, OF_LOAD, PANIC, Mechanism

A, B, C = (Target("service", name) for name in "abc")
BC = Target("edge", "b", callee="c")


def chain(edge="timeout: 1s", b_to_c="", b="", c="", calls="c.get"):
    """Return a gateway a that calls b, which calls c; each works for 10 ms, a millisecond apart."""
    return f"""
name: chain
defaults: {{edge: {{latency: 1ms, {edge}}}}}
services:
  a: {{operations: {{home: {{work: 10ms, calls: [b.get]}}}}}}
  b: {{operations: {{get: {{work: 10ms, calls: [{calls}]}}}}, {b}}}
  c: {{operations: {{get: {{work: 10ms}}}}, {c}}}
  d: {{operations: {{get: {{work: 10ms}}}}}}
edges: {{b -> c: {{{b_to_c}}}}}
workload: {{rate: 1/s, mix: {{a.home: 1}}}}
"""


def mechanism(text, fault, *requests):
    """Return the mechanism by which a fault reached the last of the requests made at some times (milliseconds)."""
    play = Play(text, fault, *(requests or (1,)))
    found = Mechanism(play.mesh, [fault])
    found.walk(play.fact, play.other)
    return found


def steps(text, fault, *requests):
    """Return its steps, with their onsets in milliseconds."""
    return [
        (round(step.onset * 1000), f"{step.origin}>{step.reached}", step.mechanism)
        for step in mechanism(text, fault, *requests).steps()
    ]


def test_every_error_of_a_client_is_a_mechanism_of_its_own_or_an_error_of_the_callee():
    assert {error.mechanism for error in ERRORS.values()} < set(MECHANISMS)
    assert len(set(MECHANISMS)) == len(MECHANISMS)


# -- slow ----------------------------------------------------------------------------------------------------------


def test_slow_work_reaches_users_as_one_slow_answer_after_another():
    assert steps(chain(), Slow(target=C, factor=50)) == [
        (23, "c>c", "slow work"),
        (524, "c>b", "slow answer"),
        (525, "b>a", "slow answer"),
    ]


def test_slow_work_reaches_users_as_timeouts_where_callers_give_up():
    assert steps(chain(), Slow(target=C, factor=500)) == [
        (23, "c>c", "slow work"),
        (1011, "b>a", "timeout"),
        (1022, "c>b", "timeout"),
    ]


def test_a_call_that_hangs_is_slow_work_of_the_service_in_which_it_hangs():
    assert steps(chain(), Hang(target=C))[0] == (23, "c>c", "slow work")


def test_work_is_slow_for_want_of_cpu_where_something_else_takes_it():
    assert steps(chain(), HogCpu(target=C, share=0.98)) == [
        (23, "c>c", "cpu saturation"),
        (524, "c>b", "slow answer"),
        (525, "b>a", "slow answer"),
    ]


def test_work_is_slow_for_want_of_cpu_where_others_queue_for_the_core_though_the_fault_acts_elsewhere():
    """A call delayed by one replica of d reaches b's only core just before this request, which the other served."""
    text = """
name: core
defaults: {edge: {latency: 1ms, timeout: 1s}}
services:
  a: {operations: {home: {work: 1ms, calls: [d.get, b.get]}}}
  b: {operations: {get: {work: 100ms}}, cpu: 1}
  d: {operations: {get: {work: 10ms}}, replicas: 2}
workload: {rate: 1/s, mix: {a.home: 1}}
"""
    assert steps(text, Slow(target=Target("replica", "d", replica=0), factor=10.8), 1, 101, 201) == [
        (215, "b>b", "cpu saturation"),
        (414, "b>a", "slow answer"),
    ]


def test_work_is_slow_for_want_of_cpu_where_the_fault_acts_on_another_operation_of_the_service():
    """b soon gives up on the slow call; d's call is as quick as ever once it has c's only core."""
    text = """
name: operations
defaults: {edge: {latency: 1ms}}
services:
  a: {operations: {home: {work: 1ms, calls: [[b.get, d.put]]}}}
  b: {operations: {get: {work: 1ms, calls: [c.get: {optional: true}]}}}
  c: {operations: {get: {work: 10ms}, put: {work: 10ms}}, cpu: 1}
  d: {operations: {put: {work: 2ms, calls: [c.put]}}}
edges: {b -> c: {timeout: 50ms}}
workload: {rate: 1/s, mix: {a.home: 1}}
"""
    assert steps(text, Slow(target=Target("operation", "c", operation="get"), factor=50)) == [
        (6, "c>c", "cpu saturation"),
        (516, "c>d", "slow answer"),
        (517, "d>a", "slow answer"),
    ]
    assert steps(text, Slow(target=Target("operation", "c", operation="put"), factor=50))[0] == (6, "c>c", "slow work")


def test_work_is_slow_for_want_of_cpu_where_the_fault_acts_on_another_replica():
    """A caller that gives up on the slow replica tries the other, and takes its only core just before this request."""
    text = """
name: replicas
defaults: {edge: {latency: 1ms, timeout: 50ms, retry: {max_attempts: 2, base: 0s}}}
services:
  a: {operations: {home: {work: 1ms, calls: [b.get]}}}
  b: {operations: {get: {work: 10ms}}, cpu: 1, replicas: 2}
workload: {rate: 1/s, mix: {a.home: 1}}
"""
    assert steps(text, Slow(target=Target("replica", "b", replica=0), factor=50), 1, 101, 152, 153) == [
        (155, "b>b", "cpu saturation"),
        (174, "b>a", "slow answer"),
    ]
    assert steps(text, Slow(target=Target("replica", "b", replica=1), factor=50), 1)[0] == (3, "b>b", "slow work")


def test_who_waits_for_a_worker_behind_calls_that_are_held_up_is_queueing():
    """The third request finds b's only worker waiting for c, twice."""
    assert steps(chain(b="workers: 1"), Slow(target=C, factor=30), 1, 1, 1) == [
        (12, "b>b", "queueing"),
        (949, "b>a", "slow answer"),
    ]


# -- between caller and callee ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("pool", ["{size: 1}", "{size: 1, acquire_timeout: 5s}"])
def test_who_waits_for_a_connection_behind_calls_that_are_held_up_finds_the_pool_exhausted(pool):
    """The second request waits for the only connection, from 26 ms on, twice as long as c takes for its own call."""
    text = chain(b_to_c=f"pool: {pool}, timeout: 800ms")
    assert steps(text, Slow(target=C, factor=60), 1, 5)[0] == (826, "c>b", "connection pool exhausted")


def test_who_gives_up_waiting_for_a_connection_finds_the_pool_exhausted():
    text = chain(b_to_c="pool: {size: 1, acquire_timeout: 100ms}")
    assert steps(text, Slow(target=C, factor=60), 1, 5) == [
        (126, "c>b", "connection pool exhausted"),
        (127, "b>a", "failed dependency"),
    ]


def test_who_waits_for_a_connection_of_a_pool_that_has_shrunk_finds_the_pool_exhausted():
    text = chain(b_to_c="pool: {size: 2}", c="cpu: 2").replace("get: {work: 10ms}}, cpu", "get: {work: 200ms}}, cpu")
    assert steps(text, ShrinkPool(target=BC, to=0), 1, 1) == [
        (426, "c>b", "connection pool exhausted"),
        (427, "b>a", "slow answer"),
    ]


@pytest.mark.parametrize("pool", ["pool: none", "pool: {size: 5}"])
def test_a_slow_network_is_told_from_a_slow_callee(pool):
    text = chain(b_to_c=pool)
    assert steps(text, Delay(target=BC, by=0.2)) == [
        (434, "c>b", "network delay"),
        (435, "b>a", "slow answer"),
    ]


@pytest.mark.parametrize("by", [0.6, 2.0])
@pytest.mark.parametrize("pool", ["pool: none", "pool: {size: 5}"])
def test_so_it_is_where_the_answer_or_the_call_itself_comes_after_the_deadline(pool, by):
    assert steps(chain(b_to_c=pool), Delay(target=BC, by=by)) == [
        (1011, "b>a", "timeout"),
        (1022, "c>b", "network delay"),
        (1022, "c>b", "timeout"),
    ]


@pytest.mark.parametrize("pool", ["pool: none", "pool: {size: 5}"])
def test_what_the_network_loses_is_told_from_what_waits_for_a_connection(pool):
    text = chain(b_to_c=f"{pool}, timeout: 500ms")
    assert steps(text, Drop(target=BC)) == [
        (522, "c>b", "packet loss"),
        (522, "c>b", "timeout"),
        (523, "b>a", "failed dependency"),
    ]


def test_a_connection_that_can_not_be_made_is_packet_loss_too():
    text = chain(edge="timeout: none", b_to_c="connect_timeout: 500ms")
    assert steps(text, Drop(target=BC)) == [
        (522, "c>b", "connection timeout"),
        (522, "c>b", "packet loss"),
        (523, "b>a", "failed dependency"),
    ]


# -- retries and shorter timeouts --------------------------------------------------------------------------------------


def flip(**settings):
    """Return a change of the settings of the edge b -> c."""
    return Flip(target=BC, set=Change.made_of(Edge, settings))


@pytest.mark.parametrize("pool", ["pool: none", "pool: {size: 5}"])
def test_who_gives_up_sooner_than_the_answer_came_without_the_fault_is_a_timeout_and_nothing_else(pool):
    assert steps(chain(b_to_c=pool), flip(timeout=0.005)) == [
        (27, "c>b", "timeout"),
        (28, "b>a", "failed dependency"),
    ]


def test_so_it_is_of_every_attempt_though_the_other_run_makes_only_one():
    """Work differs from attempt to attempt, and every attempt times out before it is done."""
    text = chain(b_to_c="retry: {max_attempts: 4, base: 1ms, budget: none}", c="cpu: 9").replace(
        "c: {operations: {get: {work: 10ms}}", "c: {operations: {get: {work: {exponential: 200ms}}}"
    )
    assert [step[1:] for step in steps(text, flip(timeout=0.005))] == [
        ("c>b", "timeout"),
        ("b>a", "failed dependency"),
    ]


def test_a_pool_that_a_change_brings_can_be_exhausted_too():
    text = chain(c="workers: 9, cpu: 9").replace("get: {work: 10ms}}, workers", "get: {work: 400ms}}, workers")
    assert steps(text, flip(pool={"size": 1}), 1, 1)[0][1:] == ("c>b", "connection pool exhausted")


def failing_once(retry):
    """Return a request in the chain whose first attempt at c fails, and whose second one doesn't."""
    text = chain(edge="timeout: 9s", b_to_c=f"retry: {{max_attempts: 4, budget: none, {retry}}}", c="cpu: 30")
    fault = Fail(target=C, share=0.5, error="unavailable")
    for number in range(1, 9):
        times = [100_000 * each + 1 for each in range(number)]
        if sum("unavailable" in error for error in errors_of(text, fault, *times)) == 1:
            return text, fault, times
    raise AssertionError


def errors_of(text, fault, *requests):
    """Return the errors with which b's calls to c ended."""
    play = Play(text, fault, *requests)
    names = ["", *ERRORS]
    rows = [row for row in play.fact.rows.values() if play.sites[row.site].service.spec.name == "c"]
    return [names[row.result] for row in rows if row.result]


def test_the_pause_before_a_retry_is_the_callers_and_follows_the_failure_that_was_retried():
    """c has idle cores and works for 10 ms; the pause lasts seconds."""
    text, fault, times = failing_once("base: 4s, maximum: 8s")
    assert [step[1:] for step in steps(text, fault, *times)] == [
        ("c>c", "errors"),
        ("b>b", "retry pause"),
        ("c>b", "errors"),
        ("b>a", "slow answer"),
    ]


def test_so_it_is_where_a_rate_limit_says_when_to_come_again():
    """Without the fault the request isn't made and has no counterpart: its pause counts, its work does not."""
    limit = "rate_limit: {max_tokens: 1, tokens_per_fill: 1, fill_interval: 2s}"
    text = chain(edge="timeout: 9s", b_to_c="retry: {max_attempts: 3, on: [rate_limited]}", c=limit)
    play = Play(text, None, 1, 2)
    found = Mechanism(play.mesh, [])
    found.walk(play.fact, Tree(play.sites, []))
    told = [(f"{step.origin}>{step.reached}", step.mechanism) for step in found.steps()]
    assert ("c>c", "rate limit") in told and ("b>b", "retry pause") in told
    assert not {("c>c", "cpu saturation"), ("c>b", "slow answer")} & set(told)


def test_no_pause_is_told_where_all_attempts_failed_since_time_was_not_the_reason():
    text = chain(edge="timeout: 9s", b_to_c="retry: {max_attempts: 3, base: 1s, maximum: 4s, budget: none}")
    assert [step[1:] for step in steps(text, Fail(target=C, share=1, error="unavailable"))] == [
        ("c>c", "errors"),
        ("c>b", "errors"),
        ("b>a", "failed dependency"),
    ]


# -- failed --------------------------------------------------------------------------------------------------------


def test_an_error_fails_one_caller_after_another():
    assert steps(chain(), Fail(target=C, share=1)) == [
        (33, "c>c", "errors"),
        (34, "c>b", "errors"),
        (35, "b>a", "failed dependency"),
    ]


def test_a_refused_connection_leaves_nothing_at_the_callee():
    assert steps(chain(), Refuse(target=C)) == [
        (24, "c>b", "connection refused"),
        (25, "b>a", "failed dependency"),
    ]


def test_an_open_breaker_is_why_the_callee_is_not_even_asked():
    breaker = "breaker: {window_calls: 4, minimum_calls: 2, failure_rate: 50%, open_for: 10s}"
    text = chain(b_to_c=breaker)
    assert steps(text, Fail(target=C, share=1), 1, 101, 201, 301) == [
        (322, "c>b", "circuit breaker open"),
        (323, "b>a", "failed dependency"),
    ]


def test_a_full_queue_is_overload_of_the_callee():
    text = chain(c="workers: 1, queue: 0", b="workers: 5, cpu: 5")
    assert steps(text, Slow(target=C, factor=50), 1, 101) == [
        (123, "c>c", "overload"),
        (124, "c>b", "overload"),
        (125, "b>a", "failed dependency"),
    ]


def test_of_calls_that_failed_the_one_that_fails_in_this_run_only_is_the_reason():
    """The optional call to d fails too, but is ignored."""
    text = chain(calls="[d.get: {optional: true}, c.get]")
    assert [edge for _, edge, _ in steps(text, Fail(target=C, share=1))] == ["c>c", "c>b", "b>a"]
    assert steps(text, Fail(target=B, share=1)) == [(22, "b>b", "errors"), (23, "b>a", "errors")]


def of_load(text, fault, *requests):
    """Return the load steps of a request's mechanism: edge, kind, and the number of spans as evidence."""
    found = mechanism(text, fault, *requests)
    return [(f"{step.origin}>{step.reached}", step.mechanism, len(step.evidence)) for step in found.steps_of_load()]


def test_further_attempts_are_kept_apart_by_edge():
    retry = "retry: {max_attempts: 3, base: 1ms, budget: none}"
    assert of_load(chain(b_to_c=retry), Fail(target=C, share=1, error="unavailable")) == [("b>c", AMPLIFIED, 2)]


def test_hedges_are_a_step_of_load_of_their_own_whichever_attempt_has_the_answer():
    """A withdrawn hedge was still sent; an attempt right after a failure is a hedge too."""
    hedge = "hedge: {delay: 20ms, max_attempts: 3, non_fatal: [unavailable]}"
    assert of_load(chain(b_to_c=hedge), Slow(target=C, factor=50)) == [("b>c", HEDGED, 2)]
    assert of_load(chain(b_to_c=hedge), Fail(target=C, share=1, error="unavailable")) == [("b>c", HEDGED, 2)]
    assert of_load(chain(b_to_c="hedge: {delay: 2s}"), Slow(target=C, factor=50)) == []


def balanced(outlier, replicas=2, more=""):
    """Return a gateway a that calls replicas of b round robin, each of which serves one call at a time, in 100 ms."""
    return f"""
name: balanced
defaults: {{edge: {{latency: 1ms}}, service: {{readiness: {{period: 10m}}}}}}
services:
  a: {{operations: {{home: {{work: 1ms, calls: [b.get]}}}}}}
  b: {{workers: 1, replicas: {replicas}, operations: {{get: {{work: 100ms}}}}, {more}}}
edges: {{a -> b: {{outlier: {outlier}}}}}
workload: {{rate: 1/s, mix: {{a.home: 1}}}}
"""


def failing(*replicas):
    """Return a fault that fails some replicas of b."""
    targets = tuple(Target("replica", "b", replica=replica) for replica in replicas)
    return Fail(target=targets[0], targets=targets, share=1, error="unavailable")


def test_load_that_an_ejection_moves_is_a_step_of_what_waits_for_it():
    """A failure at b-0 ejects it; the last request would have found it idle, but waits at b-1."""
    text = balanced("{consecutive: 1}")
    assert steps(text, failing(0), 1, 2, 201, 202)[0] == (204, "b>b", "queueing")
    assert of_load(text, failing(0), 1, 2, 201, 202) == [("a>b", EJECTED, 1)]
    assert of_load(balanced("none"), failing(0), 1, 2, 201, 202) == []


def test_load_that_an_ejection_moves_is_a_step_of_what_is_turned_away_for_it():
    text = balanced("{consecutive: 1}", more="queue: 0")
    assert steps(text, failing(0), 1, 2, 201, 202)[0] == (204, "b>b", "overload")
    assert of_load(text, failing(0), 1, 2, 201, 202) == [("a>b", EJECTED, 1)]


def test_an_ejection_that_there_is_without_the_fault_too_is_no_step_of_it():
    """b has errors of its own, and the fault only slows its work."""
    text = balanced("{consecutive: 1}").replace("work: 100ms", "work: 100ms, error_rate: 100%")
    assert of_load(text, Slow(target=B, factor=2), 1, 2, 201, 202) == []


def test_calls_to_replicas_that_are_ejected_since_too_few_are_left_are_a_step_from_their_caller():
    """All three are out, or only the one that may always be."""
    text = balanced("{consecutive: 1, most: 100%}", replicas=3)
    requests = (1, 2, 3, 301)
    assert of_load(text, failing(0, 1, 2), *requests) == [("a>b", PANIC, 1)]
    assert of_load(text.replace("100%", "10%"), failing(0, 1, 2), *requests) == []
    assert of_load(text, Slow(target=B, factor=2), *requests) == []


def test_a_step_counts_a_request_once_and_keeps_the_first_three_spans():
    found = Mechanism((play := Play(chain(), Fail(target=C, share=1), 1)).mesh, [])
    for _ in range(5):
        found.walk(play.fact, play.other)
    assert {step.requests for step in found.steps()} == {5}
    assert {len(step.evidence) for step in found.steps()} == {1}
    assert found.passed() == {"a": 5, "b": 5, "c": 5}
    assert found.beyond("a") == {"b": 5} and found.beyond("b") == {"c": 5} and found.beyond("c") == {}


# -- in whole incidents ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", HARMFUL)
def test_each_step_is_shown_by_spans_of_the_services_it_names(kind):
    run = incident(kind)
    told = [step for fault in run.key["faults"] for step in fault["mechanism"]]
    assert told
    for step in told:
        assert 1 <= len(step["evidence"]) <= 3
        for evidence in step["evidence"]:
            span = run.spans[evidence["span_id"]]
            assert span["trace_id"] == evidence["trace_id"]
            of_load = step["mechanism"] in OF_LOAD
            caller, callee = (step["from"], step["to"]) if of_load else (step["to"], step["from"])
            within = (span["service"], span["kind"]) == (caller, "server") and caller == callee
            assert within or (span["service"], span["peer"], span["kind"]) == (caller, callee, "client")


@pytest.mark.parametrize("kind", HARMFUL)
def test_the_error_of_a_span_that_shows_a_failure_is_the_failure(kind):
    run = incident(kind)
    for step in run.key["faults"][0]["mechanism"]:
        names = {error.name for error in ERRORS.values() if error.mechanism == step["mechanism"] != "errors"}
        errors = {run.spans[evidence["span_id"]]["error_type"] for evidence in step["evidence"]}
        if step["mechanism"] == "connection pool exhausted":
            names |= {"timeout", None}  # the deadline of the call may come before that of the wait, or neither
        if step["mechanism"] == "slow answer":
            names |= {None}  # it arrived, but late
        if names:
            assert errors <= names


@pytest.mark.parametrize("kind", HARMFUL)
def test_steps_are_in_order_of_onset_after_the_fault_began_and_none_is_of_more_requests_than_were_harmed(kind):
    run = incident(kind)
    (fault,) = run.key["faults"]
    onsets = [step["onset"] for step in fault["mechanism"]]
    assert onsets == sorted(onsets)
    assert onsets[0] >= fault["start"]
    assert all(1 <= step["requests"] <= run.key["requests"]["harmed"] for step in fault["mechanism"])


@pytest.mark.parametrize(
    ("kind", "mechanism"),
    [
        ("drop", "packet loss"),
        ("delay", "network delay"),
        ("deploy", "errors"),
        ("fail", "errors"),
        ("hang", "overload"),
        ("hog_cpu", "cpu saturation"),
        ("leak", "connection refused"),
        ("refuse", "connection refused"),
        ("slow", "slow work"),
        ("stop", "connection refused"),
    ],
)
def test_what_a_kind_of_fault_does_is_among_the_steps_at_its_target(kind, mechanism):
    (fault,) = incident(kind).key["faults"]
    origins = {step["from"] for step in fault["mechanism"] if step["mechanism"] == mechanism}
    assert fault["root_cause"]["service"] in origins


def test_further_attempts_are_a_step_where_calls_took_more_of_them_than_without_the_fault():
    """The number of additional attempts agrees with the trace files."""
    run = incident("stop")
    begin = run.key["faults"][0]["start"]
    (step,) = [step for step in run.key["faults"][0]["mechanism"] if step["mechanism"] == AMPLIFIED]

    def attempts(records):
        calls = records["traces"].filter(kind="client", service=step["from"], peer=step["to"])
        calls = calls.filter(calls["timestamp"] >= begin)
        return len(calls) / len(calls.filter(attempt=1))

    assert step["factor"] == pytest.approx(attempts(run.frames) / attempts(run.without("stop-1")), abs=1e-3)
    assert step["factor"] > 1.02


def test_of_two_faults_each_has_its_own_mechanism():
    fork = """
name: fork
services:
  gateway: {operations: {left: {work: 1ms, calls: [one.get]}, right: {work: 1ms, calls: [two.get]}}, workers: 50}
  one: {operations: {get: {work: 5ms}}, workers: 50}
  two: {operations: {get: {work: 5ms}}, workers: 50}
workload: {rate: 40/s, mix: {gateway.left: 1, gateway.right: 1}}
"""
    run = compare(simulation("fail: {target: one, share: 50%}", "refuse: {target: two}", mesh=fork))
    first, second = (
        [(step["from"], step["to"], step["mechanism"]) for step in fault["mechanism"]] for fault in run.key["faults"]
    )
    assert first == [("one", "one", "errors"), ("one", "gateway", "errors")]
    assert second[0] == ("two", "gateway", "connection refused")
    assert {origin for origin, *_ in second} == {"two"}
