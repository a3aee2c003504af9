"""The database fails: statements crawl, err and hang, then every connection is refused."""

import polars as pl
from measures import failed, harmed, level, p95
from recording import play

SCENARIO = "outage"
EVEN = True
TARGET = "database"
REFUSING = 24  # seconds into the incident


def opened(run, start, end):
    """Return the connections to the database opened in an interval of the incident, including refused ones."""
    samples = run.metric(TARGET, "connections_opened")
    return samples.filter(pl.col("t") > start, pl.col("t") <= end)["value"].sum()


def test_nine_of_ten_attempts_at_the_database_fail_even_without_those_a_breaker_stopped(run):
    assert failed(run.before(run.asked(TARGET))) < 0.01
    attempts = run.incident(run.asked(TARGET))
    assert failed(attempts) >= 0.9
    assert failed(attempts.filter(pl.col("error_type").ne_missing("circuit_open"))) >= 0.9


def test_callers_log_failed_connections_and_the_database_what_only_a_database_logs(run):
    def told(error):
        """Return callers' log lines about attempts that ended in an error, if they name the database."""
        spans = run.incident(run.asked(TARGET)).filter(error_type=error)
        return run.logs.join(spans, on="span_id", how="semi").filter(pl.col("message").str.contains(TARGET))

    assert len(told("connection_refused")) > 10
    assert len(told("no_ready_replica")) > 10
    own = run.incident(run.logs).filter(service=TARGET)["message"]
    assert own.str.contains("^ERROR: +(?:deadlock detected|could not read block)").sum() > 20


def test_query_time_climbs_while_the_storage_crawls(run):
    times = run.metric(TARGET, "query_time_p95")
    assert level(run.within(times, 0, REFUSING)) > 5 * level(run.before(times))


def test_pools_fill_while_statements_hang(run):
    used = run.metric(TARGET, "connections_in_use")
    climb = [level(run.within(used, start, start + 8)) for start in (-8, 0, 8, 16)]
    assert climb == sorted(set(climb))
    assert climb[-1] > 10 * max(0.1, climb[0])


def test_most_requests_that_need_the_database_fail_and_most_others_do_not(run, seed):
    """The healthy twin shows which do, since its lookups hit and miss alike."""
    healthy = play(SCENARIO, seed, even=True, without="faults")
    need = healthy.handled(TARGET).select("trace_id").unique()
    roots = run.incident(run.roots)
    assert failed(roots.join(need, on="trace_id", how="semi")) > 0.9
    assert failed(roots.join(need, on="trace_id", how="anti")) < 0.4


def test_callers_open_their_connections_anew_once_it_is_back(run):
    end = run.scenario.duration
    callers = [edge.caller for edge in run.topology.edges if edge.callee == TARGET]
    peak = opened(run, end, end + 15)
    # Before, only a new process has any to open: at most its whole pool of ten.
    assert opened(run, -run.scenario.lead_in, 0) <= 10 * len(run.before(run.events_of("restart")))
    assert peak >= len(callers)
    # The rate is over five times that of later, when two calls need one at once only now and then.
    later = opened(run, end + 15, run.scenario.length)
    assert peak / 15 > 5 * later / (run.scenario.length - run.scenario.lead_in - end - 15)


def test_it_recovers(run):
    later = run.within(run.traces, run.scenario.duration + 30, run.scenario.length)
    assert failed(later) < 0.01
    assert p95(later.filter(kind="server", service=TARGET)) <= 1.5 * p95(run.before(run.handled(TARGET)))


def test_severity_is_monotone(seed):
    shares = [harmed(SCENARIO, seed, severity) for severity in (0.25, 0.5, 1.0)]
    assert shares == sorted(set(shares))
