"""Outlier detection that ejects nothing, or everything."""

import pytest
from odd_meshes import pair


@pytest.mark.parametrize(
    ("outlier", "replicas", "odd"),
    [
        ("{}", 2, None),
        ("{}", 1, "ejects nothing: db has only one replica, which panic keeps in use"),
        ("{panic: 0%}", 1, "ejects the only replica of db: then all calls fail, for 30s"),
        ("{consecutive: none, success_rate: none}", 2, "ejects nothing: all its rules are off"),
        ("{consecutive: none, success_rate: none, gateway: 5}", 2, None),
        ("{consecutive: none}", 4, "ejects nothing: it needs 5 replicas of db, which has 4"),
        (
            "{consecutive: none}",
            5,
            "ejects nothing: it needs 100 requests to a replica in 10s, but 40 are usual",
        ),
        ("{consecutive: none, interval: 30s}", 5, None),
        ("{consecutive: none, success_rate: none, failure_share: {hosts: 2}}", 2, None),
        ("{failure_share: 50%}", 4, "failure_share ejects nothing: it needs 5 replicas of db, which has 4"),
        ("{gateway: 5}", 2, "gateway ejects nothing: consecutive does so first, after 5 failures in a row"),
        ("{gateway: 4}", 2, None),
        ("{longest: 20s}", 2, "its ejections do not grow: the first lasts 30s, above the longest of 20s"),
    ],
)
def test_detection_can_eject_one_replica_and_leave_others(outlier, replicas, odd):
    found = pair(f"{{outlier: {outlier}}}", db=f"{{replicas: {replicas}, operations: {{get: {{work: 10ms}}}}}}")
    assert found == ([("edges.app -> db.outlier", odd)] if odd else [])


def test_a_replica_that_an_autoscaler_may_add_is_another():
    db = "{autoscale: {maximum: 2, cpu: 50%}, operations: {get: {work: 10ms}}}"
    assert pair("{outlier: {}}", db=db) == []


def test_a_version_with_a_weight_has_its_own_replicas_to_choose_among():
    db = "{{operations: {{get: {{work: 10ms}}}}, versions: {{old: {{replicas: 3, {0}}}, new: {{{1}}}}}}}"
    assert pair("{outlier: {panic: 0%}}", db=db.format("weight: 90", "weight: 10, replicas: 2")) == []
    assert pair("{outlier: {panic: 0%}}", db=db.format("operations: {}", "replicas: 1")) == []
    assert pair("{outlier: {panic: 0%}}", db=db.format("weight: 90", "weight: 10")) == [
        ("edges.app -> db.outlier", "ejects the only replica of db new: then all calls fail, for 30s")
    ]
