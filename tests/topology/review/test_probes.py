"""Probes that are too impatient."""

from odd_meshes import pair


def test_a_liveness_probe_must_let_a_process_start():
    """Kubernetes' probe asks three times in 20 s, counted from the start of the process."""
    slow = "{{startup: 20s, liveness: {probe}, operations: {{get: {{work: 10ms}}}}}}"
    assert pair(db=slow.format(probe="{initial_delay: 1s}")) == []
    ((place, text),) = pair(db=slow.format(probe="{}"))
    assert place == "services.db.liveness"
    assert text.startswith("a restarted process takes 20s to start, but may be killed after 20s")


def test_a_startup_probe_must_let_a_process_start_and_stands_in_for_the_liveness_probe():
    slow = "{{startup: 25s, liveness: {{}}, startup_probe: {probe}, operations: {{get: {{work: 10ms}}}}}}"
    ((place, text),) = pair(db=slow.format(probe="{}"))
    assert place == "services.db.startup_probe"
    assert text.startswith("a restarted process takes 25s to start, but is killed after 20s")
    assert pair(db=slow.format(probe="{failure_threshold: 4}")) == []


def test_pauses_between_restarts_grow():
    crashing = "{{restart_backoff: {backoff}, operations: {{get: {{work: 10ms}}}}}}"
    assert pair(db=crashing.format(backoff="1m")) == []
    assert pair(db=crashing.format(backoff="10m")) == [
        ("services.db.restart_backoff", "its pauses do not grow: the base of 10m is above the maximum of 5m")
    ]
