"""An ordinary minute looks healthy."""

import pytest
from measures import failed
from recording import play

SCENARIO = "normal"


def test_hardly_any_request_of_users_fails(run):
    assert failed(run.roots) < 0.01


def test_no_breaker_opens(run):
    assert run.events_of("circuit_breaker_open").is_empty()
    assert (run.metrics.filter(metric="circuit_breaker_state")["value"] == 0).all()


def test_logs_are_about_95_percent_info_and_below_one_percent_error(run):
    share = dict(run.logs["level"].value_counts(normalize=True).iter_rows())
    assert share["INFO"] == pytest.approx(0.95, abs=0.02)
    assert share.get("ERROR", 0) < 0.01


def test_there_is_about_a_log_line_for_every_two_or_three_spans(run):
    assert 0.35 <= len(run.logs) / len(run.traces) <= 0.6


def test_users_come_at_the_rate_of_the_topology_where_they_come_evenly(seed):
    run = play(SCENARIO, seed, even=True)
    expected = run.topology.workload.rate * run.scenario.duration
    assert abs(len(run.roots) - expected) < 4 * expected**0.5


def test_users_come_in_the_mix_of_the_topology(run):
    expected = len(run.roots)
    counts = dict(run.roots["operation"].value_counts().iter_rows())
    total = sum(entry.weight for entry in run.topology.workload.mix)
    for entry in run.topology.workload.mix:
        mean = expected * entry.weight / total
        assert abs(counts[f"{entry.service}.{entry.operation}"] - mean) < 4 * mean**0.5
