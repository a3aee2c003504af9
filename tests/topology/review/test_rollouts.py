"""Rollouts that leave no replica, or cannot begin."""

import pytest
from odd_meshes import found


def rolled(rollout, replicas=2, cluster="none"):
    room = "" if cluster == "none" else f"cluster: {cluster}"
    services = f"{{app: {{cpu: 1, replicas: {replicas}, rollout: {rollout}, operations: {{go: {{work: 1ms}}}}}}}}"
    return found(f"name: m\nservices: {services}\nworkload: {{mix: {{app.go: 1}}}}\n{room}")


@pytest.mark.parametrize(
    ("rollout", "replicas", "odd"),
    [
        ("{}", 1, None),
        ("{max_unavailable: 1}", 2, None),
        ("{max_unavailable: 1}", 1, "1 of 1 replica leaves none while a version is replaced"),
        ("{max_unavailable: 100%}", 4, "100% of 4 replicas leaves none while a version is replaced"),
        ("recreate", 1, None),
    ],
)
def test_a_rolling_update_leaves_a_replica(rollout, replicas, odd):
    assert rolled(rollout, replicas) == ([("services.app.rollout.max_unavailable", odd)] if odd else [])


@pytest.mark.parametrize(
    ("rollout", "cluster", "needed"),
    [
        ("{}", 3, None),
        ("{}", 2, "rolling starts with new replicas of 1 cores"),
        ("{max_unavailable: 1}", 2, None),
        ("in_place", 2, None),
        ("blue_green", 4, None),
        ("blue_green", 3, "blue_green starts with new replicas of 2 cores"),
    ],
)
def test_a_rollout_that_starts_new_replicas_first_finds_room(rollout, cluster, needed):
    left = cluster - 2
    message = f"has no room for a rollout of app: {needed} beside the old ones, but {left} are left"
    assert rolled(rollout, cluster=cluster) == ([("cluster", message)] if needed else [])
