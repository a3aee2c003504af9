"""Autoscalers that cannot work."""

from odd_meshes import found


def scaled(autoscale, service="cpu: 2, replicas: 2", rate="100/s", app="work: 10ms", top=""):
    """Return the warnings about the autoscaler of a service whose replicas each bear 200/s."""
    text = f"""
        name: scaled
        services:
          app: {{{service}, autoscale: {autoscale}, operations: {{go: {{{app}}}}}}}
          slow: {{workers: 100, operations: {{go: {{work: 90ms}}}}}}
          other: {{operations: {{go: {{calls: slow.go}}}}}}
        workload: {{rate: {rate}, mix: {{app.go: 1, other.go: 0.000001}}}}
        {top}
        """
    return [message for path, message in found(text) if path == "services.app.autoscale"]


def test_the_most_replicas_must_reach_the_target():
    """Four at 70% of two cores that bear 200/s, plus a tenth, are 616/s."""
    assert scaled("{maximum: 4, cpu: 70%}", rate="610/s") == []
    assert scaled("{maximum: 4, cpu: 70%}", rate="620/s") == [
        "its target asks for 5 replicas at the usual load, but its maximum is 4"
    ]


def test_a_target_of_cores_is_never_seen_where_workers_wait_for_others():
    """One worker holds 20 ms per request, of which 2 ms are work: a saturated replica has its core 10% busy."""
    waits = "work: 10ms, calls: slow.go"
    assert scaled("{maximum: 4, cpu: 80%}", "cpu: 1, workers: 1, replicas: 2", "5/s", waits) == [
        "never adds a replica: with all workers of one in use, 9.9% of its cores are busy, which is within the "
        "target of 80% and its tolerance"
    ]
    assert scaled("{maximum: 4, cpu: 8%}", "cpu: 1, workers: 1, replicas: 2", "5/s", waits) == []
    assert scaled("{maximum: 4, cpu: 80%, requests: 5/s}", "cpu: 1, workers: 1, replicas: 2", "5/s", waits) == []


def test_a_target_of_requests_must_be_within_what_a_replica_can_answer():
    assert scaled("{maximum: 4, cpu: none, requests: 150/s}") == []
    assert scaled("{maximum: 4, cpu: none, requests: 190/s}") == [
        "never adds a replica: with all cores of one in use, it answers 200/s, which is within the target of 190/s "
        "and its tolerance"
    ]


def test_an_autoscaler_has_a_choice_and_begins_with_one_that_it_would_make():
    assert scaled("{minimum: 1, maximum: 2}") == []
    assert scaled("{minimum: 2, maximum: 2}") == ["never scales: its minimum and maximum are both 2"]
    assert scaled("{minimum: 3, maximum: 4}") == ["scales 2 replicas to 3 at its first check: 2 is outside its bounds"]


def test_the_most_replicas_must_find_room():
    """The others have 116 cores, one per worker."""
    assert scaled("4", top="cluster: 124") == []
    assert scaled("4", top="cluster: 123") == [
        "may ask for 4 replicas, but the cluster has room for only 3 beside the others"
    ]


def test_each_version_is_scaled_and_replaced_by_itself():
    new = "{weight: 50, autoscale: {maximum: 2, cpu: 50%}, rollout: {max_unavailable: 1}}"
    versions = f"{{old: {{replicas: 3, weight: 50}}, new: {new}}}"
    text = f"""
        name: split
        services: {{app: {{cpu: 1, operations: {{go: {{work: 10ms}}}}, versions: {versions}}}}}
        workload: {{rate: 260/s, mix: {{app.go: 1}}}}
        """
    assert found(text) == [
        (
            "services.app.versions.new.autoscale",
            "its target asks for 3 replicas at the usual load, but its maximum is 2",
        ),
        ("services.app.versions.new.rollout.max_unavailable", "1 of 1 replica leaves none while a version is replaced"),
    ]
