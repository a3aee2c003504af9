"""Queues whose discipline makes no difference, and caches that nobody uses."""

import pytest
from odd_meshes import found


def queued(queue, operation="", call="db.get"):
    return found(
        f"""
        name: queued
        services:
          app: {{operations: {{go: {{work: 1ms, {operation} calls: [{call}]}}}}}}
          db: {{{queue}, operations: {{get: {{work: 1ms}}}}}}
        workload: {{mix: {{app.go: 1}}}}
        """
    )


@pytest.mark.parametrize(
    ("queue", "odd"),
    [
        ("limit: 0", None),
        ("limit: 0, discipline: lifo", "lifo does nothing: nothing waits in a queue of 0"),
        ("discipline: codel", None),
        (
            "discipline: codel, target: 100ms",
            "a standing queue makes no difference: its target of 100ms is not below its interval of 100ms",
        ),
        ("discipline: priority", "priority does nothing: no request has a criticality"),
    ],
)
def test_a_discipline_makes_a_difference(queue, odd):
    assert queued(f"queue: {{{queue}}}") == ([("services.db.queue", odd)] if odd else [])


@pytest.mark.parametrize(
    "words", [{"operation": "criticality: sheddable,"}, {"call": "db.get: {criticality: sheddable}"}]
)
def test_who_is_critical_is_asked_by_queues_with_priorities_only(words):
    assert queued("queue: {discipline: priority}", **words) == []
    assert queued("queue: 64", **words) == [
        ("services.app.operations.go", "its criticality does nothing: no queue has the discipline priority")
    ]


def test_a_cache_that_warms_up_is_asked():
    assert queued("kind: cache, warm_up: 1m", call="db.get: {hit_rate: 50%}") == []
    assert queued("kind: cache, warm_up: 1m") == [
        ("services.db.warm_up", "does nothing: no call looks anything up in it (hit_rate)")
    ]
