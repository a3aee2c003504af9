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
