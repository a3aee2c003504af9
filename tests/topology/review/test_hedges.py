"""Hedges that are of no use."""

import pytest
from odd_meshes import pair

MIXED = "{mixture: [{weight: 80%, constant: 10ms}, {weight: 20%, constant: 90ms}]}"
TWO = f"{{replicas: 2, operations: {{get: {{work: {MIXED}}}}}}}"


@pytest.mark.parametrize(
    ("edge", "odd"),
    [
        ("{hedge: 20ms}", None),
        ("{hedge: 11ms}", "hedges 100% of the healthy calls: they take longer than 11ms"),
        # Sending two at once is an explicit choice.
        ("{hedge: 0ms}", None),
        ("{hedge: {delay: 11ms, percentile: 95%}}", None),
        ("{timeout: 1s, hedge: 1s}", "never hedges: it waits 1s, but a call is given up after 1s"),
        ("{timeout: 1s, hedge: 900ms}", None),
        ("{timeout: 1s, hedge: {delay: 1s, percentile: 95%}}", None),
        ("{overall_timeout: 1s, hedge: 2s}", "never hedges: it waits 2s, but a call is given up after 1s"),
    ],
)
def test_a_hedge_is_for_slow_calls(edge, odd):
    assert pair(edge, db=TWO) == ([("edges.app -> db.hedge", odd)] if odd else [])


def test_other_attempts_need_another_replica():
    assert pair("{hedge: 50ms}") == [("edges.app -> db.hedge", "hedges to the same replica: db has only one")]
    assert pair("{hedge: 50ms}", db="{kind: external, operations: {get: {work: 10ms}}}") == []
    assert pair("{retry: 3, avoid_tried: true}", db=TWO) == []
    assert pair("{retry: 3, avoid_tried: true}") == [
        ("edges.app -> db.avoid_tried", "does nothing: db has only one replica")
    ]
    assert pair("{avoid_tried: true}", db=TWO) == [
        ("edges.app -> db.avoid_tried", "does nothing: without a retry or a hedge there is one attempt")
    ]


def test_what_is_hedged_in_time_is_not_too_slow():
    late = [message for _, message in pair("{timeout: 60ms}", db=TWO) if "healthy answers take longer" in message]
    assert late == [
        "app waits 60ms for db.get, but 20% of its healthy answers take longer (mean 28ms, p99 92ms)",
    ]
    assert pair("{timeout: 60ms, hedge: {delay: 15ms, max_attempts: 4}}", db=TWO) == []
