"""Services that the usual load keeps too busy."""

import pytest
from odd_meshes import found, pair


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


def test_versions_are_measured_one_by_one():
    """Half of the calls go to one replica of five: it gets 40/s, and bears 50."""
    text = """
        name: split
        services:
          app:
            cpu: 1
            operations: {{go: {{work: 20ms}}}}
            versions: {{old: {{replicas: 4, weight: 50}}, new: {{replicas: {}, weight: 50}}}}
        workload: {{rate: 96/s, mix: {{app.go: 1}}}}
        """
    assert found(text.format(2)) == []
    assert found(text.format(1)) == [("services.app.versions.new", "little headroom: 48/s keep 96% of its cores busy")]


def test_a_quota_gives_a_request_the_time_that_it_needs():
    assert pair(db="{cpu: 200m, operations: {get: {work: 20ms}}}", rate="1/s") == []
    assert pair(db="{cpu: 200m, operations: {get: {work: 21ms}}}", rate="1/s") == [
        (
            "services.db.cpu",
            "100% of the requests for get are throttled even when alone: 0.2 cores give them 20ms of CPU time "
            "every 100ms",
        )
    ]
