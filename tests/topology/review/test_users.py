"""Users whose promise even a healthy mesh breaks, or who are too many for it."""

from odd_meshes import found


def used(workload, service="work: 500ms"):
    return found(f"{{name: m, services: {{web: {{operations: {{go: {{{service}}}}}}}}}, workload: {workload}}}")


def test_an_objective_is_kept_while_nothing_is_wrong():
    assert used("{rate: 1/s, objective: {within: 500ms}, mix: {web.go: 1}}") == []
    assert used("{rate: 1/s, objective: {within: 499ms}, mix: {web.go: 1}}") == [
        (
            "workload.objective",
            "is broken while nothing is wrong: 0% of the requests for web.go succeed within 499ms, but 95% are "
            "promised",
        )
    ]


def test_error_rates_break_an_objective_too():
    assert used("{rate: 1/s, mix: {web.go: 1}}", "error_rate: 5%") == []
    assert used("{rate: 1/s, mix: {web.go: 1}}", "error_rate: 6%") == [
        (
            "workload.objective",
            "is broken while nothing is wrong: 94% of the requests for web.go succeed within 1s (6% fail because of "
            "error rates), but 95% are promised",
        )
    ]


def test_patience_outlasts_healthy_answers():
    them = "{{populations: {{them: {{rate: 1/s, mix: {{web.go: 1}}, patience: {}}}}}}}"
    assert used(them.format("501ms")) == []
    assert used(them.format("{exponential: 10s}")) == []
    ((place, message),) = used(them.format("{exponential: 2s}"))
    assert place == "workload.populations.them.patience"
    # 1 - exp(-0.5 / 2)
    assert message == "22% of the healthy answers of web.go come too late (mean patience 2s, mean answer 500ms)"


def test_closed_users_ask_no_faster_than_they_are_answered():
    """Eight users who wait 495 ms and think for 5 ms make 16 requests a second, not 8 / 0.005."""
    db = "db: {workers: 10, operations: {get: {work: 494ms}}}"
    two = f"{{name: m, services: {{web: {{operations: {{go: {{calls: db.get}}}}}}, {db}}}, "
    closed = "workload: {{populations: {{them: {{users: {}, mix: {{web.go: 1}}, think_time: 5ms}}}}}}}}"
    assert found(two + closed.format(8)) == []
    messages = [message for path, message in found(two + closed.format(11)) if path == "services.db"]
    assert messages == [
        "overloaded even when healthy: 22/s need 110% of its cores; closed users slow down until it keeps up"
    ]
