"""A bad version of product-service rolls out, fails its health checks and is rolled back."""

import polars as pl
from measures import failed, harmed
from recording import play

SCENARIO = "deployment"
EVEN = True
TARGET = "product-service"
BAD, GOOD = "2.0.0", "1.0.0"
SHARE = 0.7  # of the bad version's requests fail


def moment(run, kind):
    """Return when the target's only event of a type happened, in seconds since the incident began."""
    return run.events_of(kind).filter(service=TARGET)["t"].item()


def changed(run):
    """Return the replicas that ran the bad version."""
    return set(run.handled(TARGET).filter(version=BAD)["replica"])


def binomial_error(count, share):
    """Return four standard deviations of the count of events with a probability among so many."""
    return 4 * (count * share * (1 - share)) ** 0.5


def test_the_deployment_with_its_version_comes_first(run):
    first = run.events.filter(service=TARGET).row(0, named=True)
    assert (first["type"], first["version"], first["t"]) == ("deployment", BAD, 0)
    assert run.incident(run.logs).filter(level="ERROR")["t"].min() > 0
    assert run.before(run.traces).filter(status="error").is_empty()


def test_health_checks_fail_on_new_replicas_only(run):
    failures = run.events_of("health_check_failed")
    assert len(failures) >= 3
    assert set(failures["version"]) == {BAD}
    assert set(failures["replica"]) == changed(run)


def test_errors_are_in_proportion_to_the_requests_that_the_new_version_gets(run):
    served = run.handled(TARGET).group_by("version").agg(pl.len(), (pl.col("status") == "error").sum())
    requests, errors = {version: counts for version, *counts in served.iter_rows()}[BAD]
    assert 0.02 * run.incident(run.handled(TARGET)).height < requests
    assert abs(errors - SHARE * requests) < binomial_error(requests, SHARE)
    assert run.handled(TARGET).filter(version=GOOD, status="error").is_empty()


def test_configuration_errors_in_its_logs_tell_of_every_failure_and_name_the_version(run):
    failures = run.handled(TARGET).filter(error_type="config_error")
    lines = run.logs.filter(pl.col("message").str.contains(rf"version.{BAD}"), service=TARGET, level="ERROR")
    assert sorted(lines["span_id"]) == sorted(failures["span_id"])
    assert set(lines["replica"]) == changed(run)


def test_it_is_rolled_back_within_the_incident(run):
    assert 0 < moment(run, "rollback") < moment(run, "rollback_completed") < run.scenario.duration
    assert TARGET not in set(run.events_of("deployment_completed")["service"])
    assert run.events_of("rollback")["version"].item() == GOOD


def test_it_is_over_with_the_rollback(run):
    after = run.within(run.traces, moment(run, "rollback_completed"), run.scenario.length)
    assert set(after.filter(service=TARGET, kind="server")["version"]) == {GOOD}
    assert failed(after.filter(pl.col("parent_span_id").is_null())) < 0.01


def test_users_notice(run):
    harm = run.within(run.roots, 0, moment(run, "rollback"))
    assert failed(harm) > 0.02


def test_severity_multiplies_the_share_of_the_new_versions_requests_that_fail(seed):
    shares = []
    for severity in (0.25, 0.5, 1.0):
        served = play(SCENARIO, seed, severity=severity, even=True).handled(TARGET).filter(version=BAD)
        expected = severity * SHARE
        assert abs((served["status"] == "error").sum() - expected * len(served)) < binomial_error(len(served), expected)
        shares.append(failed(served))
    assert shares == sorted(set(shares))


def test_severity_is_monotone(seed):
    shares = [harmed(SCENARIO, seed, severity) for severity in (0.25, 0.5, 1.0)]
    assert shares == sorted(set(shares))
