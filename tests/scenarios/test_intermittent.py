"""Every service fails a small share of its requests: logs are full of errors, and nothing is down."""

import polars as pl
import pytest
from measures import failed

SCENARIO = "intermittent"
SECOND = 1_000_000


def test_fifteen_percent_of_log_lines_are_errors(run):
    assert (run.logs["level"] == "ERROR").mean() == pytest.approx(0.15, abs=0.02)


def test_errors_are_scattered_over_time(run):
    """No second of the recording has more than three times the mean."""
    seconds = run.logs.filter(pl.col("at") < run.scenario.length * SECOND).group_by(pl.col("at") // SECOND)
    counts = seconds.agg((pl.col("level") == "ERROR").sum())["level"]
    assert len(counts) == run.scenario.length
    assert counts.max() <= 3 * counts.mean()


def test_errors_are_scattered_over_services_and_none_is_down(run):
    services = {fault.target.service for fault in run.scenario.faults}
    slices = run.traces.filter(kind="server").group_by("service", pl.col("t") // 10)
    errors = slices.agg(pl.len(), errors=(pl.col("status") == "error").mean())
    assert set(errors.filter(pl.col("errors") > 0)["service"]) >= services
    assert errors.filter(pl.col("len") >= 10)["errors"].max() < 0.5
    assert run.events_of("replica_ejected").is_empty()


def test_retries_and_the_database_behind_the_cache_cure_nearly_all(run):
    assert failed(run.roots) < 0.02
