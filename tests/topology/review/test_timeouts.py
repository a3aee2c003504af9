"""Timeouts that are too short."""

import pytest
from odd_meshes import found, line, pair


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
    ("edge", "key"),
    [
        ("{overall_timeout: 2s, retry: 3}", "overall_timeout"),
        ("{timeout: 2s, overall_timeout: 2s}", "timeout"),
        ("{timeout: 2s, overall_timeout: 9s}", "timeout"),
    ],
)
def test_the_timeout_that_ends_an_attempt_first_counts(edge, key):
    seven_seconds = "{operations: {get: {work: 7s}}}"
    (finding,) = [each for each in pair(edge, db=seven_seconds, rate="1/s") if each[0].startswith("edges")]
    message = "app waits 2s for db.get, but 100% of its healthy answers take longer (mean 7s, p99 7s)"
    assert finding == (f"edges.app -> db.{key}", message)


def outlasting(**policies):
    return [finding for finding in line(**policies) if "nobody waits" in finding[1]]


def test_what_is_cancelled_leaves_no_work_behind():
    """b stops when a gives up on it; b's own calls stop if they are cancelled too, or share its deadline."""
    impatient = "{timeout: 200ms, cancellation: true}"
    assert outlasting(a=impatient, b="{timeout: 5s, cancellation: true}", c="{timeout: 5s}") == []
    passes_on = "{timeout: 5s, inherit_deadline: true}"
    assert outlasting(a=impatient, b=passes_on, c="{timeout: 4s, inherit_deadline: true}") == []
    assert outlasting(a=impatient, b="{timeout: 5s}", c="{timeout: 4s}") == [
        (
            "edges.b -> c.cancellation",
            "b gives up after 200ms when it is cancelled, but c.go may wait 4s for what it calls "
            "(timeouts x attempts): work that nobody waits for",
        )
    ]


def test_a_deadline_that_is_inherited_ends_the_wait_of_a_callee():
    patient = "{timeout: 5s, retry: 2, inherit_deadline: true}"
    assert outlasting(a="{timeout: 200ms}", b=patient, c=patient) == []
    assert outlasting(a="{timeout: 200ms}", b=patient, c="{timeout: 4s}") == [
        (
            "edges.b -> c.inherit_deadline",
            "b gives up after 200ms when its inherited deadline expires, but c.go may wait 4s for what it "
            "calls (timeouts x attempts): work that nobody waits for",
        )
    ]


def test_all_attempts_at_a_hung_callee_take_as_long_as_the_overall_timeout():
    assert outlasting(a="{timeout: 1s}", b="{overall_timeout: 1s, retry: 3}", c="{}") == []
    ((place, message),) = outlasting(a="{timeout: 1s}", b="{overall_timeout: 2s, retry: 3}", c="{}")
    assert place == "edges.a -> b.timeout"
    assert message.startswith("a gives up after 1s, but b.go may wait 2s for what it calls")


def test_all_attempts_have_the_time_of_one():
    assert pair("{timeout: 1s, overall_timeout: 1s}") == []
    assert pair("{timeout: 2s, overall_timeout: 1s}") == [
        ("edges.app -> db.timeout", "does nothing: the overall_timeout of 1s is shorter than its 2s")
    ]


@pytest.mark.parametrize("key", ["inherit_deadline", "cancellation"])
def test_a_deadline_that_travels_begins_somewhere(key):
    assert line(a="{timeout: 1s}", b=f"{{{key}: true}}", c=f"{{{key}: true}}") == []
    assert line(a=f"{{{key}: true}}", b=f"{{{key}: true}}", c="{}") == [
        (f"edges.a -> b.{key}", "does nothing: no call in this mesh has a timeout")
    ]
