"""Hedging: complete timelines, the formula for its gain, and the figures of "The Tail at Scale"."""

from math import exp

import numpy as np
import polars as pl
import pytest
from laws import check_idle
from recording import record
from stage import Stage, play, take_rows, topology_of

from meshquake.exporters.formats.semconv import Conventions
from meshquake.faults.change import Change
from meshquake.faults.fault import Target
from meshquake.faults.kinds import fault_kinds
from meshquake.faults.scenario import Scenario
from meshquake.sim.engine.call import DECIDED
from meshquake.topology.distributions import Pareto
from meshquake.topology.problems import DocumentError
from meshquake.topology.spec import Edge


def hedged(hedge, work="100ms", more=""):
    """Return a mesh in which web calls db, three replicas in turn, and hedges."""
    return Stage(f"""
name: hedged
defaults: {{edge: {{latency: 1ms}}}}
services:
  web: {{operations: {{home: {{calls: [db.read]}}}}}}
  db: {{replicas: 3, workers: 1, operations: {{read: {{work: {work}}}}}}}
edges: {{web -> db: {{hedge: {hedge}{more}}}}}
workload: {{mix: {{web.home: 1}}}}
""")


def slow(replica, factor):
    """Return a fault that slows one replica."""
    return fault_kinds()["slow"](id=f"s{replica}", target=Target("replica", "db", replica), factor=factor)


def failing(replica, error):
    """Return a fault that fails the requests of one replica."""
    target = Target("replica", "db", replica)
    return fault_kinds()["fail"](id=f"f{replica}", target=target, share=1.0, error=error)


def test_the_first_success_is_taken_and_the_other_goes_on_for_nobody():
    stage = hedged("10ms", work="20ms")
    stage.fault(slow(1, 10.0), 0, 1000)
    stage.request(0)
    assert stage.play() == [
        "0-32 web: success",
        "0-32 web>db: cancelled",
        "1-201 db[1]: success",
        "10-32 web>db #2: success",
        "11-31 db[2]: success",
    ]


def test_with_cancellation_the_other_stops():
    stage = hedged("10ms", work="20ms", more=", cancellation: true")
    stage.fault(slow(1, 10.0), 0, 1000)
    stage.request(0)
    assert stage.play()[2] == "1-33 db[1]: cancelled"


def test_an_answer_in_time_needs_no_hedge():
    stage = hedged("10ms", work="7ms")
    stage.request(0)
    assert stage.play() == ["0-9 web: success", "0-9 web>db: success", "1-8 db[1]: success"]


def test_hedges_follow_one_another_up_to_their_number_and_the_last_to_fail_decides():
    stage = hedged("{delay: 10ms, max_attempts: 3}", more=", timeout: 50ms")
    stage.request(0)
    assert [line for line in stage.play() if " web" in line] == [
        "0-70 web: dependency_failed",
        "0-50 web>db: timeout",
        "10-60 web>db #2: timeout",
        "20-70 web>db #3: timeout",
    ]


def test_after_a_failure_that_is_not_fatal_the_next_attempt_leaves_at_once_and_the_wait_begins_anew():
    stage = hedged("{delay: 50ms, max_attempts: 3, non_fatal: unavailable}", work="10ms")
    stage.fault(failing(1, "unavailable"), 0, 1000)
    stage.fault(slow(2, 100.0), 0, 2000)
    stage.request(0)
    assert [line for line in stage.play() if " web" in line] == [
        "0-74 web: success",
        "0-12 web>db: unavailable",
        "12-74 web>db #2: cancelled",
        "62-74 web>db #3: success",
    ]


def test_any_other_failure_is_the_answer():
    stage = hedged("{delay: 5ms, max_attempts: 3, non_fatal: unavailable}", work="10ms")
    stage.fault(failing(1, "internal"), 0, 1000)
    stage.request(0)
    assert [line for line in stage.play() if " web" in line] == [
        "0-12 web: dependency_failed",
        "0-12 web>db: internal",
        "5-12 web>db #2: cancelled",
        "10-12 web>db #3: cancelled",
    ]


def test_a_deadline_over_all_attempts_ends_all_of_them():
    stage = hedged("{delay: 10ms, max_attempts: 3}", more=", overall_timeout: 25ms")
    stage.request(0)
    assert [line for line in stage.play() if " web" in line] == [
        "0-25 web: dependency_failed",
        "0-25 web>db: timeout",
        "10-25 web>db #2: timeout",
        "20-25 web>db #3: timeout",
    ]


def test_failures_take_grpcs_tokens_from_hedges_too():
    stage = hedged("{delay: 10ms, tokens: {most: 2}}", work="5ms")
    for replica in range(3):
        stage.fault(failing(replica, "unavailable"), 0, 1000)
    stage.request(0)
    # One of two tokens is left after the first failure: no more than half.
    assert [line for line in stage.play() if " web" in line] == [
        "0-7 web: dependency_failed",
        "0-7 web>db: unavailable",
    ]


