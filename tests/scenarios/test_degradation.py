"""inventory-service gets slower and slower; its callers wait for it, then give up."""

import polars as pl
from measures import failed, harmed, p95
from wordings import read

SCENARIO = "degradation"
EVEN = True
TARGET = "inventory-service"


def test_the_target_gets_slower_from_third_to_third_to_more_than_three_times(run):
    served = run.handled(TARGET).with_columns(t=pl.col("end") / 1e6 - run.scenario.lead_in)
    third = run.scenario.duration / 3
    thirds = [p95(run.within(served, i * third, (i + 1) * third)) for i in range(3)]
    assert thirds == sorted(thirds)
    assert thirds[-1] >= 3 * p95(run.before(served))


def test_it_answers_slowly_but_is_not_what_fails(run):
    errors = run.incident(run.handled(TARGET)).filter(status="error")
    assert set(errors["error_type"]) <= {"dependency_failed", "overloaded"}


def test_its_callers_time_out_in_client_spans_and_each_of_these_in_their_logs(run):
    late = run.asked(TARGET).filter(error_type="timeout")
    assert len(late) >= 20
    assert set(late["service"]) == {"product-service", "order-service"}
    told = [
        (row["span_id"], values["timeout_ms"])
        for row, ways in read(run.logs, late, run.topology)
        for values in ways
        if "timeout_ms" in values
    ]
    assert {span for span, _ in told} == set(late["span_id"])
    assert {limit for _, limit in told} == {"1000"}


def test_users_feel_it_and_only_while_it_lasts(run):
    assert failed(run.before(run.roots)) < 0.01
    last = run.within(run.roots, run.scenario.duration * 2 / 3, run.scenario.duration)
    assert p95(last) > 3 * p95(run.before(run.roots))


def test_thirty_seconds_after_the_end_it_is_back_within_half_as_much_again(run):
    later = run.within(run.handled(TARGET), run.scenario.duration + 30, run.scenario.length)
    assert p95(later) <= 1.5 * p95(run.before(run.handled(TARGET)))
    assert failed(run.within(run.roots, run.scenario.duration + 30, run.scenario.length)) < 0.01


def test_severity_is_monotone(seed):
    shares = [harmed(SCENARIO, seed, severity) for severity in (0.25, 0.5, 1.0)]
    assert shares == sorted(set(shares))