def test_a_percentile_as_the_delay_is_that_of_the_calls_before():
    stage = hedged("{delay: 10s, percentile: 90%}", work="20ms")
    for replica in range(3):
        stage.fault(slow(replica, 10.0), 4990, 10_000)
    stage.request(*range(0, 5001, 50))  # a hundred of 22 ms each, and one that takes longer
    lines = [line for line in stage.play() if "web>db" in line]
    assert len(lines) == 102
    assert lines[-2:] == ["5000-5202 web>db: success", "5022-5202 web>db #2: cancelled"]


LAW = """
name: law
defaults: {edge: {latency: 0ms}}
services:
  web: {workers: 1000, operations: {home: {calls: [db.read]}}}
  db: {workers: 100000, operations: {read: {work: WORK}}}
edges: {web -> db: {hedge: DELAY}}
workload: {rate: 1000/s, mix: {web.home: 1}}
"""


def test_a_hedged_call_takes_longer_than_t_as_often_as_both_of_two_independent_ones_do():
    """P(T > t) = P(X > t) P(X > t - d), for exponential X of mean 10 ms and a delay of 5 ms."""
    rows = play(topology_of(LAW.replace("WORK", "{exponential: 10ms}").replace("DELAY", "5ms")), 1, 20_000)
    took = (rows["finished"] - rows["arrived"])[rows["caller"] < 0] * 1000
    for t in (6, 10, 15, 20):
        expected = exp(-t / 10) * exp(-(t - 5) / 10)
        assert np.mean(took > t) == pytest.approx(expected, abs=3 * (expected / len(took)) ** 0.5)
    assert np.mean(rows["caller"] >= 0) / np.mean(rows["caller"] < 0) - 1 == pytest.approx(exp(-0.5), abs=0.011)


@pytest.mark.parametrize("percentile", [0.5, 0.95])
def test_a_percentile_hedges_the_share_of_calls_that_it_leaves(percentile):
    """Hedged calls end early, and still count as slow: otherwise the delay falls from one percentile to the next."""
    delay = f"{{delay: 1s, percentile: {percentile:.0%}}}"
    rows = play(topology_of(LAW.replace("WORK", "{exponential: 10ms}").replace("DELAY", delay)), 1, 20_000)
    users, attempts = rows["caller"] < 0, rows["caller"] >= 0
    late = rows["arrived"] > 2.0  # after more than a thousand calls
    hedged = np.sum(attempts & late) / np.sum(users & late) - 1
    assert hedged == pytest.approx(1 - percentile, abs=0.015)


def test_the_tail_at_scale():
    """A hedge after 10 ms cut the p99.9 of reading 1,000 values from 1,800 to 74 ms, for 2% more requests.

    That is the time of the slowest of 1,000 calls. With a tail in which 2% of the calls take more than 10 ms, the
    formula above gives both figures, and the run gives the number of additional calls and the effect on single ones.
    """
    tail = Pareto(0.010, 1.55, 1.8)
    share = 0.02

    def longer(t):
        """Return how often a call takes longer than t seconds, for t beyond the body of the distribution."""
        return share * (0.010 / t) ** 1.55 if t < tail.maximum else 0.0

    def slowest(survival):
        """Return the 99.9th percentile of the slowest of 1,000 calls, in seconds."""
        low, high = 0.02, 2.0
        while high - low > 1e-6:
            middle = (low + high) / 2
            low, high = (middle, high) if (1 - survival(middle)) ** 1000 < 0.999 else (low, middle)
        return high

    assert slowest(longer) == pytest.approx(1.8, abs=0.001)
    assert slowest(lambda t: longer(t) * longer(t - 0.010)) == pytest.approx(0.074, abs=0.001)

    slow = "pareto: {minimum: 10ms, alpha: 1.55, maximum: 1.8s}"
    work = f"{{mixture: [{{weight: 98%, gamma: {{mean: 4ms, cv: 0.2}}}}, {{weight: 2%, {slow}}}]}}"
    p999 = {}
    for delay in ("10ms", "1h"):
        rows = play(topology_of(LAW.replace("WORK", work).replace("DELAY", delay)), 1, 20_000)
        users = rows["caller"] < 0
        p999[delay] = np.quantile((rows["finished"] - rows["arrived"])[users], 0.999)
        more = np.sum(~users) / np.sum(users) - 1
        assert more == pytest.approx(0.02 if delay == "10ms" else 0.0, abs=0.003)
    assert p999["1h"] == pytest.approx(0.069, rel=0.25)
    assert p999["10ms"] < 0.017


def test_each_call_has_one_attempt_that_decides_and_all_comes_back():
    stage = hedged("{delay: 5ms, max_attempts: 3}", work="{exponential: 20ms}", more=", timeout: 40ms, pool: 4")
    stage.request(*range(0, 3000, 15))
    stage.mesh.env.advance(60)
    rows = take_rows(stage.mesh)
    calls = rows[rows["caller"] >= 0]
    deciding = calls[(calls["notes"] & DECIDED) > 0]
    assert sorted(deciding["number"]) == list(range(200))
    assert len({(row["number"], row["attempt_path"]) for row in calls}) == len(calls)
    check_idle(stage.mesh)


# -- telemetry --------------------------------------------------------------------------------------------------------

SEEN = """
name: seen
services:
  web: {kind: gateway, operations: {home: {calls: [app.get]}}}
  app: {workers: 100, operations: {get: {calls: [db.read]}}}
  db: {replicas: 3, workers: 20, cpu: 20, operations: {read: {work: {exponential: 20ms}}}}
edges:
  web -> app: {timeout: 40ms, retry: {max_attempts: 3, base: 1ms}}
  app -> db: {timeout: 200ms, hedge: {delay: 30ms, max_attempts: 3}, cancellation: true}
workload: {rate: 40/s, mix: {web.home: 1}}
"""


@pytest.fixture(scope="module")
def seen():
    fail = fault_kinds()["fail"](id="f", target=Target("service", "db"), share=0.2, error="unavailable")
    quiet = Scenario(name="x", duration=10.0, lead_in=0.0, recovery=0.0, seed=5, faults=(fail,))
    return record(quiet, topology_of(SEEN))


def after_the_first(run, caller, callee):
    """Return attempts on an edge after the first, of those that ended within the samples."""
    ended = run.asked(callee).filter(pl.col("end") < run.metrics["at"].max(), service=caller)
    return len(ended.filter(pl.col("attempt") > 1))


def counted(run, caller, metric):
    return round(run.metrics.filter(service=caller, metric=metric)["value"].sum())


def test_an_attempt_after_the_first_is_a_retry_on_one_edge_and_a_hedge_on_another(seen):
    assert counted(seen, "web", "retry_rate") == after_the_first(seen, "web", "app") > 50
    assert counted(seen, "app", "hedge_rate") == after_the_first(seen, "app", "db") > 50
    assert counted(seen, "app", "retry_rate") == 0


def test_an_edge_that_does_not_hedge_has_no_sample_of_it(seen):
    assert set(seen.metrics.filter(metric="hedge_rate")["service"]) == {"app"}


def test_a_failure_beside_which_others_go_on_is_logged_as_hedged_and_never_as_retried(seen):
    told = seen.logs.filter(service="app", logger="client")["message"]
    assert told.str.contains("; hedged, another attempt goes on").any() and not told.str.contains("retrying").any()
    assert seen.logs.filter(service="web", logger="client")["message"].str.contains("; retrying").any()


def test_a_client_span_of_a_hedge_says_so_and_the_callee_knows_only_the_number_of_the_attempt(seen):
    """As `grpc-previous-rpc-attempts` tells a server, for retries and hedges alike."""
    conventions = Conventions(topology_of(SEEN))
    second = seen.traces.filter(attempt=2)
    for kind, peer, hedge in (("client", "db", "hedge"), ("server", "app", None), ("client", "app", None)):
        said = conventions.describe(second.filter(kind=kind, peer=peer).row(0, named=True)).attributes
        assert (said["mesh.attempt"], said.get("mesh.attempt_kind")) == (2, hedge)


# -- conflicts and changes ------------------------------------------------------------------------------------------


def test_an_edge_that_retries_cannot_hedge():
    with pytest.raises(DocumentError, match="web -> db has a retry and a hedge: set one to none"):
        hedged("10ms", more=", retry: 3")


def test_calls_under_way_when_hedging_is_switched_off_or_on_keep_to_what_they_were_made_with():
    """Off at 15 ms: the race of two goes on, and no third attempt joins. On again: calls without a race stay so."""
    stage = hedged("{delay: 10ms, max_attempts: 3}", more=", timeout: 500ms")
    off = Change.made_of(Edge, {"hedge": None, "overall_timeout": 0.2})
    flip = fault_kinds()["flip"](id="f", target=Target("edge", "web", callee="db"), set=off)
    stage.fault(flip, 15, 60)
    stage.request(0, 50)
    assert [line for line in stage.play() if " web" in line] == [
        "0-102 web: success",
        "0-102 web>db: success",
        "10-102 web>db #2: cancelled",
        "50-152 web: success",
        "50-152 web>db: success",
    ]
